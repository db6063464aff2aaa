#define _GNU_SOURCE
/* AF_XDP: sockets, the memory that they share with the kernel, and mapping both into a pool. */
#include "pool.h"
#include "xdp.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef SOL_XDP
#define SOL_XDP 283
#endif
/* Since Linux 6.17: packets that one sendto sends at most; 32 before. */
#ifndef XDP_MAX_TX_SKB_BUDGET
#define XDP_MAX_TX_SKB_BUDGET 9
#endif

enum { SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL, SEND_BUFFER = 1 << 24, SEND_BUDGET = 256 };

/* xdpSocket(): fd */
static napi_value xdp_socket(napi_env env, napi_callback_info info) {
  int fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  return fd < 0 ? throw_errno(env, "socket", "AF_XDP", errno) : make_int32(env, fd);
}

/* xdpMemory(shift, chunks, ports): fd of a sealed memory file, in which all chunks are free */
static napi_value xdp_memory(napi_env env, napi_callback_info info) {
  napi_value arguments[3];
  uint32_t shift, chunks, ports;
  if (!get_arguments(env, info, 3, arguments) || !get_uint32(env, arguments[0], "shift", &shift) ||
      !get_uint32(env, arguments[1], "chunks", &chunks) || !get_uint32(env, arguments[2], "ports", &ports))
    return NULL;
  if ((shift != 11 && shift != 12) || chunks == 0 || chunks > CHUNKS_MAXIMUM || ports == 0 ||
      ports > PORTS_MAXIMUM)
    return throw_range(env, "chunks of 2048 or 4096 bytes, at most 262144, for at most 64 ports");
  size_t bytes = memory_bytes(shift, chunks, ports);
  int fd = memfd_create("grebe-umem", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0) return throw_errno(env, "memfd_create", NULL, errno);
  uint8_t *memory = MAP_FAILED;
  if (ftruncate(fd, (off_t)bytes) == 0 && fcntl(fd, F_ADD_SEALS, SEALS) == 0)
    memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) {
    int error = errno;
    close(fd);
    return throw_errno(env, "mmap", "packet memory", error);
  }
  uint32_t *control = (uint32_t *)(memory + ((size_t)chunks << shift));
  control[CONTROL_FREE] = chunks;
  /* The lowest number lies on top, so that few packets use little memory. */
  for (uint32_t i = 0; i < chunks; i++) control[CONTROL_STACK + i] = chunks - 1 - i;
  munmap(memory, bytes);
  return make_int32(env, fd);
}

static bool is_memory_file(int fd, size_t bytes) {
  struct stat status;
  int seals = fcntl(fd, F_GET_SEALS);
  return seals >= 0 && (seals & SEALS) == SEALS && fstat(fd, &status) == 0 && (size_t)status.st_size >= bytes;
}

/* xdpMapMemory(pool, offset, length, fd) */
static napi_value xdp_map_memory(napi_env env, napi_callback_info info) {
  napi_value arguments[4];
  int32_t fd;
  bytes_t pool;
  uint8_t *start;
  size_t length;
  if (!get_arguments(env, info, 4, arguments) || !get_pool_pages(env, arguments, &start, &length, &pool) ||
      !get_int32(env, arguments[3], "fd", &fd))
    return NULL;
  if (!is_memory_file(fd, length)) return throw_errno(env, "mmap", "packet memory", EBADF);
  return map_over(start, length, fd, 0) ? NULL : throw_errno(env, "mmap", "packet memory", errno);
}

/* xdpRegister(fd, memory, shift, chunks, headroom): the chunks of the memory file become the socket's UMEM */
static napi_value xdp_register(napi_env env, napi_callback_info info) {
  napi_value arguments[5];
  int32_t fd, memory;
  uint32_t shift, chunks, headroom;
  if (!get_arguments(env, info, 5, arguments) || !get_int32(env, arguments[0], "fd", &fd) ||
      !get_int32(env, arguments[1], "memory", &memory) || !get_uint32(env, arguments[2], "shift", &shift) ||
      !get_uint32(env, arguments[3], "chunks", &chunks) || !get_uint32(env, arguments[4], "headroom", &headroom))
    return NULL;
  if ((shift != 11 && shift != 12) || chunks == 0 || chunks > CHUNKS_MAXIMUM)
    return throw_range(env, "chunks of 2048 or 4096 bytes, at most 262144");
  size_t bytes = (size_t)chunks << shift;
  if (!is_memory_file(memory, bytes)) return throw_errno(env, "mmap", "packet memory", EBADF);
  uint8_t *start = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
  if (start == MAP_FAILED) return throw_errno(env, "mmap", "packet memory", errno);
  struct xdp_umem_reg registration = {
      .addr = (uint64_t)(uintptr_t)start, .len = bytes, .chunk_size = 1u << shift, .headroom = headroom};
  int answer = setsockopt(fd, SOL_XDP, XDP_UMEM_REG, &registration, sizeof registration);
  int error = errno;
  munmap(start, bytes); /* the kernel holds the pages, not the mapping */
  return answer < 0 ? throw_errno(env, "setsockopt", "XDP_UMEM_REG", error) : NULL;
}

/* xdpRings(fd, rx, tx, fill, completion): entries of each, a power of two; 0: this socket has none of its own */
static napi_value xdp_rings(napi_env env, napi_callback_info info) {
  static const int OPTIONS[] = {XDP_RX_RING, XDP_TX_RING, XDP_UMEM_FILL_RING, XDP_UMEM_COMPLETION_RING};
  static const char *NAMES[] = {"XDP_RX_RING", "XDP_TX_RING", "XDP_UMEM_FILL_RING", "XDP_UMEM_COMPLETION_RING"};
  napi_value arguments[5];
  int32_t fd;
  uint32_t entries[4];
  if (!get_arguments(env, info, 5, arguments) || !get_int32(env, arguments[0], "fd", &fd)) return NULL;
  for (int i = 0; i < 4; i++) {
    if (!get_uint32(env, arguments[i + 1], NAMES[i], &entries[i])) return NULL;
    if (entries[i] > 1 << 16) return throw_range(env, "rings of at most 65536 entries");
  }
  for (int i = 0; i < 4; i++)
    if (entries[i] && setsockopt(fd, SOL_XDP, OPTIONS[i], &entries[i], sizeof *entries) < 0)
      return throw_errno(env, "setsockopt", NAMES[i], errno);
  return NULL;
}

/* xdpBind(fd, ifindex, queue, flags, shared): `shared` is the socket whose UMEM is used too, or -1 */
static napi_value xdp_bind(napi_env env, napi_callback_info info) {
  napi_value arguments[5];
  int32_t fd, ifindex, queue, flags, shared;
  if (!get_arguments(env, info, 5, arguments) || !get_int32(env, arguments[0], "fd", &fd) ||
      !get_int32(env, arguments[1], "ifindex", &ifindex) || !get_int32(env, arguments[2], "queue", &queue) ||
      !get_int32(env, arguments[3], "flags", &flags) || !get_int32(env, arguments[4], "shared", &shared))
    return NULL;
  struct sockaddr_xdp address = {.sxdp_family = AF_XDP,
                                 .sxdp_flags = (uint16_t)flags,
                                 .sxdp_ifindex = (uint32_t)ifindex,
                                 .sxdp_queue_id = (uint32_t)queue};
  if (shared >= 0) {
    address.sxdp_flags |= XDP_SHARED_UMEM;
    address.sxdp_shared_umem_fd = (uint32_t)shared;
  }
  int domain = 0, budget = SEND_BUDGET, buffer = SEND_BUFFER;
  socklen_t size = sizeof domain;
  if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) < 0 || domain != AF_XDP)
    return throw_errno(env, "bind", "AF_XDP", domain ? EAFNOSUPPORT : errno);
  if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0) return throw_errno(env, "bind", "AF_XDP", errno);
  /* Both make sending faster; a kernel or a user that may not have them does without. */
  (void)setsockopt(fd, SOL_XDP, XDP_MAX_TX_SKB_BUDGET, &budget, sizeof budget);
  if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof buffer) < 0)
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
  return NULL;
}

/* xdpMapRing(pool, offset, length, fd, ring, entries, result): `result` gets the RING_WORDS of a layout */
static napi_value xdp_map_ring(napi_env env, napi_callback_info info) {
  static const uint64_t PAGES[] = {XDP_PGOFF_RX_RING, XDP_PGOFF_TX_RING, XDP_UMEM_PGOFF_FILL_RING,
                                   XDP_UMEM_PGOFF_COMPLETION_RING};
  napi_value arguments[7];
  int32_t fd;
  uint32_t ring, entries;
  bytes_t pool;
  words_t result;
  uint8_t *start;
  size_t length;
  if (!get_arguments(env, info, 7, arguments) || !get_pool_pages(env, arguments, &start, &length, &pool) ||
      !get_int32(env, arguments[3], "fd", &fd) || !get_uint32(env, arguments[4], "ring", &ring) ||
      !get_uint32(env, arguments[5], "entries", &entries) || !get_words(env, arguments[6], "result", &result))
    return NULL;
  if (ring > 3 || entries == 0 || entries > 1 << 16 || result.length < RING_WORDS)
    return throw_range(env, "expected ring 0 to 3, at most 65536 entries, and room for the result");
  struct xdp_mmap_offsets offsets;
  socklen_t size = sizeof offsets;
  if (getsockopt(fd, SOL_XDP, XDP_MMAP_OFFSETS, &offsets, &size) < 0 || size != sizeof offsets)
    return throw_errno(env, "getsockopt", "XDP_MMAP_OFFSETS", errno);
  const struct xdp_ring_offset *of[] = {&offsets.rx, &offsets.tx, &offsets.fr, &offsets.cr};
  size_t entry_bytes = ring < 2 ? sizeof(struct xdp_desc) : sizeof(uint64_t);
  size_t bytes = of[ring]->desc + entries * entry_bytes;
  if (bytes > length) return throw_range(env, "length: the ring is larger");
  /* The kernel refuses more than the ring has, so that `entries` cannot lie. */
  if (!map_over(start, bytes, fd, (int64_t)PAGES[ring])) return throw_errno(env, "mmap", "ring", errno);
  int32_t base = (int32_t)(start - pool.data);
  result.data[RING_PRODUCER] = base + (int32_t)of[ring]->producer;
  result.data[RING_CONSUMER] = base + (int32_t)of[ring]->consumer;
  result.data[RING_FLAGS] = base + (int32_t)of[ring]->flags;
  result.data[RING_ENTRIES] = base + (int32_t)of[ring]->desc;
  result.data[RING_SIZE] = (int32_t)entries;
  return NULL;
}

/* xdpStatistics(fd, result: Float64Array of 6): the numbers of struct xdp_statistics in its order */
static napi_value xdp_statistics(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  int32_t fd;
  bytes_t result;
  if (!get_arguments(env, info, 2, arguments) || !get_int32(env, arguments[0], "fd", &fd) ||
      !get_bytes(env, arguments[1], "result", &result))
    return NULL;
  if (result.length < 6 * sizeof(double)) return throw_range(env, "result: expected room for six numbers");
  uint64_t numbers[6] = {0};
  socklen_t size = sizeof numbers;
  if (getsockopt(fd, SOL_XDP, XDP_STATISTICS, numbers, &size) < 0)
    return throw_errno(env, "getsockopt", "XDP_STATISTICS", errno);
  for (int i = 0; i < 6; i++) {
    double number = (double)numbers[i];
    memcpy(result.data + i * sizeof number, &number, sizeof number);
  }
  return NULL;
}

/* xdpQueues(name): receive queues of an interface */
static napi_value xdp_queues(napi_env env, napi_callback_info info) {
  napi_value arguments[1];
  struct ifreq request;
  struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};
  memset(&request, 0, sizeof request);
  if (!get_arguments(env, info, 1, arguments) ||
      !get_text(env, arguments[0], "name", request.ifr_name, sizeof request.ifr_name))
    return NULL;
  request.ifr_data = (char *)&channels;
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return throw_errno(env, "socket", NULL, errno);
  int answer = ioctl(fd, SIOCETHTOOL, &request);
  int error = errno;
  close(fd);
  if (answer < 0 && error != EOPNOTSUPP) return throw_errno(env, "ioctl", request.ifr_name, error);
  uint32_t queues = answer < 0 ? 0 : channels.combined_count + channels.rx_count;
  return make_int32(env, queues == 0 ? 1 : (int32_t)queues);
}

void init_xdp(napi_env env, napi_value exports) {
  export_function(env, exports, "xdpSocket", xdp_socket);
  export_function(env, exports, "xdpMemory", xdp_memory);
  export_function(env, exports, "xdpMapMemory", xdp_map_memory);
  export_function(env, exports, "xdpRegister", xdp_register);
  export_function(env, exports, "xdpRings", xdp_rings);
  export_function(env, exports, "xdpBind", xdp_bind);
  export_function(env, exports, "xdpMapRing", xdp_map_ring);
  export_function(env, exports, "xdpStatistics", xdp_statistics);
  export_function(env, exports, "xdpQueues", xdp_queues);
  init_pool(env, exports);
  init_ring(env, exports);
  init_frame_ring(env, exports);
  init_xdp_batch(env, exports);
  init_bpf(env, exports);
}
