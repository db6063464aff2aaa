#define _GNU_SOURCE
/* Small programs for the kernel: XDP that takes GRE for a socket, and an ingress hook that drops it. */
#include "twin.h"

#include <linux/bpf.h>
#include <linux/if_link.h>
#include <linux/pkt_cls.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* BPF_TCX_INGRESS, which old headers do not have. */
#define TCX_INGRESS 46

#define LOAD(size, to, from, at) \
  ((struct bpf_insn){.code = BPF_LDX | BPF_MEM | (size), .dst_reg = (to), .src_reg = (from), .off = (at)})
#define SET(to, value) ((struct bpf_insn){.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = (to), .imm = (value)})
#define COPY(to, from) ((struct bpf_insn){.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = (to), .src_reg = (from)})
#define ADD(to, value) ((struct bpf_insn){.code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = (to), .imm = (value)})
#define IF_NOT(reg, value, skip) \
  ((struct bpf_insn){.code = BPF_JMP | BPF_JNE | BPF_K, .dst_reg = (reg), .off = (skip), .imm = (value)})
#define IF_GREATER(reg, other, skip) \
  ((struct bpf_insn){.code = BPF_JMP | BPF_JGT | BPF_X, .dst_reg = (reg), .src_reg = (other), .off = (skip)})
#define LOAD_MAP(to, map) \
  {.code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = (to), .src_reg = BPF_PSEUDO_MAP_FD, .imm = (map)}, {0}

static int bpf(enum bpf_cmd command, union bpf_attr *attributes) {
  return (int)syscall(SYS_bpf, command, attributes, sizeof *attributes);
}

static int make_map(int xsk) {
  union bpf_attr map = {.map_type = BPF_MAP_TYPE_XSKMAP, .key_size = 4, .value_size = 4, .max_entries = 1};
  int fd = bpf(BPF_MAP_CREATE, &map);
  if (fd < 0) fail("BPF_MAP_CREATE");
  uint32_t queue = 0;
  union bpf_attr entry = {.map_fd = (uint32_t)fd, .key = (uintptr_t)&queue, .value = (uintptr_t)&xsk};
  if (bpf(BPF_MAP_UPDATE_ELEM, &entry) < 0) fail("BPF_MAP_UPDATE_ELEM");
  return fd;
}

/* Loads a program and attaches it to the interface; it goes with the process. */
static void attach(struct bpf_insn *code, uint32_t length, uint32_t type, uint32_t where, const char *interface,
                   uint32_t flags) {
  union bpf_attr program = {
      .prog_type = type,
      .expected_attach_type = where,
      .insns = (uintptr_t)code,
      .insn_cnt = length,
      .license = (uintptr_t) "Apache-2.0",
  };
  int fd = bpf(BPF_PROG_LOAD, &program);
  if (fd < 0) fail("BPF_PROG_LOAD");
  union bpf_attr link = {
      .link_create = {.prog_fd = (uint32_t)fd,
                      .target_ifindex = interface_index(interface),
                      .attach_type = where,
                      .flags = flags},
  };
  if (bpf(BPF_LINK_CREATE, &link) < 0) fail("BPF_LINK_CREATE");
}

void drop_gre(const char *interface) {
  struct bpf_insn code[] = {
      COPY(6, 1),
      {.code = BPF_LD | BPF_ABS | BPF_B, .imm = 23},
      IF_NOT(0, IPPROTO_GRE, 2),
      SET(0, TC_ACT_SHOT),
      {.code = BPF_JMP | BPF_EXIT},
      SET(0, TC_ACT_OK),
      {.code = BPF_JMP | BPF_EXIT},
  };
  attach(code, sizeof code / sizeof *code, BPF_PROG_TYPE_SCHED_CLS, TCX_INGRESS, interface, 0);
}

void attach_xdp(const char *interface, int xsk, bool native) {
  struct bpf_insn code[] = {
      LOAD(BPF_W, 2, 1, offsetof(struct xdp_md, data)),
      LOAD(BPF_W, 3, 1, offsetof(struct xdp_md, data_end)),
      COPY(4, 2),
      ADD(4, ETHERNET_BYTES + IP4_BYTES),
      IF_GREATER(4, 3, 10),
      LOAD(BPF_H, 4, 2, 12),
      IF_NOT(4, htons(ETHERTYPE_IP), 8),
      LOAD(BPF_B, 4, 2, 23),
      IF_NOT(4, IPPROTO_GRE, 6),
      LOAD_MAP(1, make_map(xsk)),
      SET(2, 0),
      SET(3, XDP_PASS),
      {.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_redirect_map},
      {.code = BPF_JMP | BPF_EXIT},
      SET(0, XDP_PASS),
      {.code = BPF_JMP | BPF_EXIT},
  };
  attach(code, sizeof code / sizeof *code, BPF_PROG_TYPE_XDP, BPF_XDP, interface,
         native ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE);
}
