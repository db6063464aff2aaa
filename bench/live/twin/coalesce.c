#define _GNU_SOURCE
/* Writing to TUN: segments of a flow that follow each other in a batch leave as one large packet. */
#include "virtio.h"

#include <sys/uio.h>

#define MOST_BYTES 65535

/* Packets that leave in one writev: the first whole, of the others the payload. */
struct group {
  uint8_t *ip;
  uint32_t headers;  /* bytes of IP and transport header */
  uint32_t size;     /* payload of each segment but the last */
  uint32_t total;    /* bytes */
  uint32_t sequence; /* expected next, TCP */
  uint8_t protocol;
  bool open, summed; /* takes more; the first one's checksum has been checked */
  int pieces;
  struct iovec piece[BATCH + 1]; /* [0] is for the virtio header */
};

static struct group groups[BATCH];

/* Length of both headers when the packet may be joined with others, else 0. */
static uint32_t joinable(const struct packet *packet) {
  const uint8_t *ip = packet->head;
  if (ip[0] != 0x45 || (get16(ip + 6) & htons(0x3fff)) != 0) return 0;
  if (ip[9] == IPPROTO_UDP) {
    bool summed = packet->head_length > 28 && get16(ip + 26) != 0;
    return summed && ntohs(get16(ip + 24)) == packet->head_length - IP4_BYTES ? 28 : 0;
  }
  if (ip[9] != IPPROTO_TCP || packet->head_length < 40) return 0;
  uint32_t headers = IP4_BYTES + (uint32_t)(ip[32] >> 4) * 4;
  bool data = (ip[33] & ~TCP_PSH) == TCP_ACK && headers >= 40 && packet->head_length > headers;
  return data ? headers : 0;
}

static bool checksum_holds(const uint8_t *ip, uint32_t length) {
  uint32_t transport = length - IP4_BYTES;
  return fold(sum_bytes(ip + IP4_BYTES, transport, pseudo_sum(ip, ip[9], transport))) == 0xffff;
}

static bool same_flow(const uint8_t *a, const uint8_t *b) {
  return a[9] == b[9] && memcmp(a + 12, b + 12, 12) == 0; /* protocol, addresses, ports */
}

/* Whether everything but lengths, ID, sequence number and PSH is equal. */
static bool same_headers(const uint8_t *a, const uint8_t *b, uint32_t headers) {
  if (a[1] != b[1] || a[8] != b[8] || get16(a + 6) != get16(b + 6)) return false;
  if (a[9] == IPPROTO_UDP) return true;
  return get32(a + 28) == get32(b + 28) && a[32] == b[32] && get16(a + 34) == get16(b + 34) &&
         memcmp(a + 40, b + 40, headers - 40) == 0;
}

static bool join(struct group *group, const struct packet *packet, uint32_t headers) {
  uint8_t *ip = packet->head;
  uint32_t payload = packet->head_length - headers;
  bool tcp = ip[9] == IPPROTO_TCP;
  if (!group->open || headers != group->headers || payload > group->size) return false;
  if (group->total + payload > MOST_BYTES) return false;
  if (!same_headers(group->ip, ip, headers) || (tcp && ntohl(get32(ip + 24)) != group->sequence)) return false;
  if (!group->summed && !checksum_holds(group->ip, group->total)) return false;
  group->summed = true;
  if (!checksum_holds(ip, packet->head_length)) return false;
  group->piece[++group->pieces] = (struct iovec){ip + headers, payload};
  group->total += payload;
  group->sequence += payload;
  if (tcp) group->ip[33] |= ip[33] & TCP_PSH;
  group->open = payload == group->size && !(tcp && (ip[33] & TCP_PSH));
  return true;
}

static void begin(struct group *group, const struct packet *packet, uint32_t headers) {
  uint8_t *ip = packet->head;
  uint32_t payload = packet->head_length - headers;
  bool tcp = headers > 0 && ip[9] == IPPROTO_TCP;
  group->ip = ip;
  group->headers = headers;
  group->size = payload;
  group->total = packet->head_length;
  group->sequence = tcp ? ntohl(get32(ip + 24)) + payload : 0;
  group->protocol = ip[9];
  group->open = headers > 0 && !(tcp && (ip[33] & TCP_PSH));
  group->summed = false;
  group->pieces = 1;
  group->piece[1] = (struct iovec){ip, packet->head_length};
}

static void write_group(int fd, struct group *group, bool offload) {
  struct virtio virtio = {0};
  if (group->pieces > 1) {
    bool tcp = group->protocol == IPPROTO_TCP;
    uint8_t *ip = group->ip;
    uint32_t transport = group->total - IP4_BYTES;
    put16(ip + 2, htons((uint16_t)group->total));
    put16(ip + 10, 0);
    put16(ip + 10, (uint16_t)~fold(sum_bytes(ip, IP4_BYTES, 0)));
    if (!tcp) put16(ip + 24, htons((uint16_t)transport));
    virtio = (struct virtio){
        .flags = VIRTIO_NEEDS_CSUM,
        .gso_type = tcp ? VIRTIO_TCP4 : VIRTIO_UDP_L4,
        .headers = (uint16_t)group->headers,
        .gso_size = (uint16_t)group->size,
        .csum_start = IP4_BYTES,
        .csum_offset = tcp ? 16 : 6,
    };
    put16(ip + IP4_BYTES + virtio.csum_offset, fold(pseudo_sum(ip, ip[9], transport)));
  }
  group->piece[0] = (struct iovec){&virtio, VIRTIO_BYTES};
  ssize_t written =
      offload ? writev(fd, group->piece, group->pieces + 1) : writev(fd, group->piece + 1, group->pieces);
  (void)written; /* what the kernel does not take is lost */
}

void write_tun(int fd, bool offload, struct packet *packets, int count) {
  int used = 0;
  for (int i = 0; i < count; i++) {
    uint32_t headers = offload ? joinable(&packets[i]) : 0;
    struct group *same = NULL;
    for (int g = used - 1; g >= 0 && same == NULL; g--)
      if (same_flow(groups[g].ip, packets[i].head)) same = &groups[g];
    if (headers > 0 && same != NULL && join(same, &packets[i], headers)) continue;
    if (same != NULL) same->open = false;
    begin(&groups[used++], &packets[i], headers);
  }
  for (int g = 0; g < used; g++) write_group(fd, &groups[g], offload);
}
