/*
 * The C twin of the hot path: the same stages over the same memory and the same tables as src/dataplane,
 * with the same checks, so that `npm run bench` can say what TypeScript costs. Written as one would write C
 * for speed without going to lengths: flat loops over restrict pointers, branch-free on what packets
 * choose, 64-bit checksum sums, no hand-made SIMD; prefetches only where a case asks for them.
 *
 * It judges packets like the flat loops do and leaves every other packet alone (the answer of `run` says how
 * many there were; the benchmark has none). What the flat loops hand to the careful path and the benchmark
 * contains is done here too: SYN segments.
 *
 * Node-API, version 8 functions at the most, state per environment: it can be loaded in workers.
 * A change in src/dataplane/{pipeline,frame,decap,route,encap,mss-clamp,hash}.ts is a change here; the
 * benchmark compares all results before it takes the time and fails when they differ.
 */
#include <node_api.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { LINK_ETHERNET = 1, LINK_RAW = 101, LINK_IPV4 = 228 };
enum { SIDE_UNDERLAY = 0 };
enum { STEP_DONE = -1, STEP_CAREFUL = -2, STEP_ROUTE = -3 };
enum { DELIVERED_OVERLAY = 1, DELIVERED_UNDERLAY = 2, FRAME_TRUNCATED = 16, ETHERTYPE_UNSUPPORTED = 17 };
enum { ENDPOINT_WORDS = 8, TUNNEL_WORDS = 32, COUNTERS_PER_TUNNEL = 4 };
enum { T_HEADER, T_FLAGS, T_MTU, T_CLAMP_TO, T_CLAMP_FROM, T_TOS_KEEP, T_TOS_FIXED, T_SUM, T_TEMPLATE };
enum { ECN_CAREFUL = 0x7040 };
enum { LOWERED = 1, MALFORMED = 2 };
enum { VECTOR_SIZE = 256, PREFETCH_AHEAD = 4 };

/* The arrays of a PacketVector, in the order of bench/twin.ts. */
typedef struct {
  int32_t *offset, *length, *link, *side;
  int32_t *verdict, *tunnel_in, *tunnel_out, *out_offset, *out_length, *out_link;
} vector_t;

/* The arrays of a Scratch, in the order of bench/twin.ts. */
typedef struct {
  int32_t *step, *ip, *length, *family, *link_length, *ethernet, *frame_length, *group, *hash, *unfit;
} scratch_t;

/* Where the counters lie that are not a tunnel's, in the order of bench/twin.ts. */
typedef struct {
  int32_t tunnels, received_packets, received_bytes, mss_clamped, mss_malformed;
} layout_t;

typedef struct {
  uint32_t *words;
  const uint32_t *endpoints;
  const int32_t *table, *tail, *groups, *buckets, *tunnels;
  double *counters;
  layout_t layout;
  uint32_t slot_mask;
  int vectors;
  vector_t *vector;
  scratch_t scratch;
  uint8_t has_ports[256];
} twin_t;

static inline uint32_t be16(const uint8_t *p) { return (uint32_t)p[0] << 8 | p[1]; }

/* One's complement sum of an IPv4 header of 20 bytes, folded to 16 bits. */
static inline uint32_t sum_header(const uint32_t *w) {
  uint64_t sum = (uint64_t)w[0] + w[1] + w[2] + w[3] + w[4];
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return (uint32_t)((sum & 0xffff) + (sum >> 16));
}

static inline uint32_t total_length(uint32_t w0) { return (w0 >> 8 & 0xff00) | w0 >> 24; }

/* All ones when a < b, both below 2^31. */
static inline uint32_t below(int32_t a, int32_t b) { return (uint32_t)((a - b) >> 31); }

static inline uint32_t hash_endpoint(uint32_t source, uint32_t destination, uint32_t key) {
  uint32_t h = (source ^ source >> 16) * 0x9e3779b1u ^ (destination ^ destination >> 15) * 0x85ebca6bu ^
               (key ^ key >> 16) * 0xc2b2ae35u;
  h = (h ^ h >> 15) * 0x27d4eb2fu;
  return h ^ h >> 15;
}

static inline uint32_t hash_flow(uint32_t source, uint32_t destination, uint32_t ports) {
  uint32_t h = (source ^ source >> 16) * 0x85ebca6bu ^ (destination ^ destination >> 15) * 0x9e3779b1u ^
               (ports ^ ports >> 16) * 0x2c1b3c6du;
  h = (h ^ h >> 15) * 0xc2b2ae35u;
  return h ^ h >> 16;
}

/* frame.ts */
static void frame_stage(int n, const uint8_t *restrict bytes, const int32_t *restrict offset,
                        const int32_t *restrict length, const int32_t *restrict link,
                        const int32_t *restrict side, int32_t *restrict verdict, int32_t *restrict step,
                        int32_t *restrict ip, int32_t *restrict available, int32_t *restrict family,
                        int32_t *restrict link_length, int32_t *restrict ethernet,
                        int32_t *restrict frame_length, int32_t *restrict tunnel_in,
                        int32_t *restrict tunnel_out, int32_t *restrict out_length) {
  for (int i = 0; i < n; i++) {
    int32_t start = offset[i], size = length[i], kind = link[i];
    int32_t header = 0, announced = 0, bad = 0;
    if (kind == LINK_ETHERNET) {
      header = 14;
      uint32_t type = be16(bytes + start + 12);
      if (type == 0x8100) {
        header = 18;
        type = be16(bytes + start + 16);
      }
      announced = type == 0x0800 ? 4 : type == 0x86dd ? 6 : 0;
      if (announced == 0) bad = ETHERTYPE_UNSUPPORTED;
      if (size < header) bad = FRAME_TRUNCATED;
    } else if (kind != LINK_RAW) {
      announced = kind == LINK_IPV4 ? 4 : 6;
    }
    step[i] = bad == 0 ? STEP_CAREFUL : STEP_DONE;
    verdict[i] = bad;
    ip[i] = start + header;
    available[i] = size - header;
    family[i] = announced;
    link_length[i] = header;
    ethernet[i] = kind == LINK_ETHERNET && side[i] != SIDE_UNDERLAY ? header : 0;
    frame_length[i] = 0;
    tunnel_in[i] = tunnel_out[i] = -1;
    out_length[i] = 0;
  }
}

/* Flow hash of the packet at `w`, and its index into the first table of the FIB. */
static inline void flow(const uint32_t *w, int32_t total, const uint8_t *has_ports, int32_t *hash,
                        int32_t *group) {
  const uint32_t there = has_ports[w[2] >> 8 & 0xff] & (total >= 24) & ((w[1] & 0xff3f0000) == 0);
  *hash = (int32_t)hash_flow(w[3], w[4], w[5] & -there);
  *group = (int32_t)(__builtin_bswap32(w[4]) >> 8);
}

/* decap.ts, stage 2; answers how many packets it left. */
static inline int outer_stage(int n, const uint32_t *restrict words, int32_t *restrict step,
                              const int32_t *restrict ip, int32_t *restrict length,
                              int32_t *restrict family, const int32_t *restrict side,
                              int32_t *restrict group, int32_t *restrict hash,
                              const uint8_t *restrict has_ports, const uint32_t *restrict endpoints,
                              uint32_t slot_mask, bool prefetch) {
  int left = 0;
  for (int i = 0; i < n; i++) {
    if (step[i] != STEP_CAREFUL) continue;
    const uint32_t at = (uint32_t)ip[i];
    const uint32_t *w = words + (at >> 2);
    if (prefetch && i + PREFETCH_AHEAD < n) __builtin_prefetch(words + ((uint32_t)ip[i + PREFETCH_AHEAD] >> 2));
    const uint32_t gre = w[5];
    const int32_t total = (int32_t)total_length(w[0]);
    const uint32_t bad = ((w[0] & 0xff) ^ 0x45) | (at & 3) | (sum_header(w) ^ 0xffff) |
                         below(length[i], total) | below(total, 20) | (uint32_t)(family[i] & 2);
    if (bad != 0) {
      left++;
      continue;
    }
    family[i] = 4;
    length[i] = total;
    if ((((w[2] & 0xff00) ^ 0x2f00) | (uint32_t)side[i]) != 0) {
      step[i] = STEP_ROUTE;
      flow(w, total, has_ports, &hash[i], &group[i]);
      continue;
    }
    const uint32_t key_present = gre >> 5 & 1;
    const uint32_t key = w[6] & -key_present;
    const uint32_t slot = hash_endpoint(w[3], w[4], key) & slot_mask;
    const uint32_t odd = (w[1] & 0xff3f0000) | (gre & 0x07cc) |
                         below(total, (int32_t)(24 + (key_present << 2) + (gre >> 2 & 4)));
    if (odd != 0) {
      left++;
      continue;
    }
    step[i] = (int32_t)(slot * ENDPOINT_WORDS);
    if (prefetch) __builtin_prefetch(endpoints + slot * ENDPOINT_WORDS);
  }
  return left;
}

/* The slot behind `slot` that holds the packet's endpoint, or -1. */
static __attribute__((noinline)) int32_t probe(const uint32_t *w, const uint32_t *endpoints, uint32_t slot,
                                               uint32_t slot_mask) {
  const uint32_t key_present = w[5] >> 5 & 1;
  const uint32_t key = w[6] & -key_present;
  for (;;) {
    slot = (slot + 1) & slot_mask;
    const uint32_t *e = endpoints + slot * ENDPOINT_WORDS;
    if (e[3] == 0) return -1;
    if (e[0] == w[3] && e[1] == w[4] && e[2] == key && (e[3] & 1) == key_present) return (int32_t)slot;
  }
}

/* decap.ts, stage 3; answers how many packets it left. */
static inline int endpoint_stage(int n, const uint32_t *restrict words, int32_t *restrict step,
                                 int32_t *restrict ip, int32_t *restrict length,
                                 int32_t *restrict tunnel_in, int32_t *restrict group,
                                 int32_t *restrict hash, const uint8_t *restrict has_ports,
                                 const uint32_t *restrict endpoints, uint32_t slot_mask,
                                 double *restrict counters, const int32_t *restrict table, bool prefetch) {
  int32_t displaced[VECTOR_SIZE];
  int found = 0, left = 0;
  for (int i = 0; i < n; i++) {
    if (step[i] < 0) continue;
    const uint32_t *w = words + ((uint32_t)ip[i] >> 2), *e = endpoints + step[i];
    const uint32_t key_present = w[5] >> 5 & 1;
    const uint32_t other = (w[3] ^ e[0]) | (w[4] ^ e[1]) | ((w[6] & -key_present) ^ e[2]) |
                           ((e[3] & 3) ^ (2 | key_present));
    displaced[found] = i;
    found += other != 0;
  }
  for (int k = 0; k < found; k++) {
    const int i = displaced[k];
    const uint32_t *w = words + ((uint32_t)ip[i] >> 2);
    const int32_t slot = probe(w, endpoints, (uint32_t)step[i] / ENDPOINT_WORDS, slot_mask);
    step[i] = slot < 0 ? STEP_CAREFUL : slot * ENDPOINT_WORDS;
    left += slot < 0;
  }
  for (int i = 0; i < n; i++) {
    if (step[i] < 0) continue;
    const uint32_t *w = words + ((uint32_t)ip[i] >> 2), *e = endpoints + step[i];
    const uint32_t gre = w[5];
    const int32_t header = (int32_t)(6 + (gre >> 5 & 1) + (gre >> 4 & 1));
    const uint32_t *v = w + header;
    const int32_t total = (int32_t)total_length(v[0]);
    const uint32_t bad =
        e[6] | ((gre >> 16) ^ 0x0008) | ((v[0] & 0xff) ^ 0x45) | (sum_header(v) ^ 0xffff) |
        below(length[i] - header * 4, total) | below(total, 20) | ((v[3] & e[5]) ^ e[4]) |
        (ECN_CAREFUL >> ((w[0] >> 6 & 0x0c) | (v[0] >> 8 & 3)) & 1) |
        (uint32_t)((int32_t)(((v[2] >> 8 & 0xff) ^ 47) - 1) >> 31);
    if (bad != 0) {
      step[i] = STEP_CAREFUL;
      left++;
      continue;
    }
    flow(v, total, has_ports, &hash[i], &group[i]);
    if (prefetch) __builtin_prefetch(table + group[i]);
    const int32_t tunnel = (int32_t)(e[3] >> 2);
    ip[i] += header * 4;
    length[i] = total;
    tunnel_in[i] = tunnel;
    step[i] = STEP_ROUTE;
    double *c = counters + tunnel * COUNTERS_PER_TUNNEL;
    c[0] += 1;
    c[1] += total;
  }
  return left;
}

/* route.ts, stage 4 */
static void lookup_stage(int n, const int32_t *restrict step, int32_t *restrict group,
                         const int32_t *restrict table) {
  for (int i = 0; i < n; i++) {
    if (step[i] == STEP_ROUTE) group[i] = table[group[i]];
  }
}

/* route.ts, stage 5 */
static inline void select_stage(int n, const uint32_t *restrict words, const int32_t *restrict step,
                                const int32_t *restrict ip, const int32_t *restrict length,
                                int32_t *restrict group, const int32_t *restrict hash,
                                int32_t *restrict unfit, int32_t *restrict tunnel_out,
                                const int32_t *restrict tail, const int32_t *restrict groups,
                                const int32_t *restrict buckets, const int32_t *restrict tunnels,
                                bool prefetch) {
  for (int i = 0; i < n; i++) {
    if (step[i] == STEP_DONE) continue;
    int32_t g = group[i];
    if (g < 0) g = tail[((uint32_t)~g << 8) | words[((uint32_t)ip[i] >> 2) + 4] >> 24];
    const uint32_t first = (uint32_t)groups[2 * g], count = (uint32_t)groups[2 * g + 1];
    group[i] = (int32_t)(first + (((uint32_t)hash[i] >> 16) * count >> 16));
    if (prefetch) __builtin_prefetch(buckets + group[i]);
  }
  for (int i = 0; i < n; i++) {
    if (step[i] == STEP_DONE) continue;
    group[i] = buckets[group[i]];
    if (prefetch && group[i] >= 0) __builtin_prefetch(tunnels + group[i] * TUNNEL_WORDS);
  }
  for (int i = 0; i < n; i++) {
    if (step[i] == STEP_DONE) continue;
    const int32_t tunnel = group[i];
    tunnel_out[i] = tunnel;
    const int32_t *r = tunnels + (tunnel & ~(tunnel >> 31)) * TUNNEL_WORDS;
    unfit[i] = r[T_FLAGS] | (int32_t)below(r[T_MTU], length[i]);
  }
}

/* mss-clamp.ts: RFC 1624 for the two bytes at `at`, which start at an even or odd offset of the segment. */
static void set_mss(uint8_t *tcp, uint8_t *at, uint32_t value) {
  uint32_t before = at[0] | (uint32_t)at[1] << 8;
  at[0] = (uint8_t)(value >> 8);
  at[1] = (uint8_t)value;
  uint32_t after = at[0] | (uint32_t)at[1] << 8;
  if (((at - tcp) & 1) != 0) {
    before = (before & 0xff) << 8 | before >> 8;
    after = (after & 0xff) << 8 | after >> 8;
  }
  const uint32_t check = tcp[16] | (uint32_t)tcp[17] << 8;
  uint32_t sum = (~check & 0xffff) + (~before & 0xffff) + after;
  sum = (sum & 0xffff) + (sum >> 16);
  sum = ~(sum + (sum >> 16));
  tcp[16] = (uint8_t)sum;
  tcp[17] = (uint8_t)(sum >> 8);
}

static int clamp_mss(uint8_t *tcp, const uint8_t *end, uint32_t limit) {
  if (tcp + 20 > end || (tcp[13] & 2) == 0) return 0;
  const uint8_t *options_end = tcp + (tcp[12] >> 4) * 4;
  if (options_end < tcp + 20 || options_end > end) return MALFORMED;
  int result = 0;
  for (uint8_t *at = tcp + 20; at < options_end;) {
    if (*at == 0) break;
    if (*at == 1) {
      at++;
      continue;
    }
    const uint32_t length = at + 1 < options_end ? at[1] : 0;
    if (length < 2 || at + length > options_end) return result | MALFORMED;
    if (*at == 2) {
      if (length != 4) return result | MALFORMED;
      if (be16(at + 2) > limit) {
        set_mss(tcp, at + 2, limit);
        result |= LOWERED;
      }
    }
    at += length;
  }
  return result;
}

/* encap-careful.ts, clamp, for IPv4: `from` and `to` are tunnels or -1. */
static __attribute__((noinline)) void clamp(const twin_t *t, int32_t at, int32_t length, int32_t from,
                                            int32_t to) {
  uint8_t *ip = (uint8_t *)t->words + at;
  if (ip[9] != 6 || ((ip[6] & 0x1f) | ip[7]) != 0) return;
  const uint32_t limit_to = to < 0 ? 0xffff : (uint32_t)t->tunnels[to * TUNNEL_WORDS + T_CLAMP_TO] & 0xffff;
  const uint32_t limit_from =
      from < 0 ? 0xffff : (uint32_t)t->tunnels[from * TUNNEL_WORDS + T_CLAMP_FROM] & 0xffff;
  if ((limit_to & limit_from) == 0xffff) return;
  const int result =
      clamp_mss(ip + (ip[0] & 0x0f) * 4, ip + length, limit_to < limit_from ? limit_to : limit_from);
  if ((result & LOWERED) != 0) t->counters[t->layout.mss_clamped] += 1;
  if ((result & MALFORMED) != 0) t->counters[t->layout.mss_malformed] += 1;
}

/* encap.ts; answers how many packets it left without a verdict. */
static inline int encap_stage(int n, const twin_t *t, uint32_t *restrict words, const vector_t *vector,
                              const scratch_t *scratch, const uint32_t *restrict tunnels,
                              double *restrict counters) {
  const int32_t *restrict side = vector->side, *restrict link = vector->link;
  const int32_t *restrict tunnel_in = vector->tunnel_in, *restrict tunnel_out = vector->tunnel_out;
  int32_t *restrict verdict = vector->verdict, *restrict out_offset = vector->out_offset;
  int32_t *restrict out_length = vector->out_length, *restrict out_link = vector->out_link;
  const int32_t *restrict step = scratch->step, *restrict ip = scratch->ip;
  const int32_t *restrict length = scratch->length, *restrict link_length = scratch->link_length;
  const int32_t *restrict unfit = scratch->unfit;
  int left = 0;
  for (int i = 0; i < n; i++) {
    if (step[i] == STEP_DONE) continue;
    const int32_t tunnel = tunnel_out[i];
    if (step[i] != STEP_ROUTE || (tunnel & tunnel_in[i]) < 0) {
      left++;
      continue;
    }
    const int32_t at = ip[i], total = length[i];
    uint32_t *w = words + ((uint32_t)at >> 2);
    const uint32_t w0 = w[0], w2 = w[2];
    const uint32_t not_syn = ((w2 & 0xff00) ^ 0x600) | (w[1] & 0xff1f0000) | ((w[8] & 0x200) ^ 0x200);
    if (tunnel < 0) {
      if (not_syn == 0) clamp(t, at, total, tunnel_in[i], -1);
      verdict[i] = DELIVERED_OVERLAY;
      out_offset[i] = at;
      out_length[i] = total;
      out_link[i] = LINK_RAW;
      continue;
    }
    const uint32_t *r = tunnels + tunnel * TUNNEL_WORDS;
    const uint32_t forwarding = 1 - (uint32_t)side[i];
    const uint32_t bad = (uint32_t)unfit[i] | (below((int32_t)(w2 & 0xff), 2) & -forwarding);
    /* Link headers are left to TypeScript: the benchmark's frames are raw IP. */
    if ((bad | ((uint32_t)link_length[i] & -forwarding)) != 0) {
      left++;
      continue;
    }
    if (not_syn == 0) clamp(t, at, total, tunnel_in[i], tunnel);
    const int32_t header = (int32_t)r[T_HEADER];
    uint32_t *p = words + ((uint32_t)(at - header) >> 2);
    uint32_t check = (~w2 >> 16) + (0xfffe & -forwarding);
    check = (check & 0xffff) + (check >> 16);
    const uint32_t forwarded = ((w2 & 0xffff) - forwarding) | ~check << 16;
    const uint32_t tos = (w0 >> 8 & r[T_TOS_KEEP]) | r[T_TOS_FIXED];
    const uint32_t size = __builtin_bswap16((uint16_t)(total + header));
    uint32_t sum = r[T_SUM] + (tos << 8) + size;
    sum = (sum & 0xffff) + (sum >> 16);
    sum += sum >> 16;
    p[0] = 0x45 | tos << 8 | size << 16;
    p[1] = r[T_TEMPLATE + 1];
    p[2] = (r[T_TEMPLATE + 2] & 0xffff) | ~sum << 16;
    p[3] = r[T_TEMPLATE + 3];
    p[4] = r[T_TEMPLATE + 4];
    p[5] = r[T_TEMPLATE + 5];
    p[6] = r[T_TEMPLATE + 6];
    w[0] = w0;
    w[2] = forwarded;
    verdict[i] = DELIVERED_UNDERLAY;
    out_offset[i] = at - header;
    out_length[i] = total + header;
    out_link[i] = side[i] == SIDE_UNDERLAY ? link[i] : LINK_RAW;
    double *c = counters + tunnel * COUNTERS_PER_TUNNEL;
    c[2] += 1;
    c[3] += total;
  }
  return left;
}

/* pipeline.ts, account */
static void account(int n, const twin_t *t, const vector_t *vector) {
  double bytes = 0;
  for (int i = 0; i < n; i++) {
    t->counters[vector->verdict[i]] += 1;
    bytes += vector->length[i];
  }
  t->counters[t->layout.received_packets] += n;
  t->counters[t->layout.received_bytes] += bytes;
}

/* The stages up to the inner header; answers how many packets were left. */
static inline int decap(int n, const twin_t *t, const vector_t *v, bool prefetch) {
  const scratch_t *s = &t->scratch;
  frame_stage(n, (const uint8_t *)t->words, v->offset, v->length, v->link, v->side, v->verdict, s->step, s->ip,
              s->length, s->family, s->link_length, s->ethernet, s->frame_length, v->tunnel_in,
              v->tunnel_out, v->out_length);
  return outer_stage(n, t->words, s->step, s->ip, s->length, s->family, v->side, s->group, s->hash,
                     t->has_ports, t->endpoints, t->slot_mask, prefetch) +
         endpoint_stage(n, t->words, s->step, s->ip, s->length, v->tunnel_in, s->group, s->hash,
                        t->has_ports, t->endpoints, t->slot_mask, t->counters + t->layout.tunnels, t->table,
                        prefetch);
}

/* pipeline.ts, run; answers how many packets were left. */
static inline int pipeline(int n, const twin_t *t, const vector_t *v, bool prefetch) {
  const scratch_t *s = &t->scratch;
  int left = decap(n, t, v, prefetch);
  lookup_stage(n, s->step, s->group, t->table);
  select_stage(n, t->words, s->step, s->ip, s->length, s->group, s->hash, s->unfit, v->tunnel_out, t->tail,
               t->groups, t->buckets, t->tunnels, prefetch);
  left += encap_stage(n, t, t->words, v, s, (const uint32_t *)t->tunnels, t->counters + t->layout.tunnels);
  account(n, t, v);
  return left;
}

/* Each variant compiled for itself. */
static int run_vector(int n, const twin_t *t, const vector_t *v, bool decap_only, bool prefetch) {
  if (decap_only) return prefetch ? decap(n, t, v, true) : decap(n, t, v, false);
  return prefetch ? pipeline(n, t, v, true) : pipeline(n, t, v, false);
}

/* Node-API */

static void *view(napi_env env, napi_value array, uint32_t index, size_t *length) {
  napi_value element;
  napi_typedarray_type type;
  void *data = NULL;
  size_t offset;
  napi_value buffer;
  napi_get_element(env, array, index, &element);
  if (napi_get_typedarray_info(env, element, &type, length, &data, &buffer, &offset) != napi_ok) {
    napi_throw_type_error(env, NULL, "a typed array was expected");
  }
  return data;
}

static void destroy(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  free(((twin_t *)data)->vector);
  free(data);
}

/*
 * open(memory, layout, vectors, scratch): takes the addresses of all arrays; the caller keeps them alive.
 * memory: [words, endpoints, table, tail, groups, buckets, tunnels, counters].
 */
static napi_value open_twin(napi_env env, napi_callback_info info) {
  size_t argc = 4, length;
  napi_value args[4], inner;
  twin_t *t;
  napi_get_cb_info(env, info, &argc, args, NULL, NULL);
  napi_get_instance_data(env, (void **)&t);
  free(t->vector);
  memset(t, 0, sizeof *t);
  t->has_ports[6] = t->has_ports[17] = 1;
  t->words = view(env, args[0], 0, &length);
  t->endpoints = view(env, args[0], 1, &length);
  t->slot_mask = (uint32_t)(length / ENDPOINT_WORDS - 1);
  t->table = view(env, args[0], 2, &length);
  t->tail = view(env, args[0], 3, &length);
  t->groups = view(env, args[0], 4, &length);
  t->buckets = view(env, args[0], 5, &length);
  t->tunnels = view(env, args[0], 6, &length);
  t->counters = view(env, args[0], 7, &length);
  int32_t *layout = &t->layout.tunnels;
  for (uint32_t i = 0; i < sizeof(layout_t) / sizeof(int32_t); i++) {
    napi_get_element(env, args[1], i, &inner);
    napi_get_value_int32(env, inner, &layout[i]);
  }
  uint32_t count;
  napi_get_array_length(env, args[2], &count);
  t->vectors = (int)count;
  t->vector = calloc(count, sizeof(vector_t));
  for (uint32_t v = 0; v < count; v++) {
    int32_t **fields = &t->vector[v].offset;
    napi_get_element(env, args[2], v, &inner);
    for (uint32_t i = 0; i < sizeof(vector_t) / sizeof(void *); i++) fields[i] = view(env, inner, i, &length);
  }
  int32_t **fields = &t->scratch.step;
  for (uint32_t i = 0; i < sizeof(scratch_t) / sizeof(void *); i++) fields[i] = view(env, args[3], i, &length);
  return NULL;
}

/*
 * run(batch, decapOnly, prefetch): the first `batch` packets of all vectors; answers how many were left.
 */
static napi_value run(napi_env env, napi_callback_info info) {
  size_t argc = 3;
  napi_value args[3], result;
  int32_t batch = 0;
  bool decap_only = false, prefetch = false;
  twin_t *t;
  napi_get_cb_info(env, info, &argc, args, NULL, NULL);
  napi_get_instance_data(env, (void **)&t);
  napi_get_value_int32(env, args[0], &batch);
  napi_get_value_bool(env, args[1], &decap_only);
  napi_get_value_bool(env, args[2], &prefetch);
  int left = 0;
  for (int v = 0; v < t->vectors; v++) left += run_vector(batch, t, &t->vector[v], decap_only, prefetch);
  napi_create_int32(env, left, &result);
  return result;
}

NAPI_MODULE_INIT() {
  napi_value function;
  napi_set_instance_data(env, calloc(1, sizeof(twin_t)), destroy, NULL);
  napi_create_function(env, "open", NAPI_AUTO_LENGTH, open_twin, NULL, &function);
  napi_set_named_property(env, exports, "open", function);
  napi_create_function(env, "run", NAPI_AUTO_LENGTH, run, NULL, &function);
  napi_set_named_property(env, exports, "run", function);
  return exports;
}
