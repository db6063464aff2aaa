#define _GNU_SOURCE
/*
 * Packets received and sent by sockets in batches, one system call each.
 *
 * A batch is an Int32Array of pairs [byte offset, length] over the memory of a packet pool; of packets to be sent two
 * such pairs each (SPAN_WORDS). What may fail for a reason that a packet or the network gives answers −errno instead of
 * throwing.
 */
#include "addon.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

/* glibc lacks it, and <linux/in6.h> cannot be included beside <netinet/in.h>. */
#ifndef IPV6_FLOWINFO
#define IPV6_FLOWINFO 11
#endif

/* Packets of one system call. */
#define BATCH 64
/* Words that a received IPv6 packet's header is handed over in: see receive_batch6. */
#define HEADER6_WORDS 10

typedef struct {
  int32_t fd;
  int32_t *spans; /* of the first packet */
  int32_t count;  /* 1 to BATCH; 0: nothing to do */
  struct mmsghdr messages[BATCH];
  struct iovec pieces[2 * BATCH];
} batch_t;

/*
 * Reads (fd, memory, spans, first, count), spans of so many words each: a message for each packet, whose pieces lie in
 * the memory. No word is read twice: what is checked is what is used.
 */
static bool get_batch(napi_env env, napi_value *arguments, int words_each, batch_t *batch) {
  bytes_t memory;
  words_t spans;
  int32_t first;
  if (!get_int32(env, arguments[0], "fd", &batch->fd) || !get_bytes(env, arguments[1], "memory", &memory) ||
      !get_words(env, arguments[2], "spans", &spans) || !get_int32(env, arguments[3], "first", &first) ||
      !get_int32(env, arguments[4], "count", &batch->count))
    return false;
  if (first < 0 || batch->count < 0 || ((size_t)first + batch->count) * words_each > spans.length) {
    throw_range(env, "first, count: outside of spans");
    return false;
  }
  if (batch->count > BATCH) batch->count = BATCH;
  batch->spans = spans.data + (size_t)first * words_each;
  memset(batch->messages, 0, sizeof *batch->messages * batch->count);
  for (int32_t i = 0; i < batch->count; i++) {
    const int32_t *span = batch->spans + words_each * i;
    struct msghdr *header = &batch->messages[i].msg_hdr;
    header->msg_iov = batch->pieces + 2 * i;
    for (int at = 0; at < words_each; at += 2) {
      int32_t offset = span[at], length = span[at + 1];
      if (at > 0 && length == 0) continue;
      if (!is_inside(memory, offset, length)) {
        throw_range(env, "spans: outside of memory");
        return false;
      }
      header->msg_iov[header->msg_iovlen++] = (struct iovec){memory.data + offset, (size_t)length};
    }
  }
  return true;
}

/* Receives without waiting; puts each packet's length, whole even where it was cut, into its span. */
static int receive_messages(batch_t *batch) {
  if (batch->count == 0) return 0;
  int count = recvmmsg(batch->fd, batch->messages, batch->count, MSG_DONTWAIT | MSG_TRUNC, NULL);
  if (count < 0) return errno == EAGAIN || errno == EINTR ? 0 : -errno;
  for (int i = 0; i < count; i++) batch->spans[2 * i + 1] = batch->messages[i].msg_len;
  return count;
}

/* receiveBatch(fd, memory, spans, first, count): packets received, or −errno. */
static napi_value receive_batch(napi_env env, napi_callback_info info) {
  napi_value arguments[5];
  batch_t batch;
  if (!get_arguments(env, info, 5, arguments) || !get_batch(env, arguments, 2, &batch)) return NULL;
  return make_int32(env, receive_messages(&batch));
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
  struct sockaddr_in6 sources[BATCH];
  control6_t controls[BATCH];
  if (!get_arguments(env, info, 6, arguments) || !get_batch(env, arguments, 2, &batch) ||
      !get_words(env, arguments[5], "headers", &headers))
    return NULL;
  if (headers.length < (size_t)batch.count * HEADER6_WORDS) return throw_range(env, "headers: too short");
  for (int32_t i = 0; i < batch.count; i++) {
    struct msghdr *header = &batch.messages[i].msg_hdr;
    header->msg_name = sources + i;
    header->msg_namelen = sizeof *sources;
    header->msg_control = controls + i;
    header->msg_controllen = sizeof *controls;
  }
  int count = receive_messages(&batch);
  for (int i = 0; i < count; i++) read_header6(&batch.messages[i].msg_hdr, headers.data + i * HEADER6_WORDS);
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
  struct sockaddr_in6 addresses[BATCH];
  if (!get_arguments(env, info, 7, arguments) || !get_batch(env, arguments, SPAN_WORDS, &batch) ||
      !get_int32(env, arguments[5], "addressAt", &at) || !get_int32(env, arguments[6], "addressBytes", &bytes))
    return NULL;
  if (bytes != 0 && bytes != 4 && bytes != 16) return throw_range(env, "addressBytes: expected 0, 4 or 16");
  for (int32_t i = 0; bytes != 0 && i < batch.count; i++) {
    struct msghdr *header = &batch.messages[i].msg_hdr;
    bytes_t packet = {header->msg_iov->iov_base, header->msg_iov->iov_len};
    if (!is_inside(packet, at, bytes)) return throw_range(env, "addressAt: outside of the packet");
    struct sockaddr_in6 *six = addresses + i;
    struct sockaddr_in *four = (struct sockaddr_in *)six;
    memset(six, 0, sizeof *six);
    six->sin6_family = bytes == 4 ? AF_INET : AF_INET6;
    memcpy(bytes == 4 ? (void *)&four->sin_addr : (void *)&six->sin6_addr, packet.data + at, bytes);
    header->msg_name = six;
    header->msg_namelen = bytes == 4 ? sizeof *four : sizeof *six;
  }
  if (batch.count == 0) return make_int32(env, 0);
  int sent = sendmmsg(batch.fd, batch.messages, batch.count, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent >= 0) return make_int32(env, sent);
  int error = errno;
  if (error == EMSGSIZE) take_queued_error(batch.fd);
  return make_int32(env, -error);
}

void init_batches(napi_env env, napi_value exports) {
  export_function(env, exports, "receiveBatch", receive_batch);
  export_function(env, exports, "receiveBatch6", receive_batch6);
  export_function(env, exports, "sendBatch", send_batch);
}
