/* GRE over IPv4 (RFC 2784, RFC 2890): one template for each tunnel. */
#ifndef GRE_H
#define GRE_H

#include "headers.h"
#include "twin.h"

struct tunnel {
  uint8_t header[IP4_BYTES + 8];
  uint32_t length; /* of the header: 24, or 28 with a key */
  uint32_t sum;    /* of the IP header without its total length */
};

void make_tunnel(struct tunnel *, const struct options *, uint32_t remote);

/* Puts the outer header before the packet. */
static inline void encapsulate(const struct tunnel *tunnel, struct packet *packet) {
  uint8_t *outer = packet->head - tunnel->length;
  uint16_t total = htons((uint16_t)(tunnel->length + packet->head_length + packet->body_length));
  memcpy(outer, tunnel->header, sizeof tunnel->header - 4);
  if (tunnel->length > 24) memcpy(outer + 24, tunnel->header + 24, 4);
  put16(outer + 2, total);
  put16(outer + 10, (uint16_t)~fold((uint64_t)tunnel->sum + total));
  put16(outer + 22, packet->head[0] >> 4 == 4 ? htons(0x0800) : htons(0x86dd));
  packet->head = outer;
  packet->head_length += tunnel->length;
}

/* Takes the outer header off; false when the packet is not one of the tunnel's. */
static inline bool decapsulate(const struct tunnel *tunnel, struct packet *packet) {
  const uint8_t *outer = packet->head;
  if (packet->head_length < tunnel->length + IP4_BYTES || outer[0] != 0x45 || outer[9] != 47) return false;
  uint32_t total = ntohs(get16(outer + 2));
  if (total > packet->head_length || total < tunnel->length + IP4_BYTES) return false;
  if ((get16(outer + 6) & htons(0x3fff)) != 0) return false; /* fragments are not for the twin */
  if (fold(sum_bytes(outer, IP4_BYTES, 0)) != 0xffff) return false;
  if (get32(outer + 12) != get32(tunnel->header + 16)) return false;
  if (get32(outer + 16) != get32(tunnel->header + 12)) return false;
  if (get16(outer + 20) != get16(tunnel->header + 20)) return false;
  if (tunnel->length > 24 && get32(outer + 24) != get32(tunnel->header + 24)) return false;
  const uint8_t *inner = outer + tunnel->length;
  uint16_t type = get16(outer + 22);
  uint32_t length = total - tunnel->length;
  if (type == htons(0x0800)) {
    uint32_t inner_total = ntohs(get16(inner + 2));
    if (inner[0] >> 4 != 4 || inner_total > length || inner_total < IP4_BYTES) return false;
    length = inner_total;
  } else if (type != htons(0x86dd) || inner[0] >> 4 != 6) {
    return false;
  }
  packet->head = (uint8_t *)inner;
  packet->head_length = length;
  return true;
}

#endif
