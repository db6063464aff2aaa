#define _GNU_SOURCE
/* AF_XDP in copy mode on queue 0. What was received leaves from the same frame when it is sent. */
#include "headers.h"
#include "twin.h"

#include <errno.h>
#include <linux/if_xdp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define RING 2048u
#define FRAMES (2 * RING) /* half for receiving, half for packets that come from elsewhere */
#define UMEM_BYTES ((size_t)FRAMES * FRAME_BYTES)
#define SEND_WAIT_MS 2
#define BIND_TURNS 200

struct ring {
  uint32_t *producer, *consumer;
  void *entries;
  uint32_t next; /* our own side's position */
};

struct xdp_underlay {
  struct underlay base;
  uint8_t header[ETHERNET_BYTES];
  uint8_t *umem;
  struct ring fill, completion, receive, transmit;
  uint64_t batch[BATCH]; /* frames of the received batch */
  int batched;
  bool taken[BATCH]; /* of them, those that are being sent */
  uint64_t spare[RING];
  uint32_t spares;
};

static struct ring map_ring(int fd, const struct xdp_ring_offset *at, size_t entry, off_t page) {
  size_t length = at->desc + RING * entry;
  uint8_t *memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, page);
  if (memory == MAP_FAILED) fail("mmap of a ring");
  return (struct ring){
      .producer = (uint32_t *)(memory + at->producer),
      .consumer = (uint32_t *)(memory + at->consumer),
      .entries = memory + at->desc,
  };
}

static uint32_t filled(struct ring *ring) {
  return __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE) - ring->next;
}
static uint32_t room(struct ring *ring) {
  return RING - (ring->next - __atomic_load_n(ring->consumer, __ATOMIC_ACQUIRE));
}

static void give(struct xdp_underlay *u, uint64_t frame) {
  ((uint64_t *)u->fill.entries)[u->fill.next++ % RING] = frame * FRAME_BYTES;
}

static int receive(struct underlay *base, struct packet *packets) {
  struct xdp_underlay *u = (struct xdp_underlay *)base;
  uint32_t count = filled(&u->receive);
  if (count > BATCH) count = BATCH;
  for (uint32_t i = 0; i < count; i++) {
    struct xdp_desc *desc = &((struct xdp_desc *)u->receive.entries)[u->receive.next++ % RING];
    u->batch[i] = desc->addr / FRAME_BYTES;
    u->taken[i] = false;
    packets[i] = (struct packet){
        .head = u->umem + desc->addr + ETHERNET_BYTES,
        .head_length = desc->len - ETHERNET_BYTES,
    };
  }
  __atomic_store_n(u->receive.consumer, u->receive.next, __ATOMIC_RELEASE);
  u->batched = (int)count;
  return (int)count;
}

static void release(struct underlay *base) {
  struct xdp_underlay *u = (struct xdp_underlay *)base;
  for (int i = 0; i < u->batched; i++)
    if (!u->taken[i]) give(u, u->batch[i]);
  u->batched = 0;
  __atomic_store_n(u->fill.producer, u->fill.next, __ATOMIC_RELEASE);
}

/* Frames that have been sent: back to where they came from. */
static void complete(struct xdp_underlay *u) {
  uint32_t count = filled(&u->completion);
  for (uint32_t i = 0; i < count; i++) {
    uint64_t frame = ((uint64_t *)u->completion.entries)[u->completion.next++ % RING] / FRAME_BYTES;
    if (frame < RING)
      give(u, frame);
    else
      u->spare[u->spares++] = frame;
  }
  __atomic_store_n(u->completion.consumer, u->completion.next, __ATOMIC_RELEASE);
  __atomic_store_n(u->fill.producer, u->fill.next, __ATOMIC_RELEASE);
}

/* The frame of a packet: its own when it was received in one, else a copy's; 0 when there is none. */
static uint8_t *place(struct xdp_underlay *u, struct packet *packet, int *at) {
  uint64_t offset = (uint64_t)(packet->head - u->umem);
  if (offset < (uint64_t)RING * FRAME_BYTES && packet->body_length == 0) {
    while (*at < u->batched && u->batch[*at] != offset / FRAME_BYTES) ++*at;
    if (*at < u->batched) u->taken[*at] = true;
    return packet->head - ETHERNET_BYTES;
  }
  if (u->spares == 0) return NULL;
  uint8_t *copy = u->umem + u->spare[--u->spares] * FRAME_BYTES + HEADROOM;
  memcpy(copy + ETHERNET_BYTES, packet->head, packet->head_length);
  if (packet->body_length) memcpy(copy + ETHERNET_BYTES + packet->head_length, packet->body, packet->body_length);
  return copy;
}

static void kick(struct xdp_underlay *u) {
  __atomic_store_n(u->transmit.producer, u->transmit.next, __ATOMIC_RELEASE);
  /* One call sends up to 32 frames. */
  for (int turn = 0; room(&u->transmit) < RING && turn < 8; turn++) {
    if (sendto(u->base.fd, NULL, 0, MSG_DONTWAIT, NULL, 0) >= 0) continue;
    struct pollfd wait = {.fd = u->base.fd, .events = POLLOUT};
    if (room(&u->transmit) == 0) poll(&wait, 1, SEND_WAIT_MS);
  }
}

static void send_xdp(struct underlay *base, struct packet *packets, int count) {
  struct xdp_underlay *u = (struct xdp_underlay *)base;
  complete(u);
  for (int i = 0, at = 0; i < count; i++) {
    uint8_t *frame = room(&u->transmit) == 0 ? NULL : place(u, &packets[i], &at);
    if (frame == NULL) {
      base->dropped++;
      continue;
    }
    memcpy(frame, u->header, ETHERNET_BYTES);
    ((struct xdp_desc *)u->transmit.entries)[u->transmit.next++ % RING] = (struct xdp_desc){
        .addr = (uint64_t)(frame - u->umem),
        .len = packets[i].head_length + packets[i].body_length + ETHERNET_BYTES,
    };
  }
  kick(u);
}

static void set_ring(int fd, int which) {
  uint32_t size = RING;
  if (setsockopt(fd, SOL_XDP, which, &size, sizeof size) < 0) fail("ring size");
}

struct underlay *open_af_xdp(const struct options *options, bool receives) {
  struct xdp_underlay *u = calloc(1, sizeof *u);
  int fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("AF_XDP socket");
  u->umem = mmap(NULL, UMEM_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (u->umem == MAP_FAILED) fail("mmap");
  struct xdp_umem_reg umem = {
      .addr = (uintptr_t)u->umem, .len = UMEM_BYTES, .chunk_size = FRAME_BYTES, .headroom = HEADROOM};
  if (setsockopt(fd, SOL_XDP, XDP_UMEM_REG, &umem, sizeof umem) < 0) fail("XDP_UMEM_REG");
  set_ring(fd, XDP_UMEM_FILL_RING);
  set_ring(fd, XDP_UMEM_COMPLETION_RING);
  set_ring(fd, XDP_TX_RING);
  if (receives) set_ring(fd, XDP_RX_RING);
  struct xdp_mmap_offsets at;
  socklen_t size = sizeof at;
  if (getsockopt(fd, SOL_XDP, XDP_MMAP_OFFSETS, &at, &size) < 0) fail("XDP_MMAP_OFFSETS");
  u->fill = map_ring(fd, &at.fr, sizeof(uint64_t), XDP_UMEM_PGOFF_FILL_RING);
  u->completion = map_ring(fd, &at.cr, sizeof(uint64_t), XDP_UMEM_PGOFF_COMPLETION_RING);
  u->transmit = map_ring(fd, &at.tx, sizeof(struct xdp_desc), XDP_PGOFF_TX_RING);
  if (receives) u->receive = map_ring(fd, &at.rx, sizeof(struct xdp_desc), XDP_PGOFF_RX_RING);
  for (uint64_t i = 0; i < RING; i++) {
    if (receives) give(u, i);
    u->spare[u->spares++] = RING + i;
  }
  __atomic_store_n(u->fill.producer, u->fill.next, __ATOMIC_RELEASE);
  struct sockaddr_xdp here = {
      .sxdp_family = AF_XDP, .sxdp_flags = XDP_COPY, .sxdp_ifindex = interface_index(options->interface)};
  /* Busy: the kernel is still taking down the socket that had the queue before. */
  for (int turn = 0; bind(fd, (struct sockaddr *)&here, sizeof here) < 0; turn++) {
    if (errno != EBUSY || turn == BIND_TURNS) fail("bind of AF_XDP");
    usleep(10000);
  }
  if (receives) {
    hush_kernel();
    attach_xdp(options->interface, fd, !strcmp(options->xdp_mode, "native"));
  }
  ethernet_header(options, u->header);
  u->base = (struct underlay){.fd = fd, .receive = receive, .release = release, .send = send_xdp};
  return &u->base;
}
