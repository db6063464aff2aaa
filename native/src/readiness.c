#define _GNU_SOURCE
/*
 * Descriptors on the event loop of the thread that loaded the addon, by libuv's uv_poll.
 *
 * Of libuv only functions are used that have not changed since 1.0; Node exports them, but its headers need
 * not be there. The size of the handle is asked for, so that its layout is not known here.
 */
#include "system.h"

#include <errno.h>
#include <stdlib.h>

typedef struct uv_loop_s uv_loop_t;
typedef void uv_handle_t;
typedef void (*uv_poll_cb)(uv_handle_t *handle, int status, int events);
typedef void (*uv_close_cb)(uv_handle_t *handle);
enum { UV_POLL_HANDLE = 8, UV_EVENT_READABLE = 1 };

extern size_t uv_handle_size(int type);
extern int uv_poll_init(uv_loop_t *loop, uv_handle_t *handle, int fd);
extern int uv_poll_start(uv_handle_t *handle, int events, uv_poll_cb callback);
extern void uv_close(uv_handle_t *handle, uv_close_cb callback);
extern void *uv_handle_get_data(const uv_handle_t *handle);
extern void uv_handle_set_data(uv_handle_t *handle, void *data);

typedef struct {
  napi_env env;
  napi_ref callback;
  napi_async_context context;
  napi_async_cleanup_hook_handle hook;
  uv_handle_t *handle; /* NULL once closing has begun */
  napi_ref object;     /* what JavaScript holds, kept while open */
  bool environment_ends;
} watch_t;

static const napi_type_tag WATCH_TAG = {0x6772656265776174, 0x6368726561646162};

static void on_closed(uv_handle_t *handle) {
  watch_t *watch = uv_handle_get_data(handle);
  napi_env env = watch->env;
  free(handle);
  if (watch->environment_ends) {
    napi_remove_async_cleanup_hook(watch->hook);
    free(watch);
    return;
  }
  napi_handle_scope scope;
  napi_open_handle_scope(env, &scope);
  napi_value object = NULL;
  napi_get_reference_value(env, watch->object, &object);
  if (object != NULL) {
    void *removed;
    napi_remove_wrap(env, object, &removed);
  }
  napi_delete_reference(env, watch->object);
  napi_delete_reference(env, watch->callback);
  napi_async_destroy(env, watch->context);
  napi_close_handle_scope(env, scope);
  napi_remove_async_cleanup_hook(watch->hook);
  free(watch);
}

static void begin_close(watch_t *watch) {
  if (watch->handle == NULL) return;
  uv_handle_t *handle = watch->handle;
  watch->handle = NULL;
  uv_close(handle, on_closed);
}

/* The thread ends with the watch still open. */
static void on_environment_end(napi_async_cleanup_hook_handle hook, void *data) {
  watch_t *watch = data;
  watch->environment_ends = true;
  begin_close(watch);
}

static void on_event(uv_handle_t *handle, int status, int events) {
  watch_t *watch = uv_handle_get_data(handle);
  napi_env env = watch->env;
  napi_handle_scope scope;
  napi_value callback, object, result;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return;
  if (napi_get_reference_value(env, watch->callback, &callback) == napi_ok &&
      napi_get_reference_value(env, watch->object, &object) == napi_ok &&
      napi_make_callback(env, watch->context, object, callback, 0, NULL, &result) == napi_pending_exception) {
    napi_value error;
    napi_get_and_clear_last_exception(env, &error);
    napi_fatal_exception(env, error);
  }
  napi_close_handle_scope(env, scope);
}

/*
 * watchReadable(fd, callback): calls back from the event loop whenever the descriptor is readable (until it
 * has been read empty), and keeps the loop alive; to be closed with unwatch, before the descriptor is
 */
static napi_value watch_readable(napi_env env, napi_callback_info info) {
  napi_value arguments[2], name, object;
  int32_t fd;
  napi_valuetype type;
  uv_loop_t *loop;
  if (!get_arguments(env, info, 2, arguments) || !get_int32(env, arguments[0], "fd", &fd)) return NULL;
  napi_typeof(env, arguments[1], &type);
  if (type != napi_function) {
    napi_throw_type_error(env, NULL, "callback: expected a function");
    return NULL;
  }
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) return throw_range(env, "watchReadable: no event loop");
  watch_t *watch = calloc(1, sizeof *watch);
  uv_handle_t *handle = calloc(1, uv_handle_size(UV_POLL_HANDLE));
  if (watch == NULL || handle == NULL) {
    free(watch);
    free(handle);
    return throw_errno(env, "calloc", NULL, ENOMEM);
  }
  int error = uv_poll_init(loop, handle, fd);
  if (error != 0) {
    free(watch);
    free(handle);
    return throw_errno(env, "epoll_ctl", NULL, -error);
  }
  watch->env = env;
  watch->handle = handle;
  uv_handle_set_data(handle, watch);
  napi_create_string_utf8(env, "grebe:readable", NAPI_AUTO_LENGTH, &name);
  napi_create_object(env, &object);
  napi_type_tag_object(env, object, &WATCH_TAG);
  napi_wrap(env, object, watch, NULL, NULL, NULL);
  napi_create_reference(env, object, 1, &watch->object);
  napi_create_reference(env, arguments[1], 1, &watch->callback);
  napi_async_init(env, object, name, &watch->context);
  napi_add_async_cleanup_hook(env, on_environment_end, watch, &watch->hook);
  error = uv_poll_start(handle, UV_EVENT_READABLE, on_event);
  if (error != 0) {
    begin_close(watch);
    return throw_errno(env, "epoll_ctl", NULL, -error);
  }
  return object;
}

/* unwatch(watch): no callback comes after this; a second call does nothing */
static napi_value unwatch(napi_env env, napi_callback_info info) {
  napi_value arguments[1];
  bool ours = false;
  void *data;
  if (!get_arguments(env, info, 1, arguments)) return NULL;
  if (napi_check_object_type_tag(env, arguments[0], &WATCH_TAG, &ours) != napi_ok || !ours) {
    napi_throw_type_error(env, NULL, "watch: expected what watchReadable returned");
    return NULL;
  }
  if (napi_unwrap(env, arguments[0], &data) == napi_ok) begin_close(data);
  return NULL;
}

void init_readiness(napi_env env, napi_value exports) {
  export_function(env, exports, "watchReadable", watch_readable);
  export_function(env, exports, "unwatch", unwatch);
}
