#define _GNU_SOURCE
/*
 * bpf(2), as much of it as it takes to put a small program in front of a network interface: two kinds of maps,
 * loading, and a link that takes the program away when its descriptor is closed. What the program does is
 * written in TypeScript (src/device/af-xdp, src/device/af-packet).
 */
#include "xdp.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
  KEY_BYTES = 64,
  VALUE_BYTES = 64,
  MAP_ENTRIES = 1 << 20,
  INSTRUCTIONS = 4096,
  LOG_BYTES = 16384,
  /* BPF_TCX_INGRESS (Linux 6.6), which older headers do not have. */
  TCX_INGRESS = 46,
};

static int bpf(enum bpf_cmd command, union bpf_attr *attributes) {
  return (int)syscall(SYS_bpf, command, attributes, sizeof *attributes);
}

/* bpfMapCreate(type, keyBytes, valueBytes, entries): fd */
static napi_value map_create(napi_env env, napi_callback_info info) {
  napi_value arguments[4];
  uint32_t type, key_bytes, value_bytes, entries;
  if (!get_arguments(env, info, 4, arguments) || !get_uint32(env, arguments[0], "type", &type) ||
      !get_uint32(env, arguments[1], "keyBytes", &key_bytes) ||
      !get_uint32(env, arguments[2], "valueBytes", &value_bytes) ||
      !get_uint32(env, arguments[3], "entries", &entries))
    return NULL;
  if (type != BPF_MAP_TYPE_HASH && type != BPF_MAP_TYPE_XSKMAP)
    return throw_range(env, "type: expected a hash map or a map of AF_XDP sockets");
  if (key_bytes > KEY_BYTES || value_bytes > VALUE_BYTES || entries > MAP_ENTRIES)
    return throw_range(env, "a map of this size is not for us");
  union bpf_attr attributes;
  memset(&attributes, 0, sizeof attributes);
  attributes.map_type = type;
  attributes.key_size = key_bytes;
  attributes.value_size = value_bytes;
  attributes.max_entries = entries;
  strcpy(attributes.map_name, "grebe");
  int fd = bpf(BPF_MAP_CREATE, &attributes);
  return fd < 0 ? throw_errno(env, "bpf", "map", errno) : make_int32(env, fd);
}

/* Whether `fd` is a map and its keys (and values) have these lengths, for the kernel reads as much. */
static bool check_map(napi_env env, int fd, size_t key_bytes, const size_t *value_bytes) {
  struct bpf_map_info map;
  union bpf_attr attributes;
  memset(&map, 0, sizeof map);
  memset(&attributes, 0, sizeof attributes);
  attributes.info.bpf_fd = (uint32_t)fd;
  attributes.info.info_len = sizeof map;
  attributes.info.info = (uint64_t)(uintptr_t)&map;
  if (fd < 0 || bpf(BPF_OBJ_GET_INFO_BY_FD, &attributes) < 0) {
    throw_errno(env, "bpf", "map", fd < 0 ? EBADF : errno);
    return false;
  }
  /* A descriptor of a program or link answers too, with a structure of its own: its kind tells. */
  char path[64], kind[64] = "";
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(path, kind, sizeof kind - 1);
  if (length < 0 || !strstr(kind, "bpf-map")) {
    throw_errno(env, "bpf", "map", EBADF);
    return false;
  }
  if (map.key_size != key_bytes || (value_bytes && map.value_size != *value_bytes)) {
    throw_range(env, "key and value must be as long as those of the map");
    return false;
  }
  return true;
}

/* bpfMapSet(fd, key, value) */
static napi_value map_set(napi_env env, napi_callback_info info) {
  napi_value arguments[3];
  int32_t fd;
  bytes_t key, value;
  if (!get_arguments(env, info, 3, arguments) || !get_int32(env, arguments[0], "fd", &fd) ||
      !get_bytes(env, arguments[1], "key", &key) || !get_bytes(env, arguments[2], "value", &value) ||
      !check_map(env, fd, key.length, &value.length))
    return NULL;
  union bpf_attr attributes;
  memset(&attributes, 0, sizeof attributes);
  attributes.map_fd = (uint32_t)fd;
  attributes.key = (uint64_t)(uintptr_t)key.data;
  attributes.value = (uint64_t)(uintptr_t)value.data;
  if (bpf(BPF_MAP_UPDATE_ELEM, &attributes) < 0) return throw_errno(env, "bpf", "map entry", errno);
  return NULL;
}

/* bpfMapDelete(fd, key): whether there was one */
static napi_value map_delete(napi_env env, napi_callback_info info) {
  napi_value arguments[2], result;
  int32_t fd;
  bytes_t key;
  if (!get_arguments(env, info, 2, arguments) || !get_int32(env, arguments[0], "fd", &fd) ||
      !get_bytes(env, arguments[1], "key", &key) || !check_map(env, fd, key.length, NULL))
    return NULL;
  union bpf_attr attributes;
  memset(&attributes, 0, sizeof attributes);
  attributes.map_fd = (uint32_t)fd;
  attributes.key = (uint64_t)(uintptr_t)key.data;
  int answer = bpf(BPF_MAP_DELETE_ELEM, &attributes);
  if (answer < 0 && errno != ENOENT) return throw_errno(env, "bpf", "map entry", errno);
  napi_get_boolean(env, answer == 0, &result);
  return result;
}

/* Loads a program of this type from the only argument; the error's message ends with what the verifier says. */
static napi_value load(napi_env env, napi_callback_info info, enum bpf_prog_type type, uint32_t place) {
  napi_value arguments[1];
  bytes_t code;
  if (!get_arguments(env, info, 1, arguments) || !get_bytes(env, arguments[0], "instructions", &code)) return NULL;
  size_t instructions = code.length / sizeof(struct bpf_insn);
  if (instructions == 0 || instructions > INSTRUCTIONS || code.length % sizeof(struct bpf_insn) != 0)
    return throw_range(env, "instructions: expected 1 to 4096 of 8 bytes each");
  union bpf_attr attributes;
  memset(&attributes, 0, sizeof attributes);
  attributes.prog_type = type;
  attributes.expected_attach_type = place;
  attributes.insn_cnt = (uint32_t)instructions;
  attributes.insns = (uint64_t)(uintptr_t)code.data;
  attributes.license = (uint64_t)(uintptr_t)"Apache-2.0";
  strcpy(attributes.prog_name, "grebe");
  int fd = bpf(BPF_PROG_LOAD, &attributes);
  if (fd >= 0) return make_int32(env, fd);
  int error = errno;
  /* Once more with the verifier's log, whose last line but one (the last counts work done) says what it minds. */
  char log[LOG_BYTES] = "";
  attributes.log_level = 1;
  attributes.log_size = sizeof log;
  attributes.log_buf = (uint64_t)(uintptr_t)log;
  fd = bpf(BPF_PROG_LOAD, &attributes);
  if (fd >= 0) return make_int32(env, fd);
  char *counts = strstr(log, "\nprocessed ");
  if (counts) *counts = '\0';
  size_t length = strlen(log);
  char detail[160];
  snprintf(detail, sizeof detail, "program%s%s", length ? ": " : "", length > 120 ? log + length - 120 : log);
  return throw_errno(env, "bpf", detail, error);
}

/* bpfLoadXdp(instructions): fd */
static napi_value load_xdp(napi_env env, napi_callback_info info) {
  return load(env, info, BPF_PROG_TYPE_XDP, BPF_XDP);
}

/* bpfLoadIngress(instructions): fd */
static napi_value load_ingress(napi_env env, napi_callback_info info) {
  return load(env, info, BPF_PROG_TYPE_SCHED_CLS, TCX_INGRESS);
}

static napi_value make_link(napi_env env, int32_t program, int32_t ifindex, uint32_t place, uint32_t flags) {
  union bpf_attr attributes;
  memset(&attributes, 0, sizeof attributes);
  attributes.link_create.prog_fd = (uint32_t)program;
  attributes.link_create.target_ifindex = (uint32_t)ifindex;
  attributes.link_create.attach_type = place;
  attributes.link_create.flags = flags;
  int fd = bpf(BPF_LINK_CREATE, &attributes);
  return fd < 0 ? throw_errno(env, "bpf", "link", errno) : make_int32(env, fd);
}

/* bpfLinkXdp(program, ifindex, flags): fd; the program runs on the interface until all copies are closed */
static napi_value link_xdp(napi_env env, napi_callback_info info) {
  napi_value arguments[3];
  int32_t program, ifindex;
  uint32_t flags;
  if (!get_arguments(env, info, 3, arguments) || !get_int32(env, arguments[0], "program", &program) ||
      !get_int32(env, arguments[1], "ifindex", &ifindex) || !get_uint32(env, arguments[2], "flags", &flags))
    return NULL;
  return make_link(env, program, ifindex, BPF_XDP, flags);
}

/* bpfLinkIngress(program, ifindex): fd; likewise, for what the interface hands up */
static napi_value link_ingress(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  int32_t program, ifindex;
  if (!get_arguments(env, info, 2, arguments) || !get_int32(env, arguments[0], "program", &program) ||
      !get_int32(env, arguments[1], "ifindex", &ifindex))
    return NULL;
  return make_link(env, program, ifindex, TCX_INGRESS, 0);
}

void init_bpf(napi_env env, napi_value exports) {
  export_function(env, exports, "bpfMapCreate", map_create);
  export_function(env, exports, "bpfMapSet", map_set);
  export_function(env, exports, "bpfMapDelete", map_delete);
  export_function(env, exports, "bpfLoadXdp", load_xdp);
  export_function(env, exports, "bpfLinkXdp", link_xdp);
  export_function(env, exports, "bpfLoadIngress", load_ingress);
  export_function(env, exports, "bpfLinkIngress", link_ingress);
}
