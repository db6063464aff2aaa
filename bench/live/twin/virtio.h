/* The header before each packet of a TUN device with IFF_VNET_HDR (struct virtio_net_hdr, native byte order). */
#ifndef VIRTIO_H
#define VIRTIO_H

#include "headers.h"
#include "twin.h"

struct virtio {
  uint8_t flags, gso_type;
  uint16_t headers, gso_size, csum_start, csum_offset;
};

#define VIRTIO_BYTES 10
#define VIRTIO_NEEDS_CSUM 1
#define VIRTIO_NONE 0
#define VIRTIO_TCP4 1
#define VIRTIO_UDP_L4 5
#define VIRTIO_ECN 0x80

#define TCP_FIN 0x01
#define TCP_PSH 0x08
#define TCP_ACK 0x10
#define TCP_CWR 0x80

#endif
