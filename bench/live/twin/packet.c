#define _GNU_SOURCE
/* AF_PACKET: receives from a TPACKET_V2 ring, where frames stay until they have been sent on; sends with sendmmsg. */
#include "headers.h"
#include "twin.h"

#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>

/* As grebe has them for an MTU of 1,500: an odd number of cache lines for a frame. */
#define PLACE_BYTES 1728u
#define IN_BLOCK 64u
#define BLOCK_BYTES (IN_BLOCK * PLACE_BYTES)
#define BLOCKS 75u
#define FRAMES (BLOCKS * IN_BLOCK)
#define AHEAD 6

struct ring_underlay {
  struct underlay base;
  uint8_t header[ETHERNET_BYTES];
  uint8_t *memory;
  uint32_t next; /* the frame read next */
  uint32_t held; /* frames before it that have not been given back */
  int taken;     /* frames of the last batch */
};

static struct tpacket2_hdr *frame(struct ring_underlay *u, uint32_t i) {
  return (struct tpacket2_hdr *)(u->memory + i * PLACE_BYTES);
}

static int receive(struct underlay *base, struct packet *packets) {
  struct ring_underlay *u = (struct ring_underlay *)base;
  int count = 0;
  /* Frames that the kernel has not written yet are left to its processor. */
  bool has_backlog = u->taken == BATCH;
  for (; count < BATCH; count++) {
    struct tpacket2_hdr *header = frame(u, u->next);
    if (!(__atomic_load_n(&header->tp_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER)) break;
    uint8_t *ahead = (uint8_t *)frame(u, (u->next + AHEAD) % FRAMES);
    if (has_backlog) {
      __builtin_prefetch(ahead, 1);
      __builtin_prefetch(ahead + header->tp_mac, 1);
    }
    packets[count] = (struct packet){
        .head = (uint8_t *)header + header->tp_net,
        .head_length = header->tp_snaplen - (header->tp_net - header->tp_mac),
    };
    u->next = (u->next + 1) % FRAMES;
  }
  u->held = (uint32_t)count;
  u->taken = count;
  return count;
}

static void release(struct underlay *base) {
  struct ring_underlay *u = (struct ring_underlay *)base;
  for (; u->held > 0; u->held--)
    __atomic_store_n(&frame(u, (u->next + FRAMES - u->held) % FRAMES)->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
}

static void send_packets(struct underlay *base, struct packet *packets, int count) {
  send_frames(base, ((struct ring_underlay *)base)->header, packets, count);
}

struct underlay *open_af_packet(const struct options *options) {
  struct tpacket_req request = {
      .tp_block_size = BLOCK_BYTES, .tp_block_nr = BLOCKS, .tp_frame_size = PLACE_BYTES, .tp_frame_nr = FRAMES};
  struct sockaddr_ll here = {
      .sll_family = AF_PACKET,
      .sll_protocol = htons(ETH_P_ALL),
      .sll_ifindex = (int)interface_index(options->interface),
  };
  int version = TPACKET_V2;
  /* Room before the link header, for the headers that are put in front. */
  unsigned int reserve = HEADROOM;
  hush_kernel();
  int fd = packet_socket(options, false);
  if (setsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, sizeof version) < 0) fail("PACKET_VERSION");
  if (setsockopt(fd, SOL_PACKET, PACKET_RESERVE, &reserve, sizeof reserve) < 0) fail("PACKET_RESERVE");
  if (setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &request, sizeof request) < 0) fail("PACKET_RX_RING");
  struct ring_underlay *u = calloc(1, sizeof *u);
  u->base = (struct underlay){.fd = fd, .receive = receive, .release = release, .send = send_packets};
  u->memory = mmap(NULL, (size_t)BLOCK_BYTES * BLOCKS, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
  if (u->memory == MAP_FAILED) fail("mmap of the ring");
  if (bind(fd, (struct sockaddr *)&here, sizeof here) < 0) fail("bind");
  /* What the ring has had the kernel need not route. */
  drop_gre(options->interface);
  ethernet_header(options, u->header);
  return &u->base;
}
