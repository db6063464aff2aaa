/* Header fields and checksums, as inline functions over bytes. */
#ifndef HEADERS_H
#define HEADERS_H

#include <arpa/inet.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t get16(const uint8_t *p) {
  uint16_t value;
  memcpy(&value, p, 2);
  return value;
}
static inline uint32_t get32(const uint8_t *p) {
  uint32_t value;
  memcpy(&value, p, 4);
  return value;
}
static inline void put16(uint8_t *p, uint16_t value) { memcpy(p, &value, 2); }
static inline void put32(uint8_t *p, uint32_t value) { memcpy(p, &value, 4); }

/* Sums are taken in memory order (RFC 1071, 2(B)); the compiler makes vector instructions of the loop. */
static inline uint64_t sum_bytes(const uint8_t *data, size_t length, uint64_t sum) {
  size_t words = length / 4;
  for (size_t i = 0; i < words; i++) sum += get32(data + 4 * i);
  data += 4 * words;
  if (length & 2) {
    sum += get16(data);
    data += 2;
  }
  if (length & 1) sum += *data; /* little endian: the odd byte is the low one */
  return sum;
}

static inline uint16_t fold(uint64_t sum) {
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return (uint16_t)sum;
}

/* Sum of the pseudo header of the packet at `ip` with `length` bytes of transport header and payload. */
static inline uint64_t pseudo_sum(const uint8_t *ip, uint8_t protocol, uint32_t length) {
  uint64_t sum = htonl(length) + (uint64_t)htons(protocol);
  return ip[0] >> 4 == 4 ? sum_bytes(ip + 12, 8, sum) : sum_bytes(ip + 8, 32, sum);
}

#endif
