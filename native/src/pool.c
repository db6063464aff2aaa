#define _GNU_SOURCE
#include "pool.h"

#include <errno.h>
#include <sys/mman.h>

enum { PAGE = 4096 };

/*
 * Whether this is all of a WebAssembly memory, which begins on a page and has whole pages of 64 KiB. V8 gives such
 * memory back to the system as a whole; what comes from malloc must not be mapped over, and never begins so.
 */
static bool is_webassembly_memory(napi_env env, napi_value array, bytes_t pool) {
  enum { WEBASSEMBLY_PAGE = 65536 };
  napi_typedarray_type type;
  size_t length, offset;
  void *data;
  return napi_get_typedarray_info(env, array, &type, &length, &data, NULL, &offset) == napi_ok && offset == 0 &&
         (uintptr_t)pool.data % PAGE == 0 && pool.length % WEBASSEMBLY_PAGE == 0;
}

bool get_pool_pages(napi_env env, napi_value *arguments, uint8_t **start, size_t *length, bytes_t *pool) {
  int32_t offset, bytes;
  if (!get_bytes(env, arguments[0], "pool", pool) || !get_int32(env, arguments[1], "offset", &offset) ||
      !get_int32(env, arguments[2], "length", &bytes))
    return false;
  if (bytes <= 0 || offset % PAGE != 0 || bytes % PAGE != 0 || !is_inside(*pool, offset, bytes) ||
      !is_webassembly_memory(env, arguments[0], *pool)) {
    throw_range(env, "expected whole pages of a WebAssembly memory");
    return false;
  }
  *start = pool->data + offset;
  *length = (size_t)bytes;
  return true;
}

static bool put_empty_memory(uint8_t *start, size_t length) {
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
  return mmap(start, length, PROT_READ | PROT_WRITE, flags, -1, 0) != MAP_FAILED;
}

bool map_over(uint8_t *start, size_t length, int fd, int64_t at) {
  /* Mapped elsewhere first: a mapping that the kernel refuses would leave a hole here. */
  void *elsewhere = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)at);
  if (elsewhere == MAP_FAILED) return false;
  if (mremap(elsewhere, length, length, MREMAP_MAYMOVE | MREMAP_FIXED, start) != MAP_FAILED) return true;
  int error = errno;
  munmap(elsewhere, length);
  put_empty_memory(start, length);
  errno = error;
  return false;
}

/* poolUnmap(pool, offset, length): empty memory of the process's own in place of what was mapped there */
static napi_value pool_unmap(napi_env env, napi_callback_info info) {
  napi_value arguments[3];
  bytes_t pool;
  uint8_t *start;
  size_t length;
  if (!get_arguments(env, info, 3, arguments) || !get_pool_pages(env, arguments, &start, &length, &pool)) return NULL;
  if (!put_empty_memory(start, length)) return throw_errno(env, "mmap", NULL, errno);
  return NULL;
}

void init_pool(napi_env env, napi_value exports) { export_function(env, exports, "poolUnmap", pool_unmap); }
