/*
 * What the parts of the addon share: exporting functions, reading arguments, throwing errors.
 *
 * Rules: no global state (the addon is loaded once per thread); every offset and length that comes from
 * JavaScript is checked against the memory that it points into before it is used; no pointer into JavaScript
 * memory outlives the call, but for that of a pin, which holds its array.
 */
#ifndef GREBE_ADDON_H
#define GREBE_ADDON_H

#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
  uint8_t *data;
  size_t length; /* bytes */
} bytes_t;

typedef struct {
  int32_t *data;
  size_t length; /* elements */
} words_t;

/* Adds a function to the addon's exports. */
void export_function(napi_env env, napi_value exports, const char *name, napi_callback function);

/* Reads exactly `count` arguments; throws TypeError and answers false when there are fewer. */
bool get_arguments(napi_env env, napi_callback_info info, size_t count, napi_value *arguments);

/* Each reads one argument; throws TypeError (naming `what`) and answers false when it is something else. */
bool get_int32(napi_env env, napi_value value, const char *what, int32_t *result);
bool get_uint32(napi_env env, napi_value value, const char *what, uint32_t *result);
/* Text of fewer than `size` bytes, terminated; longer text is refused. */
bool get_text(napi_env env, napi_value value, const char *what, char *result, size_t size);
/* The bytes of any typed array, over a SharedArrayBuffer too, or of a pin. */
bool get_bytes(napi_env env, napi_value value, const char *what, bytes_t *result);
/* An Int32Array, or a pin of one. */
bool get_words(napi_env env, napi_value value, const char *what, words_t *result);

/* Each answers false when the value is no pin (of an Int32Array), and throws nothing. */
bool find_pinned_bytes(napi_env env, napi_value value, bytes_t *result);
bool find_pinned_words(napi_env env, napi_value value, words_t *result);

/* Whether [offset, offset + length) lies in `memory`; negative numbers do not. */
static inline bool is_inside(bytes_t memory, int64_t offset, int64_t length) {
  return offset >= 0 && length >= 0 && (uint64_t)offset <= memory.length &&
         (uint64_t)length <= memory.length - (uint64_t)offset;
}

/* Words of a packet to be sent: offset and length, and those of what follows from elsewhere (length 0: nothing). */
#define SPAN_WORDS 4

napi_value make_int32(napi_env env, int32_t value);

/*
 * Throws an Error "<call>: <strerror>", or "<call> <detail>: <strerror>", with `code` ("EPERM"), `errno` and
 * `syscall`. Answers NULL, so that a function can end with `return throw_errno(…)`.
 */
napi_value throw_errno(napi_env env, const char *call, const char *detail, int error);
/* Throws a RangeError. Answers NULL. */
napi_value throw_range(napi_env env, const char *message);

/* Each part of the addon adds its functions to `exports`. */
void init_pins(napi_env env, napi_value exports);    /* pins.c: arrays that are looked at once */
void init_sockets(napi_env env, napi_value exports); /* sockets.c: raw and packet sockets */
void init_batches(napi_env env, napi_value exports); /* batches.c: their packets */
void init_wait(napi_env env, napi_value exports);    /* wait.c: poll */
void init_tun(napi_env env, napi_value exports);     /* tun.c: TUN/TAP */
void init_xdp(napi_env env, napi_value exports);     /* xdp.c: AF_XDP */
void init_system(napi_env env, napi_value exports);  /* system.c: netlink socket, capabilities, readiness */

#endif
