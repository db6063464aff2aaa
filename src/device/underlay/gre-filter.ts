/**
 * The BPF programs of the underlay's sockets: what a socket takes, and how workers share it.
 *
 * Any worker may have any packet, but each packet must go to exactly one, and the packets of a flow to the
 * same one, so that they keep their order. So a share is a function of what all packets of a flow have in
 * common: outer source and inner addresses. A packet too short for that is shared by what it has.
 */
import {
  ETHERNET_HEADER,
  EtherType,
  IpProtocol,
  IPV4_FRAGMENT_BITS,
  IPV6_HEADER,
  VLAN_IDENTIFIER,
  VLAN_TAG,
} from '../../wire/protocol.js';
import { Ancillary, BpfAssembler, DROP, FROM_NETWORK_HEADER, KEEP } from './bpf.js';

/** Memory cells. */
const HASH = 0;
const GRE = 1;
const FLAGS = 2;
const INNER = 3;
const NEXT = 4;
/** Four cells. */
const ADDRESS = 5;

/**
 * More local addresses of a family than this are not compared, for the dataplane checks them anyway, and the
 * kernel lets a socket have a program of 10 KB or less (net.core.optmem_max, half of it while replacing one).
 */
const MOST_LOCALS = 32;

/** An odd number near 2³² / golden ratio: spreads neighbouring values. */
const SPREAD = 0x9e3779b1 | 0;

/** Of an IPv6 address. */
const WORDS = [0, 1, 2, 3] as const;

/** What is left of a number of workers for one of them. */
export interface Share {
  readonly index: number;
  readonly workers: number;
}

/** An interface whose whole packets an AF_PACKET socket takes. */
export interface TakenInterface {
  readonly index: number;
  readonly mtu: number;
}

/** Takes nothing. */
export function dropAll(): Int32Array {
  return new BpfAssembler().answer(DROP).assemble();
}

/**
 * For a raw socket of protocol 47: the worker's share of what is sent to one of `locals` (4 or 16 bytes each;
 * when there is none of the family, to any address). Of IPv4 packets the program sees all, of IPv6 packets
 * what is behind the IPv6 header.
 */
export function rawShareFilter(family: 4 | 6, share: Share, locals: readonly Uint8Array[]): Int32Array {
  const program = new BpfAssembler();
  checkRawDestination(program, family, locals);
  if (share.workers > 1) {
    if (family === 4) startHash4(program, 0);
    else startHash6(program, FROM_NETWORK_HEADER).setX(0);
    finishHash(program, share.workers);
    program.unless('eq', share.index, 'drop');
  }
  return end(program);
}

/**
 * For the raw socket beside AF_PACKET sockets on the interfaces `taken`: what those cannot have, which is
 * packets that the kernel put together from fragments (longer than the interface's MTU) and what came through
 * another interface. The two filters are each other's complement.
 */
export function rawRemainderFilter(
  family: 4 | 6,
  taken: readonly TakenInterface[],
  locals: readonly Uint8Array[],
): Int32Array {
  const program = new BpfAssembler();
  checkRawDestination(program, family, locals);
  for (const { index, mtu } of taken) {
    program.load(4, Ancillary.INTERFACE).unless('eq', index, `not ${index}`);
    if (family === 4) program.load(2, 2).unless('gt', mtu, 'drop');
    else program.load(2, FROM_NETWORK_HEADER + 4).unless('gt', mtu - IPV6_HEADER, 'drop');
    program.goto('keep').label(`not ${index}`);
  }
  return end(program.label('keep'));
}

/**
 * For an AF_PACKET socket with link headers on an Ethernet interface: whole GRE packets to this machine and to
 * one of `locals`, of at most `mtu` bytes, without VLAN tag (or with that of VLAN 0, which means none), or
 * behind one tag that the kernel has left in the frame. What carries a tag that the kernel took out belongs to
 * the VLAN's own interface.
 */
export function packetFilter(mtu: number, locals: readonly Uint8Array[]): Int32Array {
  const program = new BpfAssembler()
    .load(4, Ancillary.PACKET_TYPE)
    .unless('eq', 0, 'drop')
    .load(4, Ancillary.VLAN_PRESENT)
    .when('eq', 0, 'untagged')
    .load(4, Ancillary.VLAN_TAG)
    .when('bits', VLAN_IDENTIFIER, 'drop')
    .label('untagged')
    .load(2, 12)
    .setX(ETHERNET_HEADER)
    .when('eq', EtherType.IPV4, 'four')
    .when('eq', EtherType.IPV6, 'six')
    .unless('eq', EtherType.VLAN, 'drop')
    .load(2, ETHERNET_HEADER + 2)
    .setX(ETHERNET_HEADER + VLAN_TAG)
    .when('eq', EtherType.IPV4, 'four')
    .when('eq', EtherType.IPV6, 'six')
    .goto('drop')
    .label('four')
    .loadIndexed(1, 9)
    .unless('eq', IpProtocol.GRE, 'drop')
    .loadIndexed(2, 6)
    .when('bits', IPV4_FRAGMENT_BITS, 'drop')
    .loadIndexed(2, 2)
    .when('gt', mtu, 'drop')
    .loadIndexed(4, 16);
  checkAddress4(program, locals, 'keep')
    .label('six')
    .loadIndexed(2, 4)
    .when('gt', mtu - IPV6_HEADER, 'drop');
  for (const word of WORDS) program.loadIndexed(4, 24 + 4 * word).store(ADDRESS + word);
  checkAddress6(program, locals, 'to us').label('to us');
  findGre6(program, 'drop');
  return end(program.label('keep'));
}

/** For PACKET_FANOUT_DATA: which socket of the group gets a packet. The program sees it from its IP header on. */
export function fanoutProgram(workers: number): Int32Array {
  const program = new BpfAssembler()
    .load(1, 0)
    .compute('shr', 4)
    .when('eq', 4, 'four')
    .when('eq', 6, 'six')
    .answer(0)
    .label('six');
  startHash6(program, 0).setX(0);
  findGre6(program, 'hashed');
  program.goto('gre').label('four');
  startHash4(program, 0);
  program.label('gre');
  finishHash(program, workers);
  return program.answerA().assemble();
}

function end(program: BpfAssembler): Int32Array {
  return program.answer(KEEP).label('drop').answer(DROP).assemble();
}

function checkRawDestination(program: BpfAssembler, family: 4 | 6, locals: readonly Uint8Array[]): void {
  if (family === 4) {
    checkAddress4(program.load(4, 16), locals, 'to us');
  } else {
    for (const word of WORDS) program.load(4, FROM_NETWORK_HEADER + 24 + 4 * word).store(ADDRESS + word);
    checkAddress6(program, locals, 'to us');
  }
  program.label('to us');
}

/** Goes to `target` when A is one of the IPv4 addresses, to `drop` otherwise. */
function checkAddress4(program: BpfAssembler, locals: readonly Uint8Array[], target: string): BpfAssembler {
  const own = comparable(locals, 4);
  if (own === null) return program.goto(target);
  for (const [word] of own) program.when('eq', word!, target);
  return program.goto('drop');
}

/** The same with the IPv6 addresses and M[ADDRESS…]. */
function checkAddress6(program: BpfAssembler, locals: readonly Uint8Array[], target: string): BpfAssembler {
  const own = comparable(locals, 16);
  if (own === null) return program.goto(target);
  for (const [i, words] of own.entries()) {
    // The last word differs most.
    for (const word of WORDS.toReversed()) {
      program.recall(ADDRESS + word).unless('eq', words[word]!, `not address ${i}`);
    }
    program.goto(target).label(`not address ${i}`);
  }
  return program.goto('drop');
}

/** The addresses of a family in words; null when they are not to be compared. */
function comparable(locals: readonly Uint8Array[], size: 4 | 16): number[][] | null {
  const own = locals.filter((address) => address.length === size);
  if (own.length === 0 || own.length > MOST_LOCALS) return null;
  return own.map((address) => {
    const view = new DataView(address.buffer, address.byteOffset, size);
    return WORDS.slice(0, size / 4).map((word) => view.getInt32(4 * word));
  });
}

/** X = offset of the GRE header, from that of the IPv6 header; behind at most two headers of options. */
function findGre6(program: BpfAssembler, otherwise: string): void {
  program.fromX().compute('add', IPV6_HEADER).store(NEXT);
  program.loadIndexed(1, 6).recallX(NEXT);
  for (const header of [1, 2]) {
    program
      .when('eq', IpProtocol.GRE, 'gre6')
      .when('eq', IpProtocol.HOP_BY_HOP, `options ${header}`)
      .unless('eq', IpProtocol.DESTINATION_OPTIONS, otherwise)
      .label(`options ${header}`)
      .loadIndexed(1, 1)
      .compute('add', 1)
      .compute('shl', 3)
      .compute('add', 'x')
      .store(NEXT)
      .loadIndexed(1, 0)
      .recallX(NEXT);
  }
  program.unless('eq', IpProtocol.GRE, otherwise).label('gre6');
}

/** M[HASH] = a function of the outer source; X = offset of the GRE header. */
function startHash4(program: BpfAssembler, ip: number): void {
  program
    .load(4, ip + 12)
    .compute('mul', SPREAD)
    .store(HASH)
    .loadHeaderLengthToX(ip);
}

function startHash6(program: BpfAssembler, ip: number): BpfAssembler {
  program
    .load(4, ip + 12)
    .compute('mul', SPREAD)
    .toX()
    .load(4, ip + 20);
  return program.compute('xor', 'x').compute('mul', SPREAD).store(HASH);
}

/** A = the number of the worker, from M[HASH], and, with X = offset of the GRE header, the inner addresses. */
function finishHash(program: BpfAssembler, workers: number): void {
  need(program, 4);
  program
    .storeX(GRE)
    // Four bytes each for checksum, key and sequence number.
    .loadIndexed(1, 0)
    .store(FLAGS)
    .compute('shr', 7)
    .toX();
  for (const bit of [5, 4])
    program.recall(FLAGS).compute('shr', bit).compute('and', 1).compute('add', 'x').toX();
  program
    .fromX()
    .compute('add', 1)
    .compute('shl', 2)
    .recallX(GRE)
    .compute('add', 'x')
    .store(INNER)
    .loadIndexed(2, 2)
    .recallX(INNER)
    .when('eq', EtherType.IPV4, 'inner 4')
    .when('eq', EtherType.IPV6, 'inner 6')
    .unless('eq', EtherType.TEB, 'hashed');
  need(program, 12);
  mix(program, 0, 4, 8).goto('hashed').label('inner 4');
  need(program, 20);
  mix(program, 12, 16).goto('hashed').label('inner 6');
  need(program, 40);
  mix(program, 16, 20, 32, 36).label('hashed').recall(HASH);
  // The upper bits depend on all of the lower ones, but not the other way round.
  program.compute('shr', 12).compute('mod', workers);
}

/** Goes to `hashed` unless the packet has `bytes` more from X on. */
function need(program: BpfAssembler, bytes: number): void {
  program.loadLength().unless('ge', 'x', 'hashed').compute('sub', 'x').unless('ge', bytes, 'hashed');
}

/** Mixes the words at these offsets from X into M[HASH]; X = M[INNER]. */
function mix(program: BpfAssembler, ...offsets: readonly number[]): BpfAssembler {
  for (const offset of offsets) {
    program.loadIndexed(4, offset).recallX(HASH).compute('xor', 'x').compute('mul', SPREAD);
    program.toX().compute('shr', 15).compute('xor', 'x').store(HASH).recallX(INNER);
  }
  return program;
}
