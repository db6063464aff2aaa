#define _GNU_SOURCE
/* Waiting until descriptors are readable or writable. For the event loop: readiness.c. */
#include "addon.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <sched.h>
#include <time.h>

#define MAX_DESCRIPTORS 64

/* Milliseconds, fractions too; negative: no limit. Interrupted waits end early. */
static int wait_for(struct pollfd *entries, nfds_t count, double milliseconds) {
  struct timespec time = {.tv_sec = (time_t)(milliseconds / 1000),
                          .tv_nsec = (long)(fmod(milliseconds, 1000) * 1e6)};
  int ready = ppoll(entries, count, milliseconds < 0 ? NULL : &time, NULL);
  return ready < 0 ? (errno == EINTR ? 0 : -errno) : ready;
}

static bool get_milliseconds(napi_env env, napi_value value, double *result) {
  if (napi_get_value_double(env, value, result) == napi_ok && *result <= INT32_MAX) return true;
  napi_throw_type_error(env, NULL, "timeoutMs: expected a number up to 2147483647");
  return false;
}

/* Waits for one of the descriptors; answers how many are readable or in error, or −1 when it has thrown. */
static int poll_all(napi_env env, words_t fds, double milliseconds, struct pollfd entries[MAX_DESCRIPTORS]) {
  if (fds.length > MAX_DESCRIPTORS) {
    throw_range(env, "fds: expected at most 64");
    return -1;
  }
  for (size_t i = 0; i < fds.length; i++) entries[i] = (struct pollfd){.fd = fds.data[i], .events = POLLIN};
  int ready = wait_for(entries, fds.length, milliseconds);
  if (ready >= 0) return ready;
  throw_errno(env, "poll", NULL, -ready);
  return -1;
}

/* poll(fds, timeoutMs): how many of the descriptors are readable, or in error. Negative ones are passed over. */
static napi_value poll_readable(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  words_t fds;
  double milliseconds;
  struct pollfd entries[MAX_DESCRIPTORS];
  if (!get_arguments(env, info, 2, arguments) || !get_words(env, arguments[0], "fds", &fds) ||
      !get_milliseconds(env, arguments[1], &milliseconds))
    return NULL;
  int ready = poll_all(env, fds, milliseconds, entries);
  return ready < 0 ? NULL : make_int32(env, ready);
}

/*
 * pollReady(fds, ready, timeoutMs): as poll, and for each descriptor whether it is one of them goes to `ready`, which is
 * as long as `fds`. Whoever waits for the processor has it first: the first packet of a batch wakes us, and where its
 * sender has to share the processor with us we would find just that one, and sleep and wake again for each.
 */
static napi_value poll_ready(napi_env env, napi_callback_info info) {
  napi_value arguments[3];
  words_t fds, ready;
  double milliseconds;
  struct pollfd entries[MAX_DESCRIPTORS];
  if (!get_arguments(env, info, 3, arguments) || !get_words(env, arguments[0], "fds", &fds) ||
      !get_words(env, arguments[1], "ready", &ready) || !get_milliseconds(env, arguments[2], &milliseconds))
    return NULL;
  if (ready.length != fds.length) return throw_range(env, "ready: expected as many as fds");
  int count = poll_all(env, fds, milliseconds, entries);
  if (count < 0) return NULL;
  if (count > 0) sched_yield();
  for (size_t i = 0; i < fds.length; i++) ready.data[i] = entries[i].revents != 0;
  return make_int32(env, count);
}

/* waitWritable(fd, timeoutMs): 1 when the descriptor takes more, 0 when the time is over. */
static napi_value wait_writable(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  double milliseconds;
  struct pollfd entry = {.events = POLLOUT};
  if (!get_arguments(env, info, 2, arguments) || !get_int32(env, arguments[0], "fd", &entry.fd) ||
      !get_milliseconds(env, arguments[1], &milliseconds))
    return NULL;
  int ready = wait_for(&entry, 1, milliseconds);
  return make_int32(env, ready > 0 && (entry.revents & POLLOUT));
}

void init_wait(napi_env env, napi_value exports) {
  export_function(env, exports, "poll", poll_readable);
  export_function(env, exports, "pollReady", poll_ready);
  export_function(env, exports, "waitWritable", wait_writable);
}
