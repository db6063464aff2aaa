#define _GNU_SOURCE
/*
 * Receiving through a TPACKET_V2 ring: the kernel hands over each frame at once, in a place of its own with room for
 * headers in front, where it is read, changed, and sent on from. ring.c is for blocks of frames (TPACKET_V3).
 */
#include "pool.h"

#include <linux/if_packet.h>
#include <stdatomic.h>
#include <string.h>

/*
 * Words of a ring's state, as in src/device/af-packet/frame-ring.ts: byte offset of the ring in the pool, bytes of
 * a frame's place, places; then what is kept there: the place that is read next, and how many before it have been read
 * but not given back.
 */
enum { STATE_OFFSET, STATE_FRAME_BYTES, STATE_FRAMES, STATE_NEXT, STATE_HELD, STATE_WORDS };

/* Places in front of the one that is read whose first lines are fetched. */
enum { AHEAD = 6, CACHE_LINE = 64 };

typedef struct {
  uint8_t *data;
  uint32_t frame_bytes, frames;
} ring_t;

static inline uint8_t *place(const ring_t *ring, uint32_t index) {
  return ring->data + (size_t)index * ring->frame_bytes;
}

static inline uint32_t after(const ring_t *ring, uint32_t index, uint32_t steps) {
  uint32_t sum = index + steps;
  return sum < ring->frames ? sum : sum - ring->frames;
}

static inline _Atomic uint32_t *status_of(uint8_t *frame) {
  return (_Atomic uint32_t *)(frame + offsetof(struct tpacket2_hdr, tp_status));
}

/* A copy of the state is read: what is checked is what is used. */
static bool get_ring(napi_env env, bytes_t pool, words_t words, int32_t *state, ring_t *ring) {
  if (words.length >= STATE_WORDS) {
    memcpy(state, words.data, STATE_WORDS * sizeof *state);
    int64_t frame = state[STATE_FRAME_BYTES], frames = state[STATE_FRAMES];
    if ((uintptr_t)pool.data % 8 == 0 && state[STATE_OFFSET] % 4096 == 0 && frame >= CACHE_LINE &&
        frame % TPACKET_ALIGNMENT == 0 && frames > AHEAD && is_inside(pool, state[STATE_OFFSET], frame * frames) &&
        state[STATE_NEXT] >= 0 && state[STATE_NEXT] < frames && state[STATE_HELD] >= 0 && state[STATE_HELD] <= frames) {
      *ring = (ring_t){pool.data + state[STATE_OFFSET], (uint32_t)frame, (uint32_t)frames};
      return true;
    }
  }
  throw_range(env, "state: not that of a ring in the pool");
  return false;
}

/*
 * frameRingReceive(pool, state, offsets, lengths, limit): count
 * For each frame its offset in the pool and its length, which is more than lies there when it was cut. The frames
 * of the call before go back to the kernel.
 */
static napi_value frame_ring_receive(napi_env env, napi_callback_info info) {
  napi_value arguments[5];
  bytes_t pool;
  words_t words, offsets, lengths;
  uint32_t limit;
  int32_t state[STATE_WORDS];
  ring_t ring;
  if (!get_arguments(env, info, 5, arguments) || !get_bytes(env, arguments[0], "pool", &pool) ||
      !get_words(env, arguments[1], "state", &words) || !get_words(env, arguments[2], "offsets", &offsets) ||
      !get_words(env, arguments[3], "lengths", &lengths) || !get_uint32(env, arguments[4], "limit", &limit))
    return NULL;
  if (limit > offsets.length || limit > lengths.length)
    return throw_range(env, "limit: more frames than the arrays take");
  if (!get_ring(env, pool, words, state, &ring)) return NULL;

  uint32_t next = (uint32_t)state[STATE_NEXT], held = (uint32_t)state[STATE_HELD];
  /* Where the last call took all that it could, more frames wait. Otherwise those ahead are not written yet, and to
   * fetch them would take them from the processor that is about to: 8 % of a TCP sender's time. */
  bool has_backlog = held >= limit;
  for (uint32_t at = after(&ring, next, ring.frames - held); held > 0; held--, at = after(&ring, at, 1))
    atomic_store_explicit(status_of(place(&ring, at)), TP_STATUS_KERNEL, memory_order_release);

  uint32_t count = 0;
  if (limit > ring.frames) limit = ring.frames;
  for (; held < limit; held++) {
    uint8_t *frame = place(&ring, next);
    if (!(atomic_load_explicit(status_of(frame), memory_order_acquire) & TP_STATUS_USER)) break;
    struct tpacket2_hdr header;
    memcpy(&header, frame, sizeof header);
    next = after(&ring, next, 1);
    uint8_t *ahead = place(&ring, after(&ring, next, AHEAD - 1));
    /* The kernel writes on another processor: let several frames be under way at a time. */
    if (has_backlog) __builtin_prefetch(ahead, 1);
    bytes_t inside = {frame, ring.frame_bytes};
    if (!is_inside(inside, header.tp_mac, header.tp_snaplen)) continue; /* not written by the kernel */
    if (has_backlog && (uint32_t)header.tp_mac + CACHE_LINE <= ring.frame_bytes)
      __builtin_prefetch(ahead + header.tp_mac, 1);
    offsets.data[count] = (int32_t)(frame - pool.data) + header.tp_mac;
    lengths.data[count] = header.tp_len > INT32_MAX ? INT32_MAX : (int32_t)header.tp_len;
    count++;
  }
  words.data[STATE_NEXT] = (int32_t)next;
  words.data[STATE_HELD] = (int32_t)held;
  return make_int32(env, (int32_t)count);
}

/*
 * frameRingFilled(pool, state): how many frames wait in the ring. They lie one behind the other, so that it is found
 * by halving.
 */
static napi_value frame_ring_filled(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  bytes_t pool;
  words_t words;
  int32_t state[STATE_WORDS];
  ring_t ring;
  if (!get_arguments(env, info, 2, arguments) || !get_bytes(env, arguments[0], "pool", &pool) ||
      !get_words(env, arguments[1], "state", &words) || !get_ring(env, pool, words, state, &ring))
    return NULL;
  uint32_t filled = 0, most = ring.frames - (uint32_t)state[STATE_HELD];
  while (filled < most) {
    uint32_t middle = filled + (most - filled) / 2;
    uint8_t *frame = place(&ring, after(&ring, (uint32_t)state[STATE_NEXT], middle));
    if (atomic_load_explicit(status_of(frame), memory_order_relaxed) & TP_STATUS_USER)
      filled = middle + 1;
    else
      most = middle;
  }
  return make_int32(env, (int32_t)filled);
}

void init_frame_ring(napi_env env, napi_value exports) {
  export_function(env, exports, "frameRingReceive", frame_ring_receive);
  export_function(env, exports, "frameRingFilled", frame_ring_filled);
}
