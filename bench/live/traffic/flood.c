#define _GNU_SOURCE
/*
 * Fills a forwarding daemon's queue: sends GRE packets that it must route into its second tunnel, and counts
 * what comes back. First a few, looked at one by one; then as many as it takes, over AF_XDP where that works.
 */
#include "../twin/gre.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PACKETS 4096 /* different ones */
#define LOOKED_AT 64
#define LOOK_SECONDS 0.5
#define TIME_TO_LIVE 64

static uint8_t store[PACKETS][FRAME_BYTES];
static struct packet packets[PACKETS];
static struct tunnel tunnel;

_Noreturn void fail(const char *what) {
  fprintf(stderr, "flood: %s: %s\n", what, strerror(errno));
  exit(1);
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static uint32_t next_random(void) {
  static uint32_t state = 0x67726562;
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state;
}

/* UDP from 10.1.0.0/16 to 10.2.0.0/16, `size` bytes with the IP header. */
static void make_packets(uint32_t size) {
  for (int i = 0; i < PACKETS; i++) {
    uint8_t *ip = store[i] + HEADROOM;
    uint32_t random = next_random();
    memset(ip, 0, size);
    ip[0] = 0x45;
    put16(ip + 2, htons((uint16_t)size));
    ip[8] = TIME_TO_LIVE;
    ip[9] = IPPROTO_UDP;
    put32(ip + 12, htonl(0x0a010000 | (random & 0xffff)));
    put32(ip + 16, htonl(0x0a020000 | random >> 16));
    put16(ip + 10, (uint16_t)~fold(sum_bytes(ip, IP4_BYTES, 0)));
    put16(ip + 20, htons((uint16_t)(1024 + i)));
    put16(ip + 22, htons(9));
    put16(ip + 24, htons((uint16_t)(size - IP4_BYTES)));
    packets[i] = (struct packet){.head = ip, .head_length = size};
    encapsulate(&tunnel, &packets[i]);
  }
}

static void send_some(struct underlay *underlay, uint32_t at, int count) {
  struct packet batch[BATCH];
  for (int i = 0; i < count; i++) batch[i] = packets[(at + (uint32_t)i) % PACKETS];
  underlay->send(underlay, batch, count);
}

/* Whether what came back at `frame` is packet `i`, one hop older, in the second tunnel. */
static bool is_forwarded(const uint8_t *frame, ssize_t length, const struct options *options) {
  struct options back = *options;
  struct tunnel second;
  back.local = options->forward;
  make_tunnel(&second, &back, options->remote);
  struct packet packet = {
      .head = (uint8_t *)frame + ETHERNET_BYTES,
      .head_length = (uint32_t)length - ETHERNET_BYTES,
  };
  if (length < ETHERNET_BYTES || !decapsulate(&second, &packet)) return false;
  const uint8_t *inner = packet.head;
  uint32_t i = (uint32_t)ntohs(get16(inner + 20)) - 1024;
  if (i >= PACKETS || inner[8] != TIME_TO_LIVE - 1 || fold(sum_bytes(inner, IP4_BYTES, 0)) != 0xffff) return false;
  const uint8_t *sent = store[i] + HEADROOM;
  return memcmp(inner + 12, sent + 12, packet.head_length - 12) == 0;
}

/* Sends a few packets and answers how many came back, looking at each. */
static int look_once(struct underlay *underlay, int fd, const struct options *options) {
  struct pollfd wait = {.fd = fd, .events = POLLIN};
  int good = 0;
  send_some(underlay, 0, LOOKED_AT);
  for (double end = now() + LOOK_SECONDS; now() < end && good < LOOKED_AT;) {
    uint8_t frame[FRAME_BYTES];
    poll(&wait, 1, 50);
    ssize_t length = recv(fd, frame, sizeof frame, MSG_DONTWAIT);
    if (length < 0) continue;
    if (!is_forwarded(frame, length, options)) {
      fprintf(stderr, "flood: a packet came back that is not what was sent\n");
      exit(1);
    }
    good++;
  }
  return good;
}

/* Waits until the daemon forwards as it should. */
static void look(struct underlay *underlay, const struct options *options, double patience) {
  struct options back = *options;
  back.local = options->forward;
  int fd = packet_socket(&back, true), good;
  double end = now() + patience;
  while ((good = look_once(underlay, fd, options)) < LOOKED_AT) {
    if (now() < end) continue;
    fprintf(stderr, "flood: of %d packets %d came back\n", LOOKED_AT, good);
    exit(1);
  }
  close(fd);
}

static uint64_t received(const char *interface) {
  char path[128];
  unsigned long long value = 0;
  snprintf(path, sizeof path, "/sys/class/net/%s/statistics/rx_packets", interface);
  FILE *file = fopen(path, "r");
  if (file == NULL || fscanf(file, "%llu", &value) != 1) fail(path);
  fclose(file);
  return value;
}

static uint64_t send_until(struct underlay *underlay, double end) {
  uint64_t sent = 0;
  while (now() < end) {
    for (int turn = 0; turn < 16; turn++, sent += BATCH) send_some(underlay, (uint32_t)sent, BATCH);
  }
  return sent;
}

int main(int argc, char **argv) {
  static const struct option names[] = {
      {"how", required_argument, 0, 'h'},     {"interface", required_argument, 0, 'i'},
      {"mac", required_argument, 0, 'm'},     {"local", required_argument, 0, 'l'},
      {"remote", required_argument, 0, 'r'},  {"forward", required_argument, 0, 'f'},
      {"seconds", required_argument, 0, 's'}, {"warm-up", required_argument, 0, 'w'},
      {"size", required_argument, 0, 'b'},    {"patience", required_argument, 0, 'p'},
      {0},
  };
  struct options options = {.underlay = "af_xdp", .receive_buffer = 8 << 20};
  double seconds = 1, warm_up = 0.5, patience = 10;
  uint32_t size = 64;
  for (int name; (name = getopt_long(argc, argv, "", names, NULL)) != -1;) {
    uint8_t *m = options.mac;
    switch (name) {
      case 'h': options.underlay = optarg; break;
      case 'i': options.interface = optarg; break;
      case 'm': sscanf(optarg, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", m, m + 1, m + 2, m + 3, m + 4, m + 5); break;
      case 'l': inet_pton(AF_INET, optarg, &options.local); break;
      case 'r': inet_pton(AF_INET, optarg, &options.remote); break;
      case 'f': inet_pton(AF_INET, optarg, &options.forward); break;
      case 's': seconds = atof(optarg); break;
      case 'w': warm_up = atof(optarg); break;
      case 'p': patience = atof(optarg); break;
      case 'b': size = (uint32_t)atoi(optarg); break;
      default: return 2;
    }
  }
  if (!options.interface || size < 32 || size > 1400) return 2;
  make_tunnel(&tunnel, &options, options.remote);
  make_packets(size);
  bool xdp = !strcmp(options.underlay, "af_xdp");
  struct underlay *underlay = xdp ? open_af_xdp(&options, false) : open_af_packet(&options);
  drop_gre(options.interface);
  uint64_t first = received(options.interface);
  look(underlay, &options, patience);
  send_until(underlay, now() + warm_up);
  uint64_t before = received(options.interface);
  double start = now();
  uint64_t sent = send_until(underlay, start + seconds);
  double elapsed = now() - start;
  uint64_t last = received(options.interface);
  printf("{\"sent\":%.0f,\"forwarded\":%.0f,\"total\":%.0f}\n", (double)sent / elapsed,
         (double)(last - before) / elapsed, (double)(last - first));
}
