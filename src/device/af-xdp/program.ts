/**
 * The XDP program: takes GRE packets for our addresses to the workers' sockets and leaves everything else to
 * the kernel. Taken are Ethernet frames without a VLAN tag, or with one of VLAN 0 (priority only), with IPv4 of
 * protocol 47, or IPv6 whose next header is 47 at once or behind one header of destination options (which Linux
 * puts there for the encapsulation limit, RFC 2473 §4.1.1). Fragments are left to the kernel, which puts them
 * together for the raw sockets that are open beside.
 */
import {
  ETHERNET_HEADER,
  EtherType,
  IpProtocol,
  IPV4_FRAGMENT_BITS,
  VLAN_IDENTIFIER,
  VLAN_TAG,
} from '../../wire/protocol.js';
import { EbpfAssembler, Helper, network16, Register, register, type Operand } from '../underlay/ebpf.js';

const { R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, R10 } = Register;

/** struct xdp_md: offsets of its words. */
const Context = { DATA: 0, DATA_END: 4, QUEUE: 16 } as const;
const XDP_PASS = 2;

/** As a program loads them. */
const Type = {
  IPV4: network16(EtherType.IPV4),
  IPV6: network16(EtherType.IPV6),
  VLAN: network16(EtherType.VLAN),
  TEB: network16(EtherType.TEB),
} as const;

export interface ProgramOptions {
  /** Map of our addresses (LocalsMap). */
  readonly locals: number;
  /** Map of sockets, `spread` entries for each queue. */
  readonly sockets: number;
  /**
   * Entries of each queue in the map of sockets. With more than one, packets are spread by a hash of what a
   * flow has in common, so that each flow keeps its order.
   */
  readonly spread: number;
}

/** R6 context, R2 packet (Ethernet header), R3 its end, R7 hash, R9 GRE header. */
export function xdpProgram({ locals, sockets, spread }: ProgramOptions): Uint8Array {
  const code = new EbpfAssembler();
  code.move(R6, register(R1)).load(4, R2, R6, Context.DATA).load(4, R3, R6, Context.DATA_END).move(R7, 0);

  need(code, ETHERNET_HEADER + 20);
  code
    .load(2, R5, R2, 12)
    .jumpIf(R5, '≠', Type.VLAN, 'untagged')
    .load(2, R5, R2, ETHERNET_HEADER)
    .compute(R5, '&', network16(VLAN_IDENTIFIER))
    .jumpIf(R5, '≠', 0, 'pass')
    // Behind the tag everything is where it is otherwise.
    .load(2, R5, R2, ETHERNET_HEADER + 2)
    .compute(R2, '+', VLAN_TAG);
  need(code, ETHERNET_HEADER + 20);
  code.label('untagged').jumpIf(R5, '=', Type.IPV4, 'ipv4').jumpIf(R5, '≠', Type.IPV6, 'pass');

  ipv6(code, spread > 1);
  ipv4(code, spread > 1);
  code
    .label('lookup')
    .move(R8, register(R3))
    .loadMap(R1, locals)
    .move(R2, register(R10))
    .compute(R2, '+', -16)
    .call(Helper.MAP_LOOKUP)
    .jumpIf(R0, '=', 0, 'pass');
  if (spread > 1) spreadFlows(code);
  code.load(4, R2, R6, Context.QUEUE);
  if (spread > 1) {
    // The upper 16 bits of the hash, which are the best mixed, as a share of the entries.
    code.compute32(R7, '>>', 16).compute32(R7, '*', spread).compute32(R7, '>>', 16);
    code.compute(R2, '*', spread).compute(R2, '+', register(R7));
  }
  // A queue without a socket: the kernel gets the packet.
  code.loadMap(R1, sockets).move(R3, XDP_PASS).call(Helper.REDIRECT_MAP).exit();
  return code.label('pass').move(R0, XDP_PASS).exit().assemble();
}

/** The packet has this many bytes from R2 on, or the kernel gets it. */
function need(code: EbpfAssembler, bytes: number): void {
  code.move(R4, register(R2)).compute(R4, '+', bytes).jumpIf(R4, '>', register(R3), 'pass');
}

/** Mixes a word into the hash. */
function mix(code: EbpfAssembler, word: Operand): void {
  code
    .compute32(R7, '^', word)
    .compute32(R7, '*', 0x9e3779b1 | 0)
    .move(R4, register(R7));
  code.compute32(R4, '>>', 15).compute32(R7, '^', register(R4));
}

function mixWords(code: EbpfAssembler, base: Register, offsets: readonly number[]): void {
  for (const offset of offsets) {
    code.load(4, R5, base, offset);
    mix(code, register(R5));
  }
}

/** Key at R10 − 16; R9 = GRE header. */
function ipv6(code: EbpfAssembler, hash: boolean): void {
  const source = ETHERNET_HEADER + 8;
  const destination = ETHERNET_HEADER + 24;
  need(code, ETHERNET_HEADER + 40 + 8);
  for (let i = 0; i < 16; i += 4) code.load(4, R5, R2, destination + i).store(4, R10, i - 16, register(R5));
  if (hash) {
    // Flow label without the traffic class, which may change on the way.
    code.load(4, R5, R2, ETHERNET_HEADER).compute32(R5, '&', 0xffff0f00 | 0);
    mix(code, register(R5));
    mixWords(code, R2, [source, source + 4, source + 8, source + 12]);
  }
  code
    .move(R9, register(R2))
    .compute(R9, '+', ETHERNET_HEADER + 40)
    .load(1, R5, R2, ETHERNET_HEADER + 6)
    .jumpIf(R5, '=', IpProtocol.GRE, 'lookup')
    .jumpIf(R5, '≠', IpProtocol.DESTINATION_OPTIONS, 'pass')
    .load(1, R5, R2, ETHERNET_HEADER + 40)
    .jumpIf(R5, '≠', IpProtocol.GRE, 'pass')
    .compute(R9, '+', 8)
    .jump('lookup');
}

function ipv4(code: EbpfAssembler, hash: boolean): void {
  code
    .label('ipv4')
    .load(1, R5, R2, ETHERNET_HEADER + 9)
    .jumpIf(R5, '≠', IpProtocol.GRE, 'pass')
    .load(2, R5, R2, ETHERNET_HEADER + 6)
    .compute(R5, '&', network16(IPV4_FRAGMENT_BITS))
    .jumpIf(R5, '≠', 0, 'pass')
    .store(8, R10, -16, 0)
    .store(4, R10, -8, 0xffff0000 | 0)
    .load(4, R5, R2, ETHERNET_HEADER + 16)
    .store(4, R10, -4, register(R5));
  if (hash) mixWords(code, R2, [ETHERNET_HEADER + 12]);
  // A header with options is rare; its tunnel's packets then go by what follows 20 bytes, or not at all.
  code.move(R9, register(R2)).compute(R9, '+', ETHERNET_HEADER + 20);
}

/**
 * Mixes in what the inner packets of a flow have in common: addresses, or link addresses of a bridged frame.
 * They lie behind the GRE header, whose flags (RFC 2890) say how long it is.
 */
function spreadFlows(code: EbpfAssembler): void {
  const reach = (bytes: number): EbpfAssembler =>
    code.move(R4, register(R9)).compute(R4, '+', bytes).jumpIf(R4, '>', register(R8), 'spread');
  reach(4).load(2, R2, R9, 2).load(1, R5, R9, 0).compute(R9, '+', 4);
  // Bits 7 (checksum), 5 (key), 4 (sequence): 4 bytes each.
  for (const bit of [7, 5, 4]) {
    code.move(R3, register(R5)).compute(R3, '>>', bit).compute(R3, '&', 1).compute(R3, '<<', 2);
    code.compute(R9, '+', register(R3));
  }
  code.jumpIf(R2, '=', Type.IPV4, 'inner4').jumpIf(R2, '=', Type.IPV6, 'inner6');
  code.jumpIf(R2, '≠', Type.TEB, 'spread');
  reach(12);
  mixWords(code, R9, [0, 4, 8]);
  code.jump('spread').label('inner4');
  reach(20);
  mixWords(code, R9, [12, 16]);
  code.jump('spread').label('inner6');
  reach(40);
  mixWords(code, R9, [16, 20, 32, 36]);
  code.label('spread');
}
