/* Mapping the kernel's memory over a part of a PacketPool, so that TypeScript reads what the kernel writes. */
#ifndef GREBE_POOL_H
#define GREBE_POOL_H

#include "addon.h"

/*
 * Reads the arguments (pool, offset, length, …): whole pages of a WebAssembly memory, which may be mapped over.
 * Throws and answers false for anything else.
 */
bool get_pool_pages(napi_env env, napi_value *arguments, uint8_t **start, size_t *length, bytes_t *pool);

/*
 * Maps `length` bytes of `fd`, from byte `at` on, over pages of a pool. Answers false, with errno, when it cannot be;
 * the pages are then as they were, or empty.
 */
bool map_over(uint8_t *start, size_t length, int fd, int64_t at);

void init_pool(napi_env env, napi_value exports);       /* pool.c */
void init_ring(napi_env env, napi_value exports);       /* ring.c */
void init_frame_ring(napi_env env, napi_value exports); /* frame-ring.c */

#endif
