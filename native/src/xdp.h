/*
 * What the files of AF_XDP share: the map of a port's part of the pool.
 *
 * A device's UMEM is a sealed memory file: first the chunks, then the control area. Every port maps the whole
 * file over its staging area, and its rings behind it; so packets arrive in memory that TypeScript reads, any
 * worker can send a chunk that the kernel filled, and nothing but descriptors has to be handed on when a worker
 * is replaced. There is no state in C: each call gets the pool and a layout, and checks it.
 */
#ifndef GREBE_XDP_H
#define GREBE_XDP_H

#include "addon.h"

#include <linux/if_xdp.h>
#include <stdatomic.h>

/* Words of a ring in a layout: byte offsets in the pool, and the number of entries (a power of two). */
enum { RING_PRODUCER, RING_CONSUMER, RING_FLAGS, RING_ENTRIES, RING_SIZE, RING_WORDS };

/* Words of a layout. Held equal to src/device/af-xdp/layout.ts by a test. */
enum {
  LAYOUT_FD,
  LAYOUT_PORT,    /* from 0 */
  LAYOUT_PORTS,   /* of the device */
  LAYOUT_UMEM,    /* byte offset of the memory file in the pool */
  LAYOUT_SHIFT,   /* log2 of the bytes of a chunk */
  LAYOUT_CHUNKS,
  LAYOUT_RX,
  LAYOUT_TX = LAYOUT_RX + RING_WORDS,
  LAYOUT_FILL = LAYOUT_TX + RING_WORDS,
  LAYOUT_COMPLETION = LAYOUT_FILL + RING_WORDS,
  LAYOUT_WORDS = LAYOUT_COMPLETION + RING_WORDS,
};

/*
 * The control area, words behind the last chunk:
 *   lock, number of free chunks, padding to 16 words;
 *   free chunks (a stack);
 *   for each chunk its holder: 0 nobody (it is free, or the kernel has it), else the port's number + 1;
 *   for each port HELD_WORDS words: how many chunks it holds, and which.
 * A port holds what it has received until its next receive, or until it sends the chunk. As this stands in the
 * memory file, whoever takes a port over gives back what the last one had in hand.
 */
enum { CONTROL_LOCK, CONTROL_FREE, CONTROL_STACK = 16, HELD_MAXIMUM = 256, HELD_WORDS = 272 };

enum { CHUNKS_MAXIMUM = 1 << 18, PORTS_MAXIMUM = 64, PAGE = 4096 };

static inline size_t control_words(uint32_t chunks, uint32_t ports) {
  return CONTROL_STACK + 2 * (size_t)chunks + (size_t)ports * HELD_WORDS;
}

/* Bytes of the memory file. */
static inline size_t memory_bytes(uint32_t shift, uint32_t chunks, uint32_t ports) {
  size_t bytes = ((size_t)chunks << shift) + control_words(chunks, ports) * 4;
  return (bytes + PAGE - 1) / PAGE * PAGE;
}

void init_bpf(napi_env env, napi_value exports);       /* bpf.c */
void init_xdp_batch(napi_env env, napi_value exports); /* xdp-batch.c */

#endif
