#define _GNU_SOURCE
/* Options and the loop: receive, decapsulate, write; read, encapsulate, send; wait when there was nothing. */
#include "gre.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#define WAIT_MS 1000

_Noreturn void fail(const char *what) {
  fprintf(stderr, "twin: %s: %s\n", what, strerror(errno));
  exit(1);
}

static _Noreturn void refuse(const char *what) {
  fprintf(stderr, "twin: %s\n", what);
  exit(2);
}

static uint32_t address(const char *text) {
  struct in_addr result;
  if (inet_pton(AF_INET, text, &result) != 1) refuse("an IPv4 address was expected");
  return result.s_addr;
}

static void read_options(int argc, char **argv, struct options *options) {
  static const struct option names[] = {
      {"underlay", required_argument, 0, 'u'}, {"interface", required_argument, 0, 'i'},
      {"tun", required_argument, 0, 't'},      {"mac", required_argument, 0, 'm'},
      {"local", required_argument, 0, 'l'},    {"remote", required_argument, 0, 'r'},
      {"forward", required_argument, 0, 'f'},  {"key", required_argument, 0, 'k'},
      {"xdp-mode", required_argument, 0, 'x'}, {"no-offload", no_argument, 0, 'n'},
      {0},
  };
  for (int name; (name = getopt_long(argc, argv, "", names, NULL)) != -1;) {
    switch (name) {
      case 'u': options->underlay = optarg; break;
      case 'i': options->interface = optarg; break;
      case 't': options->tun = optarg; break;
      case 'l': options->local = address(optarg); break;
      case 'r': options->remote = address(optarg); break;
      case 'f': options->forward = address(optarg); break;
      case 'x': options->xdp_mode = optarg; break;
      case 'n': options->offload = false; break;
      case 'k':
        options->has_key = true;
        options->key = htonl((uint32_t)strtoul(optarg, NULL, 0));
        break;
      case 'm': {
        uint8_t *m = options->mac;
        if (sscanf(optarg, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", m, m + 1, m + 2, m + 3, m + 4, m + 5) != 6)
          refuse("--mac wants a link address");
        break;
      }
      default: exit(2);
    }
  }
  if (!options->interface || !options->local || !options->remote)
    refuse("--interface, --local, --remote are needed");
  if (!options->tun == !options->forward) refuse("one of --tun and --forward is needed");
}

static struct underlay *open_underlay(const struct options *options) {
  if (!strcmp(options->underlay, "raw")) return open_raw(options);
  if (!strcmp(options->underlay, "af_packet")) return open_af_packet(options);
  if (!strcmp(options->underlay, "af_xdp")) return open_af_xdp(options, true);
  refuse("--underlay is raw, af_packet or af_xdp");
}

static struct underlay *underlay;
static struct tunnel tunnels[2];

static void to_tunnel(struct packet *packets, int count) {
  for (int i = 0; i < count; i++) encapsulate(&tunnels[0], &packets[i]);
  underlay->send(underlay, packets, count);
}

static int decapsulate_all(struct packet *packets, int count) {
  int kept = 0;
  for (int i = 0; i < count; i++)
    if (decapsulate(&tunnels[0], &packets[i])) packets[kept++] = packets[i];
  return kept;
}

static void run_tunnel(const struct options *options) {
  int tun = open_tun(options->tun, options->offload);
  struct pollfd waits[] = {{.fd = tun, .events = POLLIN}, {.fd = underlay->fd, .events = POLLIN}};
  puts("ready");
  fflush(stdout);
  for (;;) {
    struct packet packets[BATCH];
    int received = underlay->receive(underlay, packets);
    if (received > 0) {
      write_tun(tun, options->offload, packets, decapsulate_all(packets, received));
      underlay->release(underlay);
    }
    int read = read_tun(tun, options->offload, to_tunnel);
    if (received == 0 && read == 0 && poll(waits, 2, WAIT_MS) > 0) sched_yield();
  }
}

/* Less one, with the checksum's share (RFC 1624); false at the end of its life. */
static inline bool count_hop(uint8_t *ip) {
  if (ip[0] != 0x45 || ip[8] <= 1) return false;
  ip[8]--;
  uint32_t sum = get16(ip + 10) + 1u;
  put16(ip + 10, (uint16_t)(sum + (sum >> 16)));
  return true;
}

/* Longest-prefix match as a table of /24s, which a single route fills: the memory access is what it costs. */
static uint8_t routes[1 << 16];

static void run_forward(void) {
  struct pollfd wait = {.fd = underlay->fd, .events = POLLIN};
  memset(routes, 1, sizeof routes);
  puts("ready");
  fflush(stdout);
  for (;;) {
    struct packet packets[BATCH];
    int received = underlay->receive(underlay, packets);
    if (received == 0) {
      poll(&wait, 1, WAIT_MS);
      continue;
    }
    int count = decapsulate_all(packets, received);
    int kept = 0;
    for (int i = 0; i < count; i++) {
      if (!count_hop(packets[i].head)) continue;
      encapsulate(&tunnels[routes[get16(packets[i].head + 16)]], &packets[i]);
      packets[kept++] = packets[i];
    }
    underlay->send(underlay, packets, kept);
    underlay->release(underlay);
  }
}

int main(int argc, char **argv) {
  struct options options = {
      .underlay = "af_packet", .xdp_mode = "generic", .offload = true, .receive_buffer = 8 << 20};
  read_options(argc, argv, &options);
  make_tunnel(&tunnels[0], &options, options.remote);
  make_tunnel(&tunnels[1], &options, options.forward);
  underlay = open_underlay(&options);
  if (options.tun)
    run_tunnel(&options);
  else
    run_forward();
}
