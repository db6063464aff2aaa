/**
 * The program behind the AF_PACKET sockets (TCX ingress, Linux 6.6): drops what they have taken, so that the
 * kernel does not route it in vain. It drops nothing that packetFilter() leaves, but not all that it takes: the
 * rare cases (fragments, a tag in the frame, several IPv6 options, headers outside of the linear part of the
 * kernel's buffer) it lets pass, as all packets pass where there is no such program.
 */
import {
  ETHERNET_HEADER,
  EtherType,
  IpProtocol,
  IPV4_FRAGMENT_BITS,
  IPV6_HEADER,
  VLAN_IDENTIFIER,
} from '../../wire/protocol.js';
import { EbpfAssembler, Helper, network16, Register, register } from '../underlay/ebpf.js';

const { R0, R1, R2, R3, R4, R5, R10 } = Register;

/** struct __sk_buff: offsets of its words. The packet begins at its link header. */
const Context = { PACKET_TYPE: 4, VLAN_PRESENT: 20, VLAN_TAG: 24, DATA: 76, DATA_END: 80 } as const;
/** On to the next program, if there is one, or to the kernel. */
const TCX_NEXT = -1;
const TCX_DROP = 2;

const OPTIONS = 8;

/**
 * @param mtu of the interface, bytes: what is longer goes to the raw sockets
 * @param locals descriptor of a LocalsMap
 */
export function ingressProgram(mtu: number, locals: number): Uint8Array {
  const code = new EbpfAssembler()
    .load(4, R2, R1, Context.PACKET_TYPE)
    .jumpIf(R2, '≠', 0, 'pass')
    .load(4, R2, R1, Context.VLAN_PRESENT)
    .jumpIf(R2, '=', 0, 'untagged')
    .load(4, R2, R1, Context.VLAN_TAG)
    .compute(R2, '&', VLAN_IDENTIFIER)
    .jumpIf(R2, '≠', 0, 'pass')
    .label('untagged')
    .load(4, R2, R1, Context.DATA)
    .load(4, R3, R1, Context.DATA_END);
  need(code, ETHERNET_HEADER + 20);
  code
    .load(2, R5, R2, 12)
    .jumpIf(R5, '=', network16(EtherType.IPV4), 'ipv4')
    .jumpIf(R5, '≠', network16(EtherType.IPV6), 'pass');
  ipv6(code, mtu);
  ipv4(code, mtu);
  return code
    .label('lookup')
    .loadMap(R1, locals)
    .move(R2, register(R10))
    .compute(R2, '+', -16)
    .call(Helper.MAP_LOOKUP)
    .jumpIf(R0, '=', 0, 'pass')
    .move(R0, TCX_DROP)
    .exit()
    .label('pass')
    .move(R0, TCX_NEXT)
    .exit()
    .assemble();
}

/** The packet has this many bytes from R2 on where they can be read, or it passes. */
function need(code: EbpfAssembler, bytes: number): void {
  code.move(R4, register(R2)).compute(R4, '+', bytes).jumpIf(R4, '>', register(R3), 'pass');
}

/** Passes packets whose 16-bit length at `offset` is more than `most` bytes. */
function notLonger(code: EbpfAssembler, offset: number, most: number): void {
  code
    .load(1, R5, R2, offset)
    .compute(R5, '<<', 8)
    .load(1, R4, R2, offset + 1)
    .compute(R5, '|', register(R4))
    .jumpIf(R5, '>', most, 'pass');
}

/** Key at R10 − 16. */
function ipv6(code: EbpfAssembler, mtu: number): void {
  const destination = ETHERNET_HEADER + 24;
  need(code, ETHERNET_HEADER + IPV6_HEADER);
  notLonger(code, ETHERNET_HEADER + 4, mtu - IPV6_HEADER);
  for (let i = 0; i < 16; i += 4) code.load(4, R5, R2, destination + i).store(4, R10, i - 16, register(R5));
  code
    .load(1, R5, R2, ETHERNET_HEADER + 6)
    .jumpIf(R5, '=', IpProtocol.GRE, 'lookup')
    .jumpIf(R5, '≠', IpProtocol.DESTINATION_OPTIONS, 'pass');
  // Linux puts one there for the encapsulation limit (RFC 2473 §4.1.1): eight bytes.
  need(code, ETHERNET_HEADER + IPV6_HEADER + OPTIONS);
  code
    .load(1, R5, R2, ETHERNET_HEADER + IPV6_HEADER)
    .jumpIf(R5, '≠', IpProtocol.GRE, 'pass')
    .jump('lookup');
}

function ipv4(code: EbpfAssembler, mtu: number): void {
  code
    .label('ipv4')
    .load(1, R5, R2, ETHERNET_HEADER + 9)
    .jumpIf(R5, '≠', IpProtocol.GRE, 'pass')
    .load(2, R5, R2, ETHERNET_HEADER + 6)
    .compute(R5, '&', network16(IPV4_FRAGMENT_BITS))
    .jumpIf(R5, '≠', 0, 'pass');
  notLonger(code, ETHERNET_HEADER + 2, mtu);
  code
    .store(8, R10, -16, 0)
    .store(4, R10, -8, 0xffff0000 | 0)
    .load(4, R5, R2, ETHERNET_HEADER + 16)
    .store(4, R10, -4, register(R5));
}
