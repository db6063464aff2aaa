#include "gre.h"

void make_tunnel(struct tunnel *tunnel, const struct options *options, uint32_t remote) {
  uint8_t *header = tunnel->header;
  memset(tunnel, 0, sizeof *tunnel);
  header[0] = 0x45;
  header[6] = 0x40; /* don't fragment */
  header[8] = 64;   /* time to live */
  header[9] = 47;   /* GRE */
  put32(header + 12, options->local);
  put32(header + 16, remote);
  tunnel->sum = fold(sum_bytes(header, IP4_BYTES, 0));
  tunnel->length = 24;
  if (!options->has_key) return;
  header[20] = 0x20;
  put32(header + 24, options->key);
  tunnel->length = 28;
}
