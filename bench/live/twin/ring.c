#define _GNU_SOURCE
/* TPACKET_V3: receives from a ring of blocks shared with the kernel; sends as AF_PACKET does, which is faster. */
#include "headers.h"
#include "twin.h"

#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>

#define BLOCK_BYTES (1u << 16)
#define BLOCKS 64u
#define RETIRE_MS 1

struct ring_underlay {
  struct underlay base;
  uint8_t header[ETHERNET_BYTES];
  uint8_t *memory;
  uint32_t block;            /* the one being read */
  uint32_t left;             /* packets in it */
  struct tpacket3_hdr *next; /* the next of them */
};

static struct tpacket_block_desc *block(struct ring_underlay *u) {
  return (struct tpacket_block_desc *)(u->memory + u->block * BLOCK_BYTES);
}

static int receive(struct underlay *base, struct packet *packets) {
  struct ring_underlay *u = (struct ring_underlay *)base;
  struct tpacket_hdr_v1 *state = &block(u)->hdr.bh1;
  if (u->next == NULL) {
    if (!(__atomic_load_n(&state->block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER)) return 0;
    u->left = state->num_pkts;
    u->next = (struct tpacket3_hdr *)((uint8_t *)block(u) + state->offset_to_first_pkt);
  }
  int count = 0;
  for (; count < BATCH && u->left > 0; count++, u->left--) {
    struct tpacket3_hdr *header = u->next;
    packets[count] = (struct packet){
        .head = (uint8_t *)header + header->tp_net,
        .head_length = header->tp_snaplen - (header->tp_net - header->tp_mac),
    };
    u->next = (struct tpacket3_hdr *)((uint8_t *)header + header->tp_next_offset);
  }
  return count;
}

/* The block goes back once all of it has been read. */
static void release(struct underlay *base) {
  struct ring_underlay *u = (struct ring_underlay *)base;
  if (u->next == NULL || u->left > 0) return;
  __atomic_store_n(&block(u)->hdr.bh1.block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
  u->next = NULL;
  u->block = (u->block + 1) % BLOCKS;
}

static void send_ring(struct underlay *base, struct packet *packets, int count) {
  send_frames(base, ((struct ring_underlay *)base)->header, packets, count);
}

struct underlay *open_ring(const struct options *options) {
  struct tpacket_req3 request = {
      .tp_block_size = BLOCK_BYTES,
      .tp_block_nr = BLOCKS,
      .tp_frame_size = FRAME_BYTES,
      .tp_frame_nr = BLOCKS * (BLOCK_BYTES / FRAME_BYTES),
      .tp_retire_blk_tov = RETIRE_MS,
  };
  struct sockaddr_ll here = {
      .sll_family = AF_PACKET,
      .sll_protocol = htons(ETH_P_ALL),
      .sll_ifindex = (int)interface_index(options->interface),
  };
  int version = TPACKET_V3;
  /* Room before the link header, for the headers that are put in front. */
  unsigned int reserve = HEADROOM;
  hush_kernel();
  int fd = packet_socket(options, false);
  if (setsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, sizeof version) < 0) fail("PACKET_VERSION");
  if (setsockopt(fd, SOL_PACKET, PACKET_RESERVE, &reserve, sizeof reserve) < 0) fail("PACKET_RESERVE");
  if (setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &request, sizeof request) < 0) fail("PACKET_RX_RING");
  struct ring_underlay *u = calloc(1, sizeof *u);
  u->base = (struct underlay){.fd = fd, .receive = receive, .release = release, .send = send_ring};
  u->memory = mmap(NULL, (size_t)BLOCK_BYTES * BLOCKS, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
  if (u->memory == MAP_FAILED) fail("mmap of the ring");
  if (bind(fd, (struct sockaddr *)&here, sizeof here) < 0) fail("bind");
  ethernet_header(options, u->header);
  return &u->base;
}
