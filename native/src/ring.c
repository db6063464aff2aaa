#define _GNU_SOURCE
/*
 * Receiving through a TPACKET_V3 ring: the kernel collects frames in blocks, and hands a block over when it is full
 * or has waited long enough. Frames are read where they lie. What may be set by setsockopt alone is set in
 * TypeScript.
 */
#include "pool.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>

/*
 * Words of a ring's state, as in src/device/ring/packet-ring.ts: byte offset of the ring in the
 * pool, bytes of a block, blocks; then what ringReceive keeps there: the current block, frames left in it, and where
 * in the block the next one is.
 */
enum { STATE_OFFSET, STATE_BLOCK_BYTES, STATE_BLOCKS, STATE_BLOCK, STATE_LEFT, STATE_NEXT, STATE_WORDS };

/* ringMap(pool, offset, length, fd) */
static napi_value ring_map(napi_env env, napi_callback_info info) {
  napi_value arguments[4];
  int32_t fd;
  bytes_t pool;
  uint8_t *start;
  size_t length;
  if (!get_arguments(env, info, 4, arguments) || !get_pool_pages(env, arguments, &start, &length, &pool) ||
      !get_int32(env, arguments[3], "fd", &fd))
    return NULL;
  int domain = 0;
  socklen_t size = sizeof domain;
  if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) < 0) return throw_errno(env, "mmap", "ring", errno);
  if (domain != AF_PACKET) return throw_errno(env, "mmap", "ring", EAFNOSUPPORT);
  /* The kernel refuses any length but the ring's own. */
  return map_over(start, length, fd, 0) ? NULL : throw_errno(env, "mmap", "ring", errno);
}

static _Atomic uint32_t *status_of(uint8_t *block) {
  return (_Atomic uint32_t *)(block + offsetof(struct tpacket_block_desc, hdr.bh1.block_status));
}

/*
 * ringReceive(pool, state, offsets, lengths, originals, times, limit): count
 * For each frame its offset in the pool, how many bytes are there, how many it had, and when it came (seconds and
 * nanoseconds). A block goes back to the kernel with the call after the one that has read its last frame.
 */
static napi_value ring_receive(napi_env env, napi_callback_info info) {
  napi_value arguments[7];
  bytes_t pool;
  words_t words, offsets, lengths, originals, times;
  uint32_t limit;
  if (!get_arguments(env, info, 7, arguments) || !get_bytes(env, arguments[0], "pool", &pool) ||
      !get_words(env, arguments[1], "state", &words) || !get_words(env, arguments[2], "offsets", &offsets) ||
      !get_words(env, arguments[3], "lengths", &lengths) ||
      !get_words(env, arguments[4], "originals", &originals) || !get_words(env, arguments[5], "times", &times) ||
      !get_uint32(env, arguments[6], "limit", &limit))
    return NULL;
  if (limit > offsets.length || limit > lengths.length || limit > originals.length || limit > times.length / 2)
    return throw_range(env, "limit: more frames than the arrays take");
  if (words.length < STATE_WORDS) return throw_range(env, "state: too short");
  int32_t state[STATE_WORDS];
  memcpy(state, words.data, sizeof state);
  int64_t bytes = state[STATE_BLOCK_BYTES], blocks = state[STATE_BLOCKS];
  if ((uintptr_t)pool.data % 8 != 0 || state[STATE_OFFSET] % 4096 != 0 || bytes <= 0 || bytes % 4096 != 0 ||
      blocks <= 0 || !is_inside(pool, state[STATE_OFFSET], bytes * blocks) || state[STATE_BLOCK] < 0 ||
      state[STATE_BLOCK] >= blocks || state[STATE_LEFT] < -1)
    return throw_range(env, "state: not that of a ring in the pool");

  /* LEFT: −1 nothing of the block has been read, 0 all has been. */
  uint8_t *block = pool.data + state[STATE_OFFSET] + bytes * state[STATE_BLOCK];
  if (state[STATE_LEFT] == 0) {
    atomic_store_explicit(status_of(block), TP_STATUS_KERNEL, memory_order_release);
    state[STATE_BLOCK] = (state[STATE_BLOCK] + 1) % (int32_t)blocks;
    state[STATE_LEFT] = -1;
    block = pool.data + state[STATE_OFFSET] + bytes * state[STATE_BLOCK];
  }
  uint32_t count = 0;
  if (atomic_load_explicit(status_of(block), memory_order_acquire) & TP_STATUS_USER) {
    const struct tpacket_hdr_v1 *header = &((struct tpacket_block_desc *)block)->hdr.bh1;
    if (state[STATE_LEFT] < 0) {
      state[STATE_LEFT] = (int32_t)(header->num_pkts & INT32_MAX);
      state[STATE_NEXT] = (int32_t)header->offset_to_first_pkt;
    }
    bytes_t inside = {block, (size_t)bytes};
    while (count < limit && state[STATE_LEFT] > 0) {
      struct tpacket3_hdr frame;
      int32_t at = state[STATE_NEXT];
      if (!is_inside(inside, at, sizeof frame)) {
        state[STATE_LEFT] = 0; /* not written by the kernel */
        break;
      }
      memcpy(&frame, block + at, sizeof frame);
      state[STATE_LEFT]--;
      state[STATE_NEXT] = (int32_t)((uint32_t)at + frame.tp_next_offset);
      if (!is_inside(inside, (int64_t)at + frame.tp_mac, frame.tp_snaplen)) continue;
      offsets.data[count] = (int32_t)(block - pool.data) + at + frame.tp_mac;
      lengths.data[count] = (int32_t)frame.tp_snaplen;
      originals.data[count] = (int32_t)frame.tp_len;
      times.data[2 * count] = (int32_t)frame.tp_sec;
      times.data[2 * count + 1] = (int32_t)frame.tp_nsec;
      count++;
    }
  }
  memcpy(words.data + STATE_BLOCK, state + STATE_BLOCK, sizeof state - STATE_BLOCK * sizeof *state);
  return make_int32(env, (int32_t)count);
}

void init_ring(napi_env env, napi_value exports) {
  export_function(env, exports, "ringMap", ring_map);
  export_function(env, exports, "ringReceive", ring_receive);
}
