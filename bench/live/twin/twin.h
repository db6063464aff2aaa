/*
 * The twin of grebe's worker: one thread that moves packets between a TUN device and GRE over an underlay, or
 * from tunnel to tunnel, with the system calls that grebe uses: the measure for what JavaScript costs.
 *
 * It is C as one would write it for speed without heroics. It knows one or two tunnels over IPv4, IPv4
 * inside (IPv6 is carried, its large segments too, but not coalesced), and no fragments.
 */
#ifndef TWIN_H
#define TWIN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#define BATCH 64
/* Free bytes before each packet: room for the outer headers and Ethernet's. */
#define HEADROOM 128
/* Of a received packet, headroom included. */
#define FRAME_BYTES 2048
#define ETHERNET_BYTES 14
#define IP4_BYTES 20

/* A packet in one or two pieces: headers, and payload left where it was read. */
struct packet {
  uint8_t *head;
  uint32_t head_length;
  uint32_t body_length; /* may be 0 */
  uint8_t *body;
};

struct options {
  const char *underlay;  /* raw, af_packet, af_xdp */
  const char *interface; /* of the underlay */
  const char *tun;       /* name of the TUN device to make; NULL: forward */
  const char *xdp_mode;  /* generic or native */
  uint8_t mac[6];        /* of the next hop */
  uint32_t local, remote, forward; /* network order; forward: remote end of the second tunnel */
  bool has_key;
  uint32_t key; /* network order, of both tunnels */
  bool offload;
  int receive_buffer; /* bytes */
};

/* Where GRE packets enter and leave; packets begin at their outer IP header. */
struct underlay {
  int fd; /* readable when receive has something */
  /* Up to BATCH packets, in one piece each, valid until `release`. */
  int (*receive)(struct underlay *, struct packet *);
  void (*release)(struct underlay *);
  /* Sends up to BATCH packets; HEADROOM bytes before each head may be written. Waits a little, then drops. */
  void (*send)(struct underlay *, struct packet *, int count);
  uint64_t dropped;
};

struct underlay *open_raw(const struct options *);
struct underlay *open_af_packet(const struct options *);
struct underlay *open_af_xdp(const struct options *, bool receives);

/* An AF_PACKET socket for GRE to `local`, which gets it once it is bound. */
int packet_socket(const struct options *, bool bound);
/* sendmmsg of Ethernet frames made of `packets`. */
void send_frames(struct underlay *, const uint8_t header[ETHERNET_BYTES], struct packet *, int count);
/* sendmmsg of `count` messages until all are gone, waiting a few ms when the kernel's queue is full. */
struct mmsghdr;
void send_all(struct underlay *, struct mmsghdr *, int count);
/* Keeps the kernel from answering GRE with "protocol unreachable" where another socket reads it. */
void hush_kernel(void);
void ethernet_header(const struct options *, uint8_t header[ETHERNET_BYTES]);
uint32_t interface_index(const char *name);
/* Loads the program that redirects GRE to the socket `xsk` and attaches it; it goes with the process. */
void attach_xdp(const char *interface, int xsk, bool native);
/* Drops GRE that arrives on an interface, after packet sockets have seen it; until the process ends. */
void drop_gre(const char *interface);

/* TUN. `flush` takes the packets that were cut from what was read. */
int open_tun(const char *name, bool offload);
/* Reads until nothing is there or a batch is full; calls `flush` with inner packets. Answers packets read. */
int read_tun(int fd, bool offload, void (*flush)(struct packet *, int count));
/* Writes inner packets, one-piece each, joining segments of a flow when `offload`. */
void write_tun(int fd, bool offload, struct packet *, int count);

/* Like perror and exit. */
_Noreturn void fail(const char *what);

#endif
