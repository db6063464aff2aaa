#define _GNU_SOURCE
/* Raw sockets, read with recvmmsg and written with sendmmsg; and what they share with AF_PACKET. */
#include "headers.h"
#include "twin.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define SEND_WAIT_MS 2

struct socket_underlay {
  struct underlay base;
  uint8_t *frames; /* BATCH of FRAME_BYTES */
  struct mmsghdr messages[BATCH];
  struct iovec pieces[BATCH];
};

uint32_t interface_index(const char *name) {
  uint32_t index = if_nametoindex(name);
  if (index == 0) fail(name);
  return index;
}

void ethernet_header(const struct options *options, uint8_t header[ETHERNET_BYTES]) {
  struct ifreq request = {0};
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  strncpy(request.ifr_name, options->interface, IFNAMSIZ - 1);
  if (fd < 0 || ioctl(fd, SIOCGIFHWADDR, &request) < 0) fail(options->interface);
  close(fd);
  memcpy(header, options->mac, 6);
  memcpy(header + 6, request.ifr_hwaddr.sa_data, 6);
  put16(header + 12, htons(ETHERTYPE_IP));
}

static void set_filter(int fd, struct sock_filter *code, unsigned short length) {
  struct sock_fprog program = {.len = length, .filter = code};
  if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) < 0) fail("SO_ATTACH_FILTER");
}

void hush_kernel(void) {
  struct sock_filter nothing[] = {BPF_STMT(BPF_RET | BPF_K, 0)};
  int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_GRE);
  if (fd < 0) fail("raw socket");
  set_filter(fd, nothing, 1);
}

int packet_socket(const struct options *options, bool bound) {
  struct sock_filter gre_to_us[] = {
      BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETHERTYPE_IP, 0, 5),
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 23),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_GRE, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 30),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ntohl(options->local), 0, 1),
      BPF_STMT(BPF_RET | BPF_K, 0x40000),
      BPF_STMT(BPF_RET | BPF_K, 0),
  };
  struct sockaddr_ll here = {
      .sll_family = AF_PACKET,
      .sll_protocol = htons(ETH_P_ALL),
      .sll_ifindex = (int)interface_index(options->interface),
  };
  int one = 1;
  int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("packet socket");
  set_filter(fd, gre_to_us, sizeof gre_to_us / sizeof *gre_to_us);
  setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one);
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &options->receive_buffer, sizeof options->receive_buffer);
  if (bound && bind(fd, (struct sockaddr *)&here, sizeof here) < 0) fail("bind");
  return fd;
}

static uint8_t *frame(struct socket_underlay *u, int i) { return u->frames + i * FRAME_BYTES + HEADROOM; }

static int receive(struct underlay *base, struct packet *packets) {
  struct socket_underlay *u = (struct socket_underlay *)base;
  int count = recvmmsg(base->fd, u->messages, BATCH, MSG_DONTWAIT, NULL);
  for (int i = 0; i < count; i++)
    packets[i] = (struct packet){.head = frame(u, i), .head_length = u->messages[i].msg_len};
  return count < 0 ? 0 : count;
}

static void release(struct underlay *u) { (void)u; }

void send_all(struct underlay *u, struct mmsghdr *messages, int count) {
  for (int sent = 0; sent < count;) {
    int n = sendmmsg(u->fd, messages + sent, (unsigned)(count - sent), MSG_DONTWAIT);
    if (n > 0) {
      sent += n;
      continue;
    }
    if (errno == EAGAIN || errno == ENOBUFS) {
      struct pollfd wait = {.fd = u->fd, .events = POLLOUT};
      if (poll(&wait, 1, SEND_WAIT_MS) > 0) continue;
    } else if (errno == EINTR) {
      continue;
    }
    sent++;
    u->dropped++;
  }
}

void send_frames(struct underlay *u, const uint8_t header[ETHERNET_BYTES], struct packet *packets, int count) {
  struct mmsghdr messages[BATCH] = {0};
  struct iovec pieces[BATCH][2];
  for (int i = 0; i < count; i++) {
    uint8_t *head = packets[i].head - ETHERNET_BYTES;
    memcpy(head, header, ETHERNET_BYTES);
    pieces[i][0] = (struct iovec){head, packets[i].head_length + ETHERNET_BYTES};
    pieces[i][1] = (struct iovec){packets[i].body, packets[i].body_length};
    messages[i].msg_hdr.msg_iov = pieces[i];
    messages[i].msg_hdr.msg_iovlen = packets[i].body_length ? 2 : 1;
  }
  send_all(u, messages, count);
}

static void send_raw(struct underlay *base, struct packet *packets, int count) {
  struct mmsghdr messages[BATCH] = {0};
  struct sockaddr_in to[BATCH];
  struct iovec pieces[BATCH][2];
  for (int i = 0; i < count; i++) {
    to[i] = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = get32(packets[i].head + 16)};
    pieces[i][0] = (struct iovec){packets[i].head, packets[i].head_length};
    pieces[i][1] = (struct iovec){packets[i].body, packets[i].body_length};
    messages[i].msg_hdr.msg_name = &to[i];
    messages[i].msg_hdr.msg_namelen = sizeof to[i];
    messages[i].msg_hdr.msg_iov = pieces[i];
    messages[i].msg_hdr.msg_iovlen = packets[i].body_length ? 2 : 1;
  }
  send_all(base, messages, count);
}

struct underlay *open_raw(const struct options *options) {
  int one = 1;
  int fd = socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_GRE);
  if (fd < 0) fail("raw socket");
  if (setsockopt(fd, IPPROTO_IP, IP_HDRINCL, &one, sizeof one) < 0) fail("IP_HDRINCL");
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &options->receive_buffer, sizeof options->receive_buffer);
  /* A socket whose queue is full counts as none. */
  hush_kernel();
  struct socket_underlay *u = calloc(1, sizeof *u);
  u->base = (struct underlay){.fd = fd, .receive = receive, .release = release, .send = send_raw};
  u->frames = aligned_alloc(4096, BATCH * FRAME_BYTES);
  for (int i = 0; i < BATCH; i++) {
    u->pieces[i] = (struct iovec){frame(u, i), FRAME_BYTES - HEADROOM};
    u->messages[i].msg_hdr.msg_iov = &u->pieces[i];
    u->messages[i].msg_hdr.msg_iovlen = 1;
  }
  return &u->base;
}
