#define _GNU_SOURCE
/* What the main thread needs of the kernel beside devices: netlink and ICMP sockets, eventfd, limits. */
#include "system.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/filter.h>
#include <linux/icmp.h>
#include <linux/netlink.h>
#include <linux/sockios.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Closes a descriptor that is of no use and throws. */
static napi_value give_up(napi_env env, int fd, const char *call, const char *detail) {
  int error = errno;
  close(fd);
  return throw_errno(env, call, detail, error);
}

/* As much of the buffer as the kernel gives: beyond net.core.rmem_max only with CAP_NET_ADMIN. */
static void set_receive_buffer(int fd, int bytes) {
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) != 0)
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
}

/* netlinkOpen(receiveBufferBytes): descriptor of a NETLINK_ROUTE socket, not blocking */
static napi_value netlink_open(napi_env env, napi_callback_info info) {
  napi_value arguments[1];
  int32_t buffer;
  if (!get_arguments(env, info, 1, arguments) || !get_int32(env, arguments[0], "receiveBufferBytes", &buffer))
    return NULL;
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
  if (fd < 0) return throw_errno(env, "socket", "AF_NETLINK", errno);
  struct sockaddr_nl address = {.nl_family = AF_NETLINK};
  if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0) return give_up(env, fd, "bind", "AF_NETLINK");
  set_receive_buffer(fd, buffer);
  /* Error texts, and dumps that take filters: kernels before 4.20 do without. */
  int on = 1;
  setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
  setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on);
  return make_int32(env, fd);
}

/* netlinkJoin(fd, group): subscribes to a multicast group (RTNLGRP_…) */
static napi_value netlink_join(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  int32_t fd, group;
  if (!get_arguments(env, info, 2, arguments) || !get_int32(env, arguments[0], "fd", &fd) ||
      !get_int32(env, arguments[1], "group", &group))
    return NULL;
  if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) != 0)
    return throw_errno(env, "setsockopt", "NETLINK_ADD_MEMBERSHIP", errno);
  return NULL;
}

/* netlinkSend(fd, bytes, length): sends the first `length` bytes to the kernel */
static napi_value netlink_send(napi_env env, napi_callback_info info) {
  napi_value arguments[3];
  int32_t fd, length;
  bytes_t bytes;
  if (!get_arguments(env, info, 3, arguments) || !get_int32(env, arguments[0], "fd", &fd) ||
      !get_bytes(env, arguments[1], "bytes", &bytes) || !get_int32(env, arguments[2], "length", &length))
    return NULL;
  if (!is_inside(bytes, 0, length)) return throw_range(env, "netlinkSend: length outside of bytes");
  struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
  ssize_t sent;
  do sent = sendto(fd, bytes.data, (size_t)length, 0, (struct sockaddr *)&kernel, sizeof kernel);
  while (sent < 0 && errno == EINTR);
  if (sent < 0) return throw_errno(env, "sendto", "AF_NETLINK", errno);
  return NULL;
}

/*
 * receiveMessage(fd, bytes): length of the datagram now in `bytes`, or minus the error number when that is
 * EAGAIN (there is none), ENOBUFS (messages were lost) or EMSGSIZE (it was longer, and is lost). Netlink
 * datagrams that do not come from the kernel are passed over.
 */
static napi_value receive_message(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  int32_t fd;
  bytes_t bytes;
  if (!get_arguments(env, info, 2, arguments) || !get_int32(env, arguments[0], "fd", &fd) ||
      !get_bytes(env, arguments[1], "bytes", &bytes))
    return NULL;
  for (;;) {
    union {
      struct sockaddr any;
      struct sockaddr_nl netlink;
      struct sockaddr_storage room;
    } sender;
    socklen_t size = sizeof sender;
    ssize_t length = recvfrom(fd, bytes.data, bytes.length, MSG_DONTWAIT | MSG_TRUNC, &sender.any, &size);
    if (length < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN || errno == ENOBUFS) return make_int32(env, -errno);
      return throw_errno(env, "recvfrom", NULL, errno);
    }
    if (size >= sizeof sender.netlink && sender.any.sa_family == AF_NETLINK && sender.netlink.nl_pid != 0) continue;
    return make_int32(env, (size_t)length > bytes.length ? -EMSGSIZE : (int32_t)length);
  }
}

/*
 * icmpOpen(family, receiveBufferBytes): descriptor of a raw socket, not blocking, that gets only what tells a
 * path MTU: ICMP destination unreachable (family 4; datagrams begin with the IP header) or ICMPv6 packet too
 * big (family 6; they begin with the ICMPv6 header)
 */
static napi_value icmp_open(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  int32_t family, buffer;
  if (!get_arguments(env, info, 2, arguments) || !get_int32(env, arguments[0], "family", &family) ||
      !get_int32(env, arguments[1], "receiveBufferBytes", &buffer))
    return NULL;
  if (family != 4 && family != 6) return throw_range(env, "icmpOpen: expected family 4 or 6");
  const char *name = family == 4 ? "ICMP" : "ICMPv6";
  int domain = family == 4 ? AF_INET : AF_INET6;
  int fd = socket(domain, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
  if (fd < 0) return throw_errno(env, "socket", name, errno);
  int failed;
  if (family == 4) {
    struct icmp_filter filter = {.data = ~(1U << ICMP_DEST_UNREACH)};
    failed = setsockopt(fd, SOL_RAW, ICMP_FILTER, &filter, sizeof filter);
  } else {
    struct icmp6_filter filter;
    ICMP6_FILTER_SETBLOCKALL(&filter);
    ICMP6_FILTER_SETPASS(ICMP6_PACKET_TOO_BIG, &filter);
    failed = setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof filter);
  }
  if (failed != 0) return give_up(env, fd, "setsockopt", "ICMP_FILTER");
  set_receive_buffer(fd, buffer);
  return make_int32(env, fd);
}

/*
 * echoReplyOpen(magic, receiveBufferBytes): descriptor of a raw socket, not blocking, that gets the ICMP echo replies
 * (IPv4) whose payload begins with these 32 bits; datagrams begin with the IP header
 */
static napi_value echo_reply_open(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  uint32_t magic;
  int32_t buffer;
  if (!get_arguments(env, info, 2, arguments) || !get_uint32(env, arguments[0], "magic", &magic) ||
      !get_int32(env, arguments[1], "receiveBufferBytes", &buffer))
    return NULL;
  int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ICMP);
  if (fd < 0) return throw_errno(env, "socket", "ICMP", errno);
  /* The rest of the machine's echo replies stays in the kernel. */
  struct icmp_filter types = {.data = ~(1U << ICMP_ECHOREPLY)};
  struct sock_filter code[] = {
      BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
      BPF_STMT(BPF_LD | BPF_W | BPF_IND, sizeof(struct icmphdr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, magic, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, 0xffff),
      BPF_STMT(BPF_RET | BPF_K, 0),
  };
  struct sock_fprog program = {.len = sizeof code / sizeof code[0], .filter = code};
  if (setsockopt(fd, SOL_RAW, ICMP_FILTER, &types, sizeof types) != 0)
    return give_up(env, fd, "setsockopt", "ICMP_FILTER");
  if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0)
    return give_up(env, fd, "setsockopt", "SO_ATTACH_FILTER");
  set_receive_buffer(fd, buffer);
  return make_int32(env, fd);
}

/* eventfd(): descriptor that is readable from eventfdSignal to eventfdClear */
static napi_value event_open(napi_env env, napi_callback_info info) {
  int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  return fd < 0 ? throw_errno(env, "eventfd", NULL, errno) : make_int32(env, fd);
}

/* eventfdSignal(fd) */
static napi_value event_signal(napi_env env, napi_callback_info info) {
  napi_value arguments[1];
  int32_t fd;
  if (!get_arguments(env, info, 1, arguments) || !get_int32(env, arguments[0], "fd", &fd)) return NULL;
  /* EAGAIN: the counter is full, so that it is readable all the same. */
  if (eventfd_write(fd, 1) != 0 && errno != EAGAIN) return throw_errno(env, "write", "eventfd", errno);
  return NULL;
}

/* eventfdClear(fd) */
static napi_value event_clear(napi_env env, napi_callback_info info) {
  napi_value arguments[1];
  int32_t fd;
  eventfd_t count;
  if (!get_arguments(env, info, 1, arguments) || !get_int32(env, arguments[0], "fd", &fd)) return NULL;
  if (eventfd_read(fd, &count) != 0 && errno != EAGAIN) return throw_errno(env, "read", "eventfd", errno);
  return NULL;
}

/* ethtoolValue(interface, command): what an ETHTOOL_G… command with a single value answers */
static napi_value ethtool_get(napi_env env, napi_callback_info info) {
  napi_value arguments[2], result;
  struct ifreq request = {0};
  uint32_t command;
  if (!get_arguments(env, info, 2, arguments) ||
      !get_text(env, arguments[0], "interface", request.ifr_name, sizeof request.ifr_name) ||
      !get_uint32(env, arguments[1], "command", &command))
    return NULL;
  /* Commands that write more than one value, or that change something, are not for this function. */
  if (command != ETHTOOL_GGRO && command != ETHTOOL_GGSO && command != ETHTOOL_GTSO)
    return throw_range(env, "ethtoolValue: expected the command for GRO, GSO or TSO");
  struct ethtool_value value = {.cmd = command};
  request.ifr_data = (char *)&value;
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return throw_errno(env, "socket", NULL, errno);
  if (ioctl(fd, SIOCETHTOOL, &request) != 0) return give_up(env, fd, "ioctl", "SIOCETHTOOL");
  close(fd);
  return napi_create_uint32(env, value.data, &result) == napi_ok ? result : NULL;
}

/* notifySocket(path, text): one datagram to a Unix socket; a path that begins with @ is an abstract name */
static napi_value notify_socket(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  char text[1024];
  if (!get_arguments(env, info, 2, arguments) ||
      !get_text(env, arguments[0], "path", address.sun_path, sizeof address.sun_path) ||
      !get_text(env, arguments[1], "text", text, sizeof text))
    return NULL;
  socklen_t length = sizeof address.sun_family + strlen(address.sun_path);
  if (address.sun_path[0] == '@') address.sun_path[0] = 0;
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return throw_errno(env, "socket", "notify", errno);
  if (sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&address, length) < 0)
    return give_up(env, fd, "sendto", "notify");
  close(fd);
  return NULL;
}

/* raiseLockedMemory(): lets the process lock any amount of memory, as AF_XDP does */
static napi_value raise_locked_memory(napi_env env, napi_callback_info info) {
  struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
  if (setrlimit(RLIMIT_MEMLOCK, &limit) != 0) return throw_errno(env, "setrlimit", "RLIMIT_MEMLOCK", errno);
  return NULL;
}

/* trimHeap(): gives free memory of the C heap back to the system, where libc can */
static napi_value trim_heap(napi_env env, napi_callback_info info) {
  (void)env;
  (void)info;
#ifdef __GLIBC__
  malloc_trim(0);
#endif
  return NULL;
}

void init_system(napi_env env, napi_value exports) {
  export_function(env, exports, "netlinkOpen", netlink_open);
  export_function(env, exports, "netlinkJoin", netlink_join);
  export_function(env, exports, "netlinkSend", netlink_send);
  export_function(env, exports, "receiveMessage", receive_message);
  export_function(env, exports, "icmpOpen", icmp_open);
  export_function(env, exports, "echoReplyOpen", echo_reply_open);
  export_function(env, exports, "eventfd", event_open);
  export_function(env, exports, "eventfdSignal", event_signal);
  export_function(env, exports, "eventfdClear", event_clear);
  export_function(env, exports, "ethtoolValue", ethtool_get);
  export_function(env, exports, "notifySocket", notify_socket);
  export_function(env, exports, "raiseLockedMemory", raise_locked_memory);
  export_function(env, exports, "trimHeap", trim_heap);
  init_readiness(env, exports);
  init_privileges(env, exports);
}
