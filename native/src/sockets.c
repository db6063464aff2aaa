#define _GNU_SOURCE
/*
 * Sockets: made, set and bound as TypeScript says; packets received and sent in batches; readiness.
 *
 * A batch is an Int32Array of pairs [byte offset, length] over the memory of a packet pool; of packets to be sent two
 * such pairs each (SPAN_WORDS). What may fail for a reason that a packet or the network gives answers −errno instead of
 * throwing.
 */
#include "addon.h"

#include <errno.h>
#include <linux/filter.h>
#include <math.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* glibc lacks it, and <linux/in6.h> cannot be included beside <netinet/in.h>. */
#ifndef IPV6_FLOWINFO
#define IPV6_FLOWINFO 11
#endif

/* Packets of one system call. */
#define BATCH 64
#define MAX_DESCRIPTORS 64
/* Words that a received IPv6 packet's header is handed over in: see receive_batch6. */
#define HEADER6_WORDS 10
/* Words of one BPF instruction in an Int32Array: code, jt, jf, k. */
#define INSTRUCTION_WORDS 4

typedef struct {
  int32_t fd;
  bytes_t memory;
  int32_t *spans; /* of the first packet */
  int32_t count;  /* 1 to BATCH; 0: nothing to do */
} batch_t;

/* ---- sockets ---- */

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

/* ---- batches ---- */

/* Reads (fd, memory, spans, first, count), spans of so many words each; all used are checked to lie in the memory. */
static bool get_batch(napi_env env, napi_value *arguments, int words_each, batch_t *batch) {
  words_t spans;
  int32_t first;
  if (!get_int32(env, arguments[0], "fd", &batch->fd) || !get_bytes(env, arguments[1], "memory", &batch->memory) ||
      !get_words(env, arguments[2], "spans", &spans) || !get_int32(env, arguments[3], "first", &first) ||
      !get_int32(env, arguments[4], "count", &batch->count))
    return false;
  if (first < 0 || batch->count < 0 || ((size_t)first + batch->count) * words_each > spans.length) {
    throw_range(env, "first, count: outside of spans");
    return false;
  }
  if (batch->count > BATCH) batch->count = BATCH;
  batch->spans = spans.data + (size_t)first * words_each;
  for (int32_t i = 0; i < batch->count; i++) {
    const int32_t *span = batch->spans + words_each * i;
    bool has_body = words_each == SPAN_WORDS && span[3] != 0;
    bool is_good = is_inside(batch->memory, span[0], span[1]);
    if (is_good && (!has_body || is_inside(batch->memory, span[2], span[3]))) continue;
    throw_range(env, "spans: outside of memory");
    return false;
  }
  return true;
}

static void fill_messages(const batch_t *batch, struct mmsghdr *messages, struct iovec *vectors) {
  memset(messages, 0, sizeof *messages * batch->count);
  for (int32_t i = 0; i < batch->count; i++) {
    vectors[i].iov_base = batch->memory.data + batch->spans[2 * i];
    vectors[i].iov_len = batch->spans[2 * i + 1];
    messages[i].msg_hdr.msg_iov = vectors + i;
    messages[i].msg_hdr.msg_iovlen = 1;
  }
}

/* Receives without waiting; puts each packet's length, whole even where it was cut, into its span. */
static int receive_messages(const batch_t *batch, struct mmsghdr *messages) {
  if (batch->count == 0) return 0;
  int count = recvmmsg(batch->fd, messages, batch->count, MSG_DONTWAIT | MSG_TRUNC, NULL);
  if (count < 0) return errno == EAGAIN || errno == EINTR ? 0 : -errno;
  for (int i = 0; i < count; i++) batch->spans[2 * i + 1] = messages[i].msg_len;
  return count;
}

/* receiveBatch(fd, memory, spans, first, count): packets received, or −errno. */
static napi_value receive_batch(napi_env env, napi_callback_info info) {
  napi_value arguments[5];
  batch_t batch;
  struct mmsghdr messages[BATCH];
  struct iovec vectors[BATCH];
  if (!get_arguments(env, info, 5, arguments) || !get_batch(env, arguments, 2, &batch)) return NULL;
  fill_messages(&batch, messages, vectors);
  return make_int32(env, receive_messages(&batch, messages));
}

typedef union {
  struct cmsghdr align;
  uint8_t bytes[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(uint32_t))];
} control6_t;

/* What the kernel tells about the IPv6 header that it has taken off: words 0–3 source, 4–7 destination, 8 the
 * header's first word less the version (network order), 9 hop limit. */
static void read_header6(struct msghdr *message, int32_t *words) {
  memcpy(words, &((struct sockaddr_in6 *)message->msg_name)->sin6_addr, 16);
  memset(words + 4, 0, 24);
  for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part; part = CMSG_NXTHDR(message, part)) {
    if (part->cmsg_level != IPPROTO_IPV6) continue;
    if (part->cmsg_type == IPV6_PKTINFO)
      memcpy(words + 4, &((struct in6_pktinfo *)CMSG_DATA(part))->ipi6_addr, 16);
    else if (part->cmsg_type == IPV6_FLOWINFO)
      memcpy(words + 8, CMSG_DATA(part), 4);
    else if (part->cmsg_type == IPV6_HOPLIMIT)
      memcpy(words + 9, CMSG_DATA(part), 4);
  }
}

/*
 * receiveBatch6(fd, memory, spans, first, count, headers): as receiveBatch, from a raw IPv6 socket whose
 * options IPV6_RECVPKTINFO, IPV6_RECVHOPLIMIT and IPV6_FLOWINFO are on. The first packet's header goes to
 * headers[0…9], the next one's to headers[10…19].
 */
static napi_value receive_batch6(napi_env env, napi_callback_info info) {
  napi_value arguments[6];
  batch_t batch;
  words_t headers;
  struct mmsghdr messages[BATCH];
  struct iovec vectors[BATCH];
  struct sockaddr_in6 sources[BATCH];
  control6_t controls[BATCH];
  if (!get_arguments(env, info, 6, arguments) || !get_batch(env, arguments, 2, &batch) ||
      !get_words(env, arguments[5], "headers", &headers))
    return NULL;
  if (headers.length < (size_t)batch.count * HEADER6_WORDS) return throw_range(env, "headers: too short");
  fill_messages(&batch, messages, vectors);
  for (int32_t i = 0; i < batch.count; i++) {
    struct msghdr *header = &messages[i].msg_hdr;
    header->msg_name = sources + i;
    header->msg_namelen = sizeof *sources;
    header->msg_control = controls + i;
    header->msg_controllen = sizeof *controls;
  }
  int count = receive_messages(&batch, messages);
  for (int i = 0; i < count; i++) read_header6(&messages[i].msg_hdr, headers.data + i * HEADER6_WORDS);
  return make_int32(env, count);
}

/* An error that the socket has queued for the packet refused keeps poll from waiting. */
static void take_queued_error(int fd) {
  struct msghdr message = {0};
  recvmsg(fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT);
}

/*
 * sendBatch(fd, memory, spans, first, count, addressAt, addressBytes): packets sent, or −errno of the first. A span has
 * SPAN_WORDS words. The destination is copied from byte `addressAt` of each packet's first piece: 4 bytes (IPv4), 16
 * (IPv6), or 0 for a socket that is bound to where its packets go.
 */
static napi_value send_batch(napi_env env, napi_callback_info info) {
  napi_value arguments[7];
  batch_t batch;
  int32_t at, bytes;
  struct mmsghdr messages[BATCH];
  struct iovec vectors[2 * BATCH];
  struct sockaddr_in6 addresses[BATCH];
  if (!get_arguments(env, info, 7, arguments) || !get_batch(env, arguments, SPAN_WORDS, &batch) ||
      !get_int32(env, arguments[5], "addressAt", &at) || !get_int32(env, arguments[6], "addressBytes", &bytes))
    return NULL;
  if (bytes != 0 && bytes != 4 && bytes != 16) return throw_range(env, "addressBytes: expected 0, 4 or 16");
  memset(messages, 0, sizeof *messages * batch.count);
  for (int32_t i = 0; i < batch.count; i++) {
    const int32_t *span = batch.spans + SPAN_WORDS * i;
    struct iovec *pieces = vectors + 2 * i;
    pieces[0] = (struct iovec){batch.memory.data + span[0], (size_t)span[1]};
    if (span[3] != 0) pieces[1] = (struct iovec){batch.memory.data + span[2], (size_t)span[3]};
    messages[i].msg_hdr.msg_iov = pieces;
    messages[i].msg_hdr.msg_iovlen = span[3] != 0 ? 2 : 1;
    if (bytes == 0) continue;
    bytes_t packet = {pieces[0].iov_base, pieces[0].iov_len};
    if (!is_inside(packet, at, bytes)) return throw_range(env, "addressAt: outside of the packet");
    struct sockaddr_in6 *six = addresses + i;
    struct sockaddr_in *four = (struct sockaddr_in *)six;
    memset(six, 0, sizeof *six);
    six->sin6_family = bytes == 4 ? AF_INET : AF_INET6;
    memcpy(bytes == 4 ? (void *)&four->sin_addr : (void *)&six->sin6_addr, packet.data + at, bytes);
    messages[i].msg_hdr.msg_name = six;
    messages[i].msg_hdr.msg_namelen = bytes == 4 ? sizeof *four : sizeof *six;
  }
  if (batch.count == 0) return make_int32(env, 0);
  int sent = sendmmsg(batch.fd, messages, batch.count, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent >= 0) return make_int32(env, sent);
  int error = errno;
  if (error == EMSGSIZE) take_queued_error(batch.fd);
  return make_int32(env, -error);
}

/* ---- waiting ---- */

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

void init_sockets(napi_env env, napi_value exports) {
  export_function(env, exports, "openSocket", open_socket);
  export_function(env, exports, "openSocketPair", open_socket_pair);
  export_function(env, exports, "closeDescriptor", close_descriptor);
  export_function(env, exports, "bindSocket", bind_socket);
  export_function(env, exports, "setSocketOption", set_socket_option);
  export_function(env, exports, "getSocketOption", get_socket_option);
  export_function(env, exports, "setSocketProgram", set_socket_program);
  export_function(env, exports, "receiveBatch", receive_batch);
  export_function(env, exports, "receiveBatch6", receive_batch6);
  export_function(env, exports, "sendBatch", send_batch);
  export_function(env, exports, "poll", poll_readable);
  export_function(env, exports, "pollReady", poll_ready);
  export_function(env, exports, "waitWritable", wait_writable);
}
