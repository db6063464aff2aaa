#define _GNU_SOURCE
/*
 * TUN and TAP: opening a queue, and reads and writes of many frames in one call. What stands in a frame, and
 * what its virtio-net header means, is TypeScript's business.
 */
#include "addon.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* Pieces that one frame may be gathered from: the kernel's own limit (UIO_MAXIOV). */
#define PIECES_MAX 1024

/* An fd, the interface's name, and its flags (TUNGETIFF) as { fd, name, flags }. */
static napi_value describe(napi_env env, int fd, const struct ifreq *request) {
  napi_value object, name;
  if (napi_create_object(env, &object) != napi_ok) return NULL;
  napi_create_string_utf8(env, request->ifr_name, NAPI_AUTO_LENGTH, &name);
  napi_set_named_property(env, object, "fd", make_int32(env, fd));
  napi_set_named_property(env, object, "name", name);
  napi_set_named_property(env, object, "flags", make_int32(env, (uint16_t)request->ifr_flags));
  return object;
}

/* tunOpen(path, name, flags) → { fd, name, flags } */
static napi_value tun_open(napi_env env, napi_callback_info info) {
  napi_value arguments[3];
  char path[64], name[IFNAMSIZ];
  uint32_t flags;
  if (!get_arguments(env, info, 3, arguments) || !get_text(env, arguments[0], "path", path, sizeof path) ||
      !get_text(env, arguments[1], "name", name, sizeof name) || !get_uint32(env, arguments[2], "flags", &flags))
    return NULL;
  int fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return throw_errno(env, "open", path, errno);
  struct ifreq request = {0};
  memcpy(request.ifr_name, name, sizeof name);
  request.ifr_flags = (short)flags;
  if (ioctl(fd, TUNSETIFF, &request) < 0 || ioctl(fd, TUNGETIFF, &request) < 0) {
    int error = errno;
    close(fd);
    return throw_errno(env, "TUNSETIFF", name, error);
  }
  return describe(env, fd, &request);
}

/* tunSetHeader(fd, bytes): length of the virtio-net header in front of each frame */
static napi_value tun_set_header(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  int32_t fd, bytes;
  if (!get_arguments(env, info, 2, arguments) || !get_int32(env, arguments[0], "fd", &fd) ||
      !get_int32(env, arguments[1], "bytes", &bytes))
    return NULL;
  if (ioctl(fd, TUNSETVNETHDRSZ, &bytes) < 0) return throw_errno(env, "TUNSETVNETHDRSZ", NULL, errno);
  return NULL;
}

/* tunSetOffload(fd, bits): what the kernel may leave to us */
static napi_value tun_set_offload(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  int32_t fd;
  uint32_t bits;
  if (!get_arguments(env, info, 2, arguments) || !get_int32(env, arguments[0], "fd", &fd) ||
      !get_uint32(env, arguments[1], "bits", &bits))
    return NULL;
  if (ioctl(fd, TUNSETOFFLOAD, (unsigned long)bits) < 0) return throw_errno(env, "TUNSETOFFLOAD", NULL, errno);
  return NULL;
}

/*
 * A packet a call: what libc does around read and writev in a process with threads, for pthread_cancel, is a fortieth
 * of all that a packet costs.
 */
static ssize_t read_packet(int fd, void *at, size_t size) { return syscall(SYS_read, fd, at, size); }
static ssize_t write_pieces(int fd, const struct iovec *pieces, int count) {
  return count == 1 ? syscall(SYS_write, fd, pieces->iov_base, pieces->iov_len)
                    : syscall(SYS_writev, fd, pieces, count);
}

/*
 * tunRead(fd, memory, offset, room, size, gap, offsets, lengths) → frames read, or −errno
 *
 * The first frame goes to memory[offset …], up to `size` bytes of it; each next one `gap` bytes or a little more
 * behind the one before, whole cache lines from its beginning: small frames lie close together. Where frame i is and
 * its length go to offsets[i] and lengths[i]. Ends with the queue, with these arrays, or when less than `size` of
 * `room` bytes is left.
 */
static napi_value tun_read(napi_env env, napi_callback_info info) {
  enum { CACHE_LINE = 64 };
  napi_value arguments[8];
  int32_t fd, offset, room, size, gap;
  bytes_t memory;
  words_t offsets, lengths;
  if (!get_arguments(env, info, 8, arguments) || !get_int32(env, arguments[0], "fd", &fd) ||
      !get_bytes(env, arguments[1], "memory", &memory) || !get_int32(env, arguments[2], "offset", &offset) ||
      !get_int32(env, arguments[3], "room", &room) || !get_int32(env, arguments[4], "size", &size) ||
      !get_int32(env, arguments[5], "gap", &gap) || !get_words(env, arguments[6], "offsets", &offsets) ||
      !get_words(env, arguments[7], "lengths", &lengths))
    return NULL;
  if (lengths.length == 0 || lengths.length > INT32_MAX || offsets.length != lengths.length || size <= 0 || gap < 0)
    return throw_range(env, "tunRead: expected sizes and two arrays of one length");
  if (!is_inside(memory, offset, room)) return throw_range(env, "tunRead: room outside the memory");
  size_t frames = 0;
  for (int64_t at = offset, end = (int64_t)offset + room; frames < lengths.length && end - at >= size; frames++) {
    ssize_t length;
    do length = read_packet(fd, memory.data + at, (size_t)size);
    while (length < 0 && errno == EINTR);
    if (length < 0) {
      if (frames == 0 && errno != EAGAIN) return make_int32(env, -errno);
      break;
    }
    offsets.data[frames] = (int32_t)at;
    lengths.data[frames] = (int32_t)length;
    at += ((int64_t)length + gap + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
  }
  return make_int32(env, (int32_t)frames);
}

/* Writes one frame; waits up to `patience` ms for room. Bytes written, or −errno. */
static int32_t write_frame(int fd, const struct iovec *pieces, int count, int patience) {
  for (;;) {
    ssize_t length = write_pieces(fd, pieces, count);
    if (length >= 0) return (int32_t)length;
    if (errno == EINTR) continue;
    if ((errno != EAGAIN && errno != ENOBUFS) || patience <= 0) return -errno;
    int error = errno;
    struct pollfd ready = {.fd = fd, .events = POLLOUT};
    if (poll(&ready, 1, patience) < 0 || !(ready.revents & POLLOUT)) return -error;
    patience--; /* room for something, perhaps not for this */
  }
}

/*
 * tunWrite(fd, memory, gather, frames, results, patience)
 *
 * `gather` holds for each frame the number of its pieces and an offset and a length for each piece. What came
 * of frame i, bytes written or −errno, goes to results[i]; a frame outside the memory is −EFAULT.
 */
static napi_value tun_write(napi_env env, napi_callback_info info) {
  napi_value arguments[6];
  int32_t fd, frames, patience;
  bytes_t memory;
  words_t gather, results;
  if (!get_arguments(env, info, 6, arguments) || !get_int32(env, arguments[0], "fd", &fd) ||
      !get_bytes(env, arguments[1], "memory", &memory) || !get_words(env, arguments[2], "gather", &gather) ||
      !get_int32(env, arguments[3], "frames", &frames) || !get_words(env, arguments[4], "results", &results) ||
      !get_int32(env, arguments[5], "patience", &patience))
    return NULL;
  if (frames < 0 || (size_t)frames > results.length) return throw_range(env, "tunWrite: more frames than results");
  struct iovec pieces[PIECES_MAX];
  size_t at = 0;
  for (int32_t frame = 0; frame < frames; frame++) {
    int32_t count = at < gather.length ? gather.data[at++] : 0;
    if (count < 1 || count > PIECES_MAX || (size_t)count * 2 > gather.length - at)
      return throw_range(env, "tunWrite: the list of pieces is broken");
    bool inside = true;
    for (int32_t i = 0; i < count; i++, at += 2) {
      int32_t offset = gather.data[at], length = gather.data[at + 1];
      inside = inside && is_inside(memory, offset, length);
      if (inside) pieces[i] = (struct iovec){memory.data + offset, (size_t)length};
    }
    results.data[frame] = inside ? write_frame(fd, pieces, count, patience) : -EFAULT;
  }
  return NULL;
}

void init_tun(napi_env env, napi_value exports) {
  export_function(env, exports, "tunOpen", tun_open);
  export_function(env, exports, "tunSetHeader", tun_set_header);
  export_function(env, exports, "tunSetOffload", tun_set_offload);
  export_function(env, exports, "tunRead", tun_read);
  export_function(env, exports, "tunWrite", tun_write);
}
