#define _GNU_SOURCE
/* Sockets: made, set and bound as TypeScript says. Their packets are the business of batches.c. */
#include "addon.h"

#include <errno.h>
#include <linux/filter.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Words of one BPF instruction in an Int32Array: code, jt, jf, k. */
#define INSTRUCTION_WORDS 4

/* openSocket(domain, type, protocol): descriptor; never blocking, closed by exec. */
static napi_value open_socket(napi_env env, napi_callback_info info) {
  napi_value arguments[3];
  int32_t domain, type, protocol;
  if (!get_arguments(env, info, 3, arguments) || !get_int32(env, arguments[0], "domain", &domain) ||
      !get_int32(env, arguments[1], "type", &type) || !get_int32(env, arguments[2], "protocol", &protocol))
    return NULL;
  int fd = socket(domain, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
  return fd < 0 ? throw_errno(env, "socket", NULL, errno) : make_int32(env, fd);
}

/* openSocketPair(): [descriptor, descriptor] of a local pair that keeps the bounds of packets; never blocking. */
static napi_value open_socket_pair(napi_env env, napi_callback_info info) {
  int fds[2];
  napi_value result;
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) < 0)
    return throw_errno(env, "socketpair", NULL, errno);
  napi_create_array_with_length(env, 2, &result);
  for (uint32_t i = 0; i < 2; i++) napi_set_element(env, result, i, make_int32(env, fds[i]));
  return result;
}

/* closeDescriptor(fd) */
static napi_value close_descriptor(napi_env env, napi_callback_info info) {
  napi_value arguments[1];
  int32_t fd;
  if (!get_arguments(env, info, 1, arguments) || !get_int32(env, arguments[0], "fd", &fd)) return NULL;
  return close(fd) < 0 ? throw_errno(env, "close", NULL, errno) : NULL;
}

/* bindSocket(fd, address): `address` holds a struct sockaddr_…. */
static napi_value bind_socket(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  int32_t fd;
  bytes_t bytes;
  struct sockaddr_storage address = {0};
  if (!get_arguments(env, info, 2, arguments) || !get_int32(env, arguments[0], "fd", &fd) ||
      !get_bytes(env, arguments[1], "address", &bytes))
    return NULL;
  if (bytes.length > sizeof address) return throw_range(env, "address: too long");
  memcpy(&address, bytes.data, bytes.length);
  return bind(fd, (struct sockaddr *)&address, bytes.length) < 0 ? throw_errno(env, "bind", NULL, errno) : NULL;
}

/* setSocketOption(fd, level, name, value): `value` is a typed array with the option's bytes. */
static napi_value set_socket_option(napi_env env, napi_callback_info info) {
  napi_value arguments[4];
  int32_t fd, level, name;
  bytes_t value;
  if (!get_arguments(env, info, 4, arguments) || !get_int32(env, arguments[0], "fd", &fd) ||
      !get_int32(env, arguments[1], "level", &level) || !get_int32(env, arguments[2], "name", &name) ||
      !get_bytes(env, arguments[3], "value", &value))
    return NULL;
  return setsockopt(fd, level, name, value.data, value.length) < 0 ? throw_errno(env, "setsockopt", NULL, errno)
                                                                   : NULL;
}

/* getSocketOption(fd, level, name, value): bytes written into `value`. */
static napi_value get_socket_option(napi_env env, napi_callback_info info) {
  napi_value arguments[4];
  int32_t fd, level, name;
  bytes_t value;
  if (!get_arguments(env, info, 4, arguments) || !get_int32(env, arguments[0], "fd", &fd) ||
      !get_int32(env, arguments[1], "level", &level) || !get_int32(env, arguments[2], "name", &name) ||
      !get_bytes(env, arguments[3], "value", &value))
    return NULL;
  socklen_t length = value.length;
  if (getsockopt(fd, level, name, value.data, &length) < 0) return throw_errno(env, "getsockopt", NULL, errno);
  return make_int32(env, length);
}

/*
 * setSocketProgram(fd, level, name, program): an option that takes a classic BPF program (SO_ATTACH_FILTER,
 * PACKET_FANOUT_DATA), given as [code, jt, jf, k] for each instruction.
 */
static napi_value set_socket_program(napi_env env, napi_callback_info info) {
  napi_value arguments[4];
  int32_t fd, level, name;
  words_t words;
  struct sock_filter filter[BPF_MAXINSNS];
  if (!get_arguments(env, info, 4, arguments) || !get_int32(env, arguments[0], "fd", &fd) ||
      !get_int32(env, arguments[1], "level", &level) || !get_int32(env, arguments[2], "name", &name) ||
      !get_words(env, arguments[3], "program", &words))
    return NULL;
  size_t count = words.length / INSTRUCTION_WORDS;
  if (count == 0 || count > BPF_MAXINSNS || words.length % INSTRUCTION_WORDS)
    return throw_range(env, "program: expected 1 to 4096 instructions of 4 words");
  for (size_t i = 0; i < count; i++) {
    const int32_t *word = words.data + i * INSTRUCTION_WORDS;
    filter[i] = (struct sock_filter){.code = word[0], .jt = word[1], .jf = word[2], .k = word[3]};
  }
  struct sock_fprog program = {.len = count, .filter = filter};
  return setsockopt(fd, level, name, &program, sizeof program) < 0
             ? throw_errno(env, "setsockopt", "with a BPF program", errno)
             : NULL;
}

void init_sockets(napi_env env, napi_value exports) {
  export_function(env, exports, "openSocket", open_socket);
  export_function(env, exports, "openSocketPair", open_socket_pair);
  export_function(env, exports, "closeDescriptor", close_descriptor);
  export_function(env, exports, "bindSocket", bind_socket);
  export_function(env, exports, "setSocketOption", set_socket_option);
  export_function(env, exports, "getSocketOption", get_socket_option);
  export_function(env, exports, "setSocketProgram", set_socket_program);
}
