#define _GNU_SOURCE
/* TUN with virtio-net headers: opening, reading, and cutting large segments into packets. */
#include "virtio.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

#define LARGEST (VIRTIO_BYTES + 65535)
/* Room for a large packet after several small ones; small enough for the second-level cache. */
#define ARENA_BYTES (4 * 65536)
/* Of a cut segment: IP header and options, TCP header and options. */
#define MOST_HEADERS 160

int open_tun(const char *name, bool offload) {
  struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI | (offload ? IFF_VNET_HDR : 0)};
  int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) fail("/dev/net/tun");
  snprintf(request.ifr_name, IFNAMSIZ, "%s", name);
  if (ioctl(fd, TUNSETIFF, &request) < 0) fail("TUNSETIFF");
  unsigned int large = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;
  if (!offload || ioctl(fd, TUNSETOFFLOAD, large | TUN_F_USO4 | TUN_F_USO6) == 0) return fd;
  if (ioctl(fd, TUNSETOFFLOAD, large) < 0) fail("TUNSETOFFLOAD"); /* Linux before 6.2 */
  return fd;
}

/* What was read and not yet flushed. */
static _Alignas(64) uint8_t arena[ARENA_BYTES];
static uint8_t heads[BATCH][HEADROOM + MOST_HEADERS];
static struct packet cut[BATCH];
static int cuts;

static void flush_cut(void (*flush)(struct packet *, int)) {
  if (cuts > 0) flush(cut, cuts);
  cuts = 0;
}

/* Length of the headers of a large packet, 0 when it is not one that can be cut. */
static uint32_t headers_length(const uint8_t *ip, uint32_t length, const struct virtio *virtio) {
  uint32_t start = virtio->csum_start;
  if (start < IP4_BYTES || start + 20 > length || virtio->gso_size == 0) return 0;
  uint32_t transport = (virtio->gso_type & ~VIRTIO_ECN) == VIRTIO_UDP_L4 ? 8 : (uint32_t)(ip[start + 12] >> 4) * 4;
  uint32_t total = start + transport;
  return total <= length && total <= MOST_HEADERS ? total : 0;
}

static void cut_large(uint8_t *ip, uint32_t length, const struct virtio *virtio,
                      void (*flush)(struct packet *, int)) {
  uint32_t headers = headers_length(ip, length, virtio);
  if (headers == 0) return;
  uint32_t start = virtio->csum_start, size = virtio->gso_size;
  bool udp = (virtio->gso_type & ~VIRTIO_ECN) == VIRTIO_UDP_L4, four = ip[0] >> 4 == 4;
  uint16_t id = ntohs(get16(ip + 4));
  uint32_t sequence = udp ? 0 : ntohl(get32(ip + start + 4));
  uint8_t flags = udp ? 0 : ip[start + 13];
  put16(ip + start + virtio->csum_offset, 0);
  if (four) put16(ip + 10, 0);
  for (uint32_t at = headers; at < length; at += size) {
    uint32_t payload = length - at < size ? length - at : size;
    bool last = at + payload == length;
    uint8_t *head = heads[cuts] + HEADROOM;
    memcpy(head, ip, headers);
    if (four) {
      put16(head + 2, htons((uint16_t)(headers + payload)));
      put16(head + 4, htons(id++));
      put16(head + 10, (uint16_t)~fold(sum_bytes(head, start, 0)));
    } else {
      put16(head + 4, htons((uint16_t)(headers + payload - 40)));
    }
    if (udp) {
      put16(head + start + 4, htons((uint16_t)(8 + payload)));
    } else {
      put32(head + start + 4, htonl(sequence));
      sequence += payload;
      if (!last) head[start + 13] = flags & (uint8_t)~(TCP_FIN | TCP_PSH);
      if (at > headers) head[start + 13] &= (uint8_t)~TCP_CWR;
    }
    uint64_t sum = pseudo_sum(head, udp ? IPPROTO_UDP : IPPROTO_TCP, headers - start + payload);
    sum = sum_bytes(ip + at, payload, sum_bytes(head + start, headers - start, sum));
    put16(head + start + virtio->csum_offset, (uint16_t)~fold(sum));
    cut[cuts++] = (struct packet){.head = head, .head_length = headers, .body = ip + at, .body_length = payload};
    if (cuts == BATCH) flush_cut(flush);
  }
}

static void take(uint8_t *ip, uint32_t length, const struct virtio *virtio, void (*flush)(struct packet *, int)) {
  if (length < IP4_BYTES) return;
  if (virtio->gso_type != VIRTIO_NONE) {
    cut_large(ip, length, virtio, flush);
    return;
  }
  uint32_t start = virtio->csum_start, at = start + virtio->csum_offset;
  if ((virtio->flags & VIRTIO_NEEDS_CSUM) && at + 2 <= length) {
    /* The kernel has put the pseudo header's sum there. */
    put16(ip + at, (uint16_t)~fold(sum_bytes(ip + start, length - start, 0)));
  }
  cut[cuts++] = (struct packet){.head = ip, .head_length = length};
  if (cuts == BATCH) flush_cut(flush);
}

int read_tun(int fd, bool offload, void (*flush)(struct packet *, int)) {
  uint32_t before = offload ? VIRTIO_BYTES : 0;
  uint8_t *at = arena;
  int count = 0;
  for (; count < BATCH; count++) {
    if (at + HEADROOM + LARGEST > arena + ARENA_BYTES) {
      flush_cut(flush);
      at = arena;
    }
    uint8_t *ip = at + HEADROOM;
    ssize_t length = read(fd, ip - before, LARGEST);
    if (length < (ssize_t)before) break;
    struct virtio virtio = {0};
    memcpy(&virtio, ip - before, before);
    length -= before;
    at += (HEADROOM + (size_t)length + 63) & ~(size_t)63;
    take(ip, (uint32_t)length, &virtio, flush);
  }
  flush_cut(flush);
  return count;
}
