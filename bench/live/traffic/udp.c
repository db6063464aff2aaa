#define _GNU_SOURCE
/*
 * UDP from one network namespace to another, a thread in each, so that one clock serves both.
 *   udp rate    …: as many packets as arrive
 *   udp latency …: a packet now and then, and how long each takes
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH 64
#define PORT 9000
#define HEADERS 28 /* IPv4 and UDP */
#define MOST_SAMPLES 1000000
#define LOST_AFTER_NS 20000000

static struct {
  const char *from, *to; /* paths of namespaces */
  struct sockaddr_in destination;
  double seconds, warm_up, per_second;
  uint64_t window; /* packets under way at most; 0: no limit */
  uint32_t size;   /* of the IP packet, bytes */
  bool latency;
} options = {.seconds = 1, .warm_up = 0.5, .per_second = 1000, .size = 64};

static atomic_uint_fast64_t sent, received;
static atomic_bool ready, done;
static uint32_t samples[MOST_SAMPLES]; /* ns */
static uint32_t taken;

static _Noreturn void fail(const char *what) {
  fprintf(stderr, "udp: %s: %s\n", what, strerror(errno));
  exit(1);
}

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static int socket_in(const char *namespace) {
  int ns = open(namespace, O_RDONLY | O_CLOEXEC);
  if (ns < 0 || setns(ns, CLONE_NEWNET) < 0) fail(namespace);
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("socket");
  return fd;
}

struct batch {
  struct mmsghdr messages[BATCH];
  struct iovec pieces[BATCH];
  uint8_t data[BATCH][2048];
};

static struct batch *make_batch(uint32_t length) {
  struct batch *batch = calloc(1, sizeof *batch);
  for (int i = 0; i < BATCH; i++) {
    batch->pieces[i] = (struct iovec){batch->data[i], length};
    batch->messages[i].msg_hdr.msg_iov = &batch->pieces[i];
    batch->messages[i].msg_hdr.msg_iovlen = 1;
  }
  return batch;
}

static void *receive(void *unused) {
  int fd = socket_in(options.to);
  int buffer = 8 << 20;
  struct timeval patience = {.tv_usec = 100000};
  struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(PORT)};
  struct batch *batch = make_batch(2048);
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (bind(fd, (struct sockaddr *)&here, sizeof here) < 0) fail("bind");
  ready = true;
  while (!done) {
    int count = recvmmsg(fd, batch->messages, BATCH, MSG_WAITFORONE, NULL);
    if (count <= 0) continue;
    received += (uint64_t)count;
    if (!options.latency) continue;
    uint64_t time = now();
    for (int i = 0; i < count && taken < MOST_SAMPLES; i++) {
      uint64_t then;
      memcpy(&then, batch->data[i], sizeof then);
      if (then != 0) samples[taken++] = (uint32_t)(time - then);
    }
  }
  return unused;
}

static int connected(void) {
  int fd = socket_in(options.from);
  if (connect(fd, (struct sockaddr *)&options.destination, sizeof options.destination) < 0) fail("connect");
  return fd;
}

/* Waits until fewer than `window` packets are under way; what does not arrive in time is lost. */
static void wait_for_window(void) {
  static uint64_t lost;
  uint64_t since = now();
  while (sent - received - lost > options.window - BATCH) {
    if (now() - since > LOST_AFTER_NS) lost = sent - received;
    sched_yield();
  }
}

static void send_for(int fd, struct batch *batch, double seconds) {
  for (uint64_t end = now() + (uint64_t)(seconds * 1e9); now() < end;) {
    if (options.window > 0) wait_for_window();
    int count = sendmmsg(fd, batch->messages, BATCH, 0);
    if (count > 0) sent += (uint64_t)count;
  }
}

static void measure_rate(void) {
  int fd = connected();
  struct batch *batch = make_batch(options.size - HEADERS);
  send_for(fd, batch, options.warm_up);
  uint64_t before = received, before_sent = sent, start = now();
  send_for(fd, batch, options.seconds);
  double elapsed = (double)(now() - start) / 1e9;
  printf("{\"sent\":%.0f,\"received\":%.0f}\n", (double)(sent - before_sent) / elapsed,
         (double)(received - before) / elapsed);
}

static int ascending(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return x < y ? -1 : x > y;
}

static void measure_latency(void) {
  int fd = connected();
  uint8_t data[2048] = {0};
  uint64_t step = (uint64_t)(1e9 / options.per_second), next = now();
  uint64_t warm = next + (uint64_t)(options.warm_up * 1e9), end = warm + (uint64_t)(options.seconds * 1e9);
  for (; next < end; next += step, sent++) {
    struct timespec until = {.tv_sec = (time_t)(next / 1000000000u), .tv_nsec = (long)(next % 1000000000u)};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
    uint64_t stamp = next < warm ? 0 : now();
    memcpy(data, &stamp, sizeof stamp);
    if (send(fd, data, options.size - HEADERS, 0) < 0 && errno != ENOBUFS) fail("send");
  }
  usleep(50000);
  if (taken == 0) {
    fprintf(stderr, "udp: nothing arrived\n");
    exit(1);
  }
  qsort(samples, taken, sizeof *samples, ascending);
  printf("{\"p50\":%.2f,\"p99\":%.2f,\"samples\":%u,\"lost\":%.0f}\n", samples[taken / 2] / 1e3,
         samples[(uint64_t)taken * 99 / 100] / 1e3, taken, (double)(sent - received));
}

int main(int argc, char **argv) {
  static const struct option names[] = {
      {"from", required_argument, 0, 'f'},    {"to", required_argument, 0, 't'},
      {"address", required_argument, 0, 'a'}, {"seconds", required_argument, 0, 's'},
      {"warm-up", required_argument, 0, 'w'}, {"per-second", required_argument, 0, 'p'},
      {"window", required_argument, 0, 'n'},  {"size", required_argument, 0, 'b'},
      {0},
  };
  for (int name; (name = getopt_long(argc, argv, "", names, NULL)) != -1;) {
    switch (name) {
      case 'f': options.from = optarg; break;
      case 't': options.to = optarg; break;
      case 'a': inet_pton(AF_INET, optarg, &options.destination.sin_addr); break;
      case 's': options.seconds = atof(optarg); break;
      case 'w': options.warm_up = atof(optarg); break;
      case 'p': options.per_second = atof(optarg); break;
      case 'n': options.window = (uint64_t)atoll(optarg); break;
      case 'b': options.size = (uint32_t)atoi(optarg); break;
      default: return 2;
    }
  }
  if (!options.from || !options.to || optind >= argc || options.size < HEADERS + 8 || options.size > 1400) return 2;
  if (options.window > 0 && options.window < BATCH) return 2;
  options.latency = !strcmp(argv[optind], "latency");
  options.destination.sin_family = AF_INET;
  options.destination.sin_port = htons(PORT);
  prctl(PR_SET_TIMERSLACK, 1000);
  pthread_t thread;
  if (pthread_create(&thread, NULL, receive, NULL) != 0) fail("thread");
  while (!ready) sched_yield();
  if (options.latency)
    measure_latency();
  else
    measure_rate();
  done = true;
  pthread_join(thread, NULL);
}
