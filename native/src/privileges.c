#define _GNU_SOURCE
/*
 * Giving up capabilities. They belong to threads, and Node has started several before any JavaScript runs, so
 * the calling thread limits itself and then replaces the whole process by a new one (execve), which starts
 * with what that thread has left.
 */
#include "system.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool is_kept(uint64_t keep, int capability) { return (keep >> capability & 1) != 0; }

/*
 * limitCapabilities(low, high): takes from the calling thread, and from what it executes, every capability
 * whose bit is not set, and sets no_new_privs. The bounding set can be limited only with CAP_SETPCAP; without
 * it nothing is left to gain either, as no_new_privs forbids it.
 */
static napi_value limit_capabilities(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  uint32_t low, high;
  if (!get_arguments(env, info, 2, arguments) || !get_uint32(env, arguments[0], "low", &low) ||
      !get_uint32(env, arguments[1], "high", &high))
    return NULL;
  uint64_t keep = (uint64_t)high << 32 | low;

  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  struct __user_cap_data_struct data[2] = {{0}};
  if (syscall(SYS_capget, &header, data) != 0) return throw_errno(env, "capget", NULL, errno);
  bool may_limit = (data[0].effective >> CAP_SETPCAP & 1) != 0;

  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0)
    return throw_errno(env, "prctl", "PR_CAP_AMBIENT_CLEAR_ALL", errno);
  /* The kernel may know more capabilities than the headers: it answers EINVAL after its last one. */
  for (int capability = 0; may_limit && capability < 64; capability++) {
    if (is_kept(keep, capability)) continue;
    if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) {
      if (errno == EINVAL) break;
      return throw_errno(env, "prctl", "PR_CAPBSET_DROP", errno);
    }
  }
  uint64_t permitted = ((uint64_t)data[1].permitted << 32 | data[0].permitted) & keep;
  for (int half = 0; half < 2; half++)
    data[half].permitted = data[half].effective = data[half].inheritable = (uint32_t)(permitted >> (32 * half));
  if (syscall(SYS_capset, &header, data) != 0) return throw_errno(env, "capset", NULL, errno);
  /* So that a process that is not root keeps them over execve. */
  for (int capability = 0; capability < 64; capability++) {
    if (!is_kept(permitted, capability)) continue;
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) != 0)
      return throw_errno(env, "prctl", "PR_CAP_AMBIENT_RAISE", errno);
  }
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return throw_errno(env, "prctl", "PR_SET_NO_NEW_PRIVS", errno);
  return NULL;
}

/*
 * setEffective(low, high): makes those capabilities effective that the calling thread may have (permitted) and
 * whose bit is set, and no others. Threads that it starts later begin with the same.
 */
static napi_value set_effective(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  uint32_t wanted[2];
  if (!get_arguments(env, info, 2, arguments) || !get_uint32(env, arguments[0], "low", &wanted[0]) ||
      !get_uint32(env, arguments[1], "high", &wanted[1]))
    return NULL;
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  struct __user_cap_data_struct data[2] = {{0}};
  if (syscall(SYS_capget, &header, data) != 0) return throw_errno(env, "capget", NULL, errno);
  for (int half = 0; half < 2; half++) data[half].effective = data[half].permitted & wanted[half];
  if (syscall(SYS_capset, &header, data) != 0) return throw_errno(env, "capset", NULL, errno);
  return NULL;
}

static void free_texts(char **texts) {
  if (texts == NULL) return;
  for (size_t i = 0; texts[i] != NULL; i++) free(texts[i]);
  free(texts);
}

/* An array of strings as execve takes it; NULL, with an exception pending, when it is something else. */
static char **get_texts(napi_env env, napi_value array, const char *what) {
  bool is_array = false;
  uint32_t count = 0;
  if (napi_is_array(env, array, &is_array) != napi_ok || !is_array || napi_get_array_length(env, array, &count) != napi_ok) {
    napi_throw_type_error(env, NULL, what);
    return NULL;
  }
  char **texts = calloc((size_t)count + 1, sizeof *texts);
  for (uint32_t i = 0; texts != NULL && i < count; i++) {
    napi_value element;
    size_t length = 0;
    if (napi_get_element(env, array, i, &element) != napi_ok ||
        napi_get_value_string_utf8(env, element, NULL, 0, &length) != napi_ok) {
      napi_throw_type_error(env, NULL, what);
      free_texts(texts);
      return NULL;
    }
    texts[i] = malloc(length + 1);
    if (texts[i] == NULL || napi_get_value_string_utf8(env, element, texts[i], length + 1, &length) != napi_ok) {
      free_texts(texts);
      texts = NULL;
    }
  }
  if (texts == NULL) throw_errno(env, "malloc", NULL, ENOMEM);
  return texts;
}

/*
 * execute(path, arguments, environment): execve with standard input, output and error as they are (Node has
 * marked them to be closed); comes back only by an exception
 */
static napi_value execute(napi_env env, napi_callback_info info) {
  napi_value arguments[3];
  char path[4096];
  if (!get_arguments(env, info, 3, arguments) || !get_text(env, arguments[0], "path", path, sizeof path)) return NULL;
  char **words = get_texts(env, arguments[1], "arguments: expected an array of strings");
  if (words == NULL) return NULL;
  char **environment = get_texts(env, arguments[2], "environment: expected an array of strings");
  if (environment != NULL) {
    for (int fd = 0; fd <= 2; fd++) fcntl(fd, F_SETFD, 0);
    execve(path, words, environment);
    int error = errno;
    for (int fd = 0; fd <= 2; fd++) fcntl(fd, F_SETFD, FD_CLOEXEC);
    throw_errno(env, "execve", path, error);
  }
  free_texts(words);
  free_texts(environment);
  return NULL;
}

void init_privileges(napi_env env, napi_value exports) {
  export_function(env, exports, "limitCapabilities", limit_capabilities);
  export_function(env, exports, "setEffective", set_effective);
  export_function(env, exports, "execute", execute);
}
