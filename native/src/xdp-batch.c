#define _GNU_SOURCE
/* AF_XDP: a batch of packets per call, received from and sent by rings that lie in the pool. */
#include "xdp.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>

enum { LOCK_TRIES = 1 << 20, BATCH = 256 };

typedef struct {
  _Atomic uint32_t *producer, *consumer;
  _Atomic uint32_t *flags;
  void *entries;
  uint32_t size;
} ring_t;

typedef struct {
  bytes_t pool;
  int fd;
  uint32_t holder; /* this port's number + 1 */
  uint32_t umem, shift, chunks;
  _Atomic uint32_t *lock;
  uint32_t *free_count, *stack, *holders, *held;
  ring_t rx, tx, fill, completion;
} port_t;

static bool read_ring(bytes_t pool, const int32_t *words, size_t entry_bytes, ring_t *ring) {
  uint32_t size = (uint32_t)words[RING_SIZE];
  if (size == 0 || size > 1 << 16 || (size & (size - 1)) != 0) return false;
  for (int i = RING_PRODUCER; i <= RING_FLAGS; i++)
    if (words[i] % 4 != 0 || !is_inside(pool, words[i], 4)) return false;
  if (words[RING_ENTRIES] % 8 != 0 || !is_inside(pool, words[RING_ENTRIES], (int64_t)size * (int64_t)entry_bytes))
    return false;
  *ring = (ring_t){(_Atomic uint32_t *)(pool.data + words[RING_PRODUCER]),
                   (_Atomic uint32_t *)(pool.data + words[RING_CONSUMER]),
                   (_Atomic uint32_t *)(pool.data + words[RING_FLAGS]), pool.data + words[RING_ENTRIES], size};
  return true;
}

/* Reads pool and layout, and checks that all that the layout names lies in the pool. */
static bool get_port(napi_env env, napi_value *arguments, port_t *port) {
  words_t words;
  if (!get_bytes(env, arguments[0], "pool", &port->pool) || !get_words(env, arguments[1], "layout", &words))
    return false;
  int32_t layout[LAYOUT_WORDS]; /* a copy: what is checked is what is used */
  if (words.length >= LAYOUT_WORDS) memcpy(layout, words.data, sizeof layout);
  uint32_t number = words.length >= LAYOUT_WORDS ? (uint32_t)layout[LAYOUT_PORT] : UINT32_MAX;
  if (words.length < LAYOUT_WORDS || (uintptr_t)port->pool.data % 8 != 0 || layout[LAYOUT_PORTS] <= 0 ||
      layout[LAYOUT_PORTS] > PORTS_MAXIMUM || number >= (uint32_t)layout[LAYOUT_PORTS] ||
      (layout[LAYOUT_SHIFT] != 11 && layout[LAYOUT_SHIFT] != 12) || layout[LAYOUT_CHUNKS] <= 0 ||
      layout[LAYOUT_CHUNKS] > CHUNKS_MAXIMUM || layout[LAYOUT_UMEM] % PAGE != 0) {
    throw_range(env, "layout: not one of a port");
    return false;
  }
  port->fd = layout[LAYOUT_FD];
  port->holder = number + 1;
  port->umem = (uint32_t)layout[LAYOUT_UMEM];
  port->shift = (uint32_t)layout[LAYOUT_SHIFT];
  port->chunks = (uint32_t)layout[LAYOUT_CHUNKS];
  size_t bytes = memory_bytes(port->shift, port->chunks, (uint32_t)layout[LAYOUT_PORTS]);
  if (!is_inside(port->pool, layout[LAYOUT_UMEM], (int64_t)bytes) ||
      !read_ring(port->pool, layout + LAYOUT_RX, sizeof(struct xdp_desc), &port->rx) ||
      !read_ring(port->pool, layout + LAYOUT_TX, sizeof(struct xdp_desc), &port->tx) ||
      !read_ring(port->pool, layout + LAYOUT_FILL, sizeof(uint64_t), &port->fill) ||
      !read_ring(port->pool, layout + LAYOUT_COMPLETION, sizeof(uint64_t), &port->completion)) {
    throw_range(env, "layout: points out of the pool");
    return false;
  }
  uint32_t *control = (uint32_t *)(port->pool.data + port->umem + ((size_t)port->chunks << port->shift));
  port->lock = (_Atomic uint32_t *)&control[CONTROL_LOCK];
  port->free_count = &control[CONTROL_FREE];
  port->stack = control + CONTROL_STACK;
  port->holders = port->stack + port->chunks;
  port->held = port->holders + port->chunks + (size_t)number * HELD_WORDS;
  return true;
}

/* The lock is held for microseconds, and never by a thread that ends: a call into the addon is not interrupted. */
static bool take_lock(port_t *port) {
  for (int i = 0; i < LOCK_TRIES; i++) {
    if (atomic_exchange_explicit(port->lock, 1, memory_order_acquire) == 0) return true;
    if (i > 64) sched_yield();
  }
  return false;
}

static void give_lock(port_t *port) { atomic_store_explicit(port->lock, 0, memory_order_release); }

/* The control area can be written by any thread: numbers from it are checked before they are an index. */
static void push_free(port_t *port, uint32_t chunk) {
  uint32_t count = *port->free_count;
  if (chunk >= port->chunks || count >= port->chunks) return;
  port->stack[count] = chunk;
  *port->free_count = count + 1;
}

static bool pop_free(port_t *port, uint32_t *chunk) {
  uint32_t count = *port->free_count;
  if (count == 0 || count > port->chunks) return false;
  *chunk = port->stack[count - 1];
  *port->free_count = count - 1;
  return *chunk < port->chunks;
}

static uint32_t filled(const ring_t *ring) {
  uint32_t count = atomic_load_explicit(ring->producer, memory_order_acquire) -
                   atomic_load_explicit(ring->consumer, memory_order_acquire);
  return count > ring->size ? ring->size : count;
}

/* With the lock: what the kernel has sent is free. */
static void collect_completed(port_t *port) {
  ring_t *ring = &port->completion;
  uint32_t count = filled(ring);
  uint32_t at = atomic_load_explicit(ring->consumer, memory_order_relaxed);
  const uint64_t *entries = ring->entries;
  for (uint32_t i = 0; i < count; i++) {
    uint64_t chunk = entries[(at + i) & (ring->size - 1)] >> port->shift;
    if (chunk < port->chunks) push_free(port, (uint32_t)chunk);
  }
  atomic_store_explicit(ring->consumer, at + count, memory_order_release);
}

/* With the lock: gives the kernel chunks to receive into, but keeps some for packets that must be copied. */
static void refill(port_t *port, uint32_t reserve) {
  ring_t *ring = &port->fill;
  uint32_t room = ring->size - filled(ring);
  uint32_t at = atomic_load_explicit(ring->producer, memory_order_relaxed);
  uint64_t *entries = ring->entries;
  uint32_t given = 0, chunk;
  while (given < room && *port->free_count > reserve && pop_free(port, &chunk))
    entries[(at + given++) & (ring->size - 1)] = (uint64_t)chunk << port->shift;
  if (given) atomic_store_explicit(ring->producer, at + given, memory_order_release);
}

/* With the lock: what the port's last receive brought and it has not sent is free. */
static void release_held(port_t *port) {
  uint32_t count = port->held[0] > HELD_MAXIMUM ? HELD_MAXIMUM : port->held[0];
  for (uint32_t i = 1; i <= count; i++) {
    uint32_t chunk = port->held[i];
    if (chunk >= port->chunks || port->holders[chunk] != port->holder) continue;
    port->holders[chunk] = 0;
    push_free(port, chunk);
  }
  port->held[0] = 0;
}

/*
 * xdpReceive(pool, layout, offsets, lengths, limit, reserve): count
 * Puts packets at offsets[0…], lengths[0…] (offsets in the pool), and gives back the chunks of the last batch.
 */
static napi_value xdp_receive(napi_env env, napi_callback_info info) {
  napi_value arguments[6];
  port_t port;
  words_t offsets, lengths;
  uint32_t limit, reserve;
  if (!get_arguments(env, info, 6, arguments) || !get_port(env, arguments, &port) ||
      !get_words(env, arguments[2], "offsets", &offsets) || !get_words(env, arguments[3], "lengths", &lengths) ||
      !get_uint32(env, arguments[4], "limit", &limit) || !get_uint32(env, arguments[5], "reserve", &reserve))
    return NULL;
  if (limit > HELD_MAXIMUM || limit > offsets.length || limit > lengths.length)
    return throw_range(env, "limit: more packets than the arrays, or a port, take");

  if (!take_lock(&port)) return throw_errno(env, "xdp", "lock", EDEADLK);
  release_held(&port);
  collect_completed(&port);
  refill(&port, reserve);
  give_lock(&port);
  if (atomic_load_explicit(port.fill.flags, memory_order_relaxed) & XDP_RING_NEED_WAKEUP)
    (void)recvfrom(port.fd, NULL, 0, MSG_DONTWAIT, NULL, NULL);

  uint32_t count = filled(&port.rx);
  if (count > limit) count = limit;
  uint32_t from = atomic_load_explicit(port.rx.consumer, memory_order_relaxed);
  const struct xdp_desc *entries = port.rx.entries;
  uint32_t received = 0;
  for (uint32_t i = 0; i < count; i++) {
    struct xdp_desc packet = entries[(from + i) & (port.rx.size - 1)];
    uint64_t chunk = packet.addr >> port.shift;
    uint32_t within = packet.addr & ((1u << port.shift) - 1);
    if (chunk >= port.chunks || packet.len > (1u << port.shift) - within) continue;
    port.holders[chunk] = port.holder;
    offsets.data[received] = (int32_t)(port.umem + packet.addr);
    lengths.data[received] = (int32_t)packet.len;
    port.held[++received] = (uint32_t)chunk;
    /* The kernel has written it on another processor: let all of a batch be under way at a time. */
    const uint8_t *at = port.pool.data + port.umem + packet.addr;
    __builtin_prefetch(at, 1);
    __builtin_prefetch(at + 64, 1);
  }
  port.held[0] = received;
  atomic_store_explicit(port.rx.consumer, from + count, memory_order_release);
  return make_int32(env, (int32_t)received);
}

/*
 * Has the kernel send what is in the ring; 0, or the error for which it takes nothing. What it has no room for at
 * the moment stays in the ring, and goes with the next call, or while somebody polls the socket.
 */
static int kick(port_t *port) {
  uint32_t left = filled(&port->tx);
  while (left) {
    int error = sendto(port->fd, NULL, 0, MSG_DONTWAIT, NULL, 0) < 0 ? errno : 0;
    uint32_t now = filled(&port->tx);
    if (now == left) return error;
    left = now;
  }
  return 0;
}

/* The chunk in which a frame lies, when this port holds it. */
static bool own_chunk(const port_t *port, int32_t offset, int32_t length, uint32_t *chunk) {
  if ((uint32_t)offset < port->umem) return false;
  uint32_t address = (uint32_t)offset - port->umem;
  *chunk = address >> port->shift;
  uint32_t within = address & ((1u << port->shift) - 1);
  return *chunk < port->chunks && (uint32_t)length <= (1u << port->shift) - within &&
         port->holders[*chunk] == port->holder;
}

/*
 * xdpTransmit(pool, layout, frames, first, count): how many of frames[4 · first…] (offset and length, and those of what
 * follows from elsewhere, perhaps of length 0) are on their way, from the first on; or −errno when none is (EAGAIN: no
 * room at the moment). A frame in one piece in a chunk that this port holds is sent as it lies; any other is copied
 * into a free chunk.
 */
static napi_value xdp_transmit(napi_env env, napi_callback_info info) {
  napi_value arguments[5];
  port_t port;
  words_t frames;
  uint32_t first, count;
  if (!get_arguments(env, info, 5, arguments) || !get_port(env, arguments, &port) ||
      !get_words(env, arguments[2], "frames", &frames) || !get_uint32(env, arguments[3], "first", &first) ||
      !get_uint32(env, arguments[4], "count", &count))
    return NULL;
  size_t most_frames = frames.length / SPAN_WORDS;
  if (first > most_frames || count > most_frames - first) return throw_range(env, "frames: fewer than said");
  if (count > BATCH) count = BATCH;
  struct {
    int32_t offset, length, body, body_length;
  } list[BATCH];
  memcpy(list, frames.data + SPAN_WORDS * (size_t)first, count * sizeof *list);
  for (uint32_t i = 0; i < count; i++)
    if (!is_inside(port.pool, list[i].offset, list[i].length) ||
        (list[i].body_length != 0 && !is_inside(port.pool, list[i].body, list[i].body_length)) ||
        (int64_t)list[i].length + list[i].body_length > 1 << port.shift)
      return throw_range(env, "frames: not in the pool, or longer than a chunk");

  int error = port.tx.size - filled(&port.tx) < count ? kick(&port) : 0;
  uint32_t room = port.tx.size - filled(&port.tx);
  uint32_t most = count < room ? count : room;
  uint32_t at = atomic_load_explicit(port.tx.producer, memory_order_relaxed);
  struct xdp_desc *entries = port.tx.entries;
  uint32_t queued = 0;
  int64_t copied[BATCH]; /* address of the chunk, or −1 */
  if (!take_lock(&port)) return throw_errno(env, "xdp", "lock", EDEADLK);
  collect_completed(&port);
  for (; queued < most; queued++) {
    uint32_t chunk;
    copied[queued] = -1;
    if (list[queued].body_length == 0 && own_chunk(&port, list[queued].offset, list[queued].length, &chunk)) {
      port.holders[chunk] = 0;
    } else {
      if (!pop_free(&port, &chunk)) break;
      copied[queued] = (int64_t)chunk << port.shift;
    }
  }
  give_lock(&port);
  for (uint32_t i = 0; i < queued; i++) {
    uint64_t address = (uint64_t)copied[i];
    if (copied[i] < 0) {
      address = (uint32_t)list[i].offset - port.umem;
    } else {
      uint8_t *to = port.pool.data + port.umem + copied[i];
      memmove(to, port.pool.data + list[i].offset, (size_t)list[i].length);
      if (list[i].body_length != 0)
        memmove(to + list[i].length, port.pool.data + list[i].body, (size_t)list[i].body_length);
    }
    entries[(at + i) & (port.tx.size - 1)] =
        (struct xdp_desc){address, (uint32_t)(list[i].length + list[i].body_length), 0};
  }
  if (queued) atomic_store_explicit(port.tx.producer, at + queued, memory_order_release);
  if (queued == 0 && count != 0) return make_int32(env, -(error ? error : EAGAIN));
  (void)kick(&port);
  return make_int32(env, (int32_t)queued);
}

void init_xdp_batch(napi_env env, napi_value exports) {
  export_function(env, exports, "xdpReceive", xdp_receive);
  export_function(env, exports, "xdpTransmit", xdp_transmit);
}
