/**
 * Reassembly once more, for reading: a list of pieces for each datagram, a map of bytes, everything copied. It shares
 * no code with src/network/reassembly.
 */
import type { ReassemblyReason } from '../../../src/network/reassembly/reassembly-reasons.js';

export type Judged =
  | { readonly what: 'pass' | 'held' }
  | { readonly what: 'dropped'; readonly reason: ReassemblyReason }
  | { readonly what: 'whole'; readonly packet: Uint8Array };

interface Piece {
  readonly offset: number;
  readonly data: Uint8Array;
  readonly more: boolean;
  readonly ecn: number;
  /** What stands in front of the data, as it is to stand in the whole packet. */
  readonly header: Uint8Array;
  readonly key: string;
  readonly version: number;
  /** The first fragment of IPv6 holds all headers, and not too many in front. */
  readonly chainOk: boolean;
}

interface Datagram {
  readonly deadline: number;
  pieces: Piece[];
  dead: ReassemblyReason | null;
}

const at16 = (bytes: Uint8Array, at: number): number => bytes[at]! * 256 + bytes[at + 1]!;
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

function internetSum(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += bytes[i]! * 256 + (bytes[i + 1] ?? 0);
  while (sum > 65_535) sum = (sum % 65_536) + Math.floor(sum / 65_536);
  return sum;
}

function open4(bytes: Uint8Array, pass: readonly number[]): Piece | null {
  const size = (bytes[0]! & 15) * 4;
  const total = at16(bytes, 2);
  if (size < 20 || size > total || total > bytes.length) return null;
  const fragment = at16(bytes, 6);
  if ((fragment & 0x3fff) === 0 || internetSum(bytes.slice(0, size)) !== 65_535) return null;
  if (pass.includes(bytes[9]!)) return null;
  const header = bytes.slice(0, size);
  header[6] = header[6]! & 0xc0;
  header[7] = 0;
  return {
    offset: (fragment & 0x1fff) * 8,
    data: bytes.slice(size, total),
    more: (fragment & 0x2000) !== 0,
    ecn: bytes[1]! % 4,
    header,
    key: `4 ${hex(bytes.slice(12, 20))} ${bytes[9]!} ${at16(bytes, 4)}`,
    version: 4,
    chainOk: true,
  };
}

/** Whether the headers behind a fragment header are all there, up to that of the upper layer. */
function hasWholeChain(first: number, data: Uint8Array): boolean {
  const least: Partial<Record<number, number>> = { 6: 20, 17: 8, 58: 8, 47: 4, 50: 8, 59: 0 };
  let next = first;
  let at = 0;
  for (let count = 0; count < 9; count++) {
    const isOptions = [0, 43, 60].includes(next);
    if (next === 44) return false;
    if (!isOptions && next !== 51) return at + (least[next] ?? 1) <= data.length;
    if (at + 2 > data.length) return false;
    next = data[at]!;
    at += isOptions ? 8 + data[at + 1]! * 8 : 8 + data[at + 1]! * 4;
    if (at > data.length) return false;
  }
  return false;
}

function open6(bytes: Uint8Array, pass: readonly number[]): Piece | null {
  if (bytes.length < 40 || bytes.length < 40 + at16(bytes, 4)) return null;
  const packet = bytes.slice(0, 40 + at16(bytes, 4));
  let announcer = 6;
  let at = 40;
  for (let count = 0; packet[announcer] !== 44; count++) {
    if (count === 8 || ![0, 43, 60].includes(packet[announcer]!) || at + 8 > packet.length) return null;
    announcer = at;
    at += 8 + packet[at + 1]! * 8;
  }
  if (at + 8 > packet.length) return null;
  const offsetAndMore = at16(packet, at + 2);
  const offset = Math.floor(offsetAndMore / 8) * 8;
  const more = offsetAndMore % 2 === 1;
  if ((offset === 0 && !more) || pass.includes(packet[at]!)) return null;
  const header = packet.slice(0, at);
  header[announcer] = packet[at]!;
  const data = packet.slice(at + 8);
  return {
    offset,
    data,
    more,
    ecn: Math.floor(packet[1]! / 16) % 4,
    header,
    key: `6 ${hex(packet.slice(8, 40))} ${hex(packet.slice(at + 4, at + 8))}`,
    version: 6,
    chainOk: offset > 0 || (at <= 256 && hasWholeChain(packet[at]!, data)),
  };
}

export class NaiveReassembly {
  readonly dropped = new Map<ReassemblyReason, number>();
  private readonly datagrams = new Map<string, Datagram>();

  constructor(
    private readonly bounds: {
      datagrams: number;
      fragments: number;
      timeoutMs: number;
      pass: readonly number[];
    },
  ) {}

  get held(): number {
    return [...this.datagrams.values()].reduce((sum, { pieces }) => sum + pieces.length, 0);
  }

  offer(bytes: Uint8Array, nowMs: number): Judged {
    for (const [key, datagram] of this.datagrams) {
      if (datagram.deadline <= nowMs) this.giveUp(key, datagram, 'timed_out');
    }
    const version = bytes.length < 20 ? 0 : bytes[0]! >> 4;
    const open = version === 4 ? open4 : version === 6 ? open6 : null;
    const piece = open?.(bytes, this.bounds.pass) ?? null;
    if (piece === null) return { what: 'pass' };
    const around = piece.version === 4 ? piece.header.length : piece.header.length - 40;
    if (piece.data.length === 0) return this.drop('empty');
    if (piece.more && piece.data.length % 8 !== 0) return this.drop('misaligned');
    if (around + piece.offset + piece.data.length > 65_535) return this.drop('too_long');
    return this.add(piece, nowMs);
  }

  private add(piece: Piece, nowMs: number): Judged {
    let datagram = this.datagrams.get(piece.key);
    if (datagram === undefined) {
      if (this.datagrams.size === this.bounds.datagrams) {
        const [key, oldest] = [...this.datagrams][0]!;
        this.giveUp(key, oldest, 'evicted');
      }
      datagram = { deadline: nowMs + this.bounds.timeoutMs, pieces: [], dead: null };
      this.datagrams.set(piece.key, datagram);
    }
    if (datagram.dead !== null) return this.drop(datagram.dead);
    const { pieces } = datagram;
    const why = whyNot(piece, pieces, this.bounds.fragments);
    if (why === 'duplicate') return this.drop(why);
    pieces.push(piece);
    if (why !== null) return this.kill(datagram, why);
    return this.finish(piece.key, datagram);
  }

  private finish(key: string, datagram: Datagram): Judged {
    const pieces = [...datagram.pieces].sort((a, b) => a.offset - b.offset);
    const isComplete =
      !pieces.at(-1)!.more &&
      pieces.every(({ offset }, i) => offset === (i === 0 ? 0 : endOf(pieces[i - 1]!)));
    if (!isComplete) return { what: 'held' };
    const codes = pieces.map(({ ecn }) => ecn);
    if (codes.includes(3) && codes.includes(0)) return this.kill(datagram, 'ecn_mixed');
    const { header, version } = pieces[0]!;
    const total = header.length + endOf(pieces.at(-1)!);
    if (total - (version === 4 ? 0 : 40) > 65_535) return this.kill(datagram, 'too_long');
    this.datagrams.delete(key);
    const packet = Uint8Array.from([...header, ...pieces.flatMap(({ data }) => [...data])]);
    const length = version === 4 ? total : total - 40;
    packet.set([length >> 8, length & 255], version === 4 ? 2 : 4);
    if (codes.includes(3)) packet[1] = packet[1]! | (version === 4 ? 3 : 0x30);
    if (version === 4) {
      packet.set([0, 0], 10);
      const sum = 65_535 - internetSum(packet.slice(0, header.length));
      packet.set([sum >> 8, sum & 255], 10);
    }
    return { what: 'whole', packet };
  }

  private kill(datagram: Datagram, reason: ReassemblyReason): Judged {
    datagram.dead = reason;
    this.count(reason, datagram.pieces.length);
    datagram.pieces = [];
    return { what: 'dropped', reason };
  }

  private giveUp(key: string, datagram: Datagram, reason: ReassemblyReason): void {
    this.count(reason, datagram.pieces.length);
    this.datagrams.delete(key);
  }

  private drop(reason: ReassemblyReason): Judged {
    this.count(reason, 1);
    return { what: 'dropped', reason };
  }

  private count(reason: ReassemblyReason, fragments: number): void {
    this.dropped.set(reason, (this.dropped.get(reason) ?? 0) + fragments);
  }
}

function endOf({ offset, data }: Piece): number {
  return offset + data.length;
}

/** Why a piece does not go with those that are there; null when it does. */
function whyNot(piece: Piece, pieces: readonly Piece[], most: number): ReassemblyReason | null {
  if (!piece.chainOk) return 'header_chain';
  const isSame = (other: Piece): boolean =>
    other.offset === piece.offset && other.more === piece.more && hex(other.data) === hex(piece.data);
  if (pieces.some(isSame)) return 'duplicate';
  const last = pieces.find(({ more }) => !more);
  const farthest = Math.max(0, ...pieces.map(endOf));
  if (last !== undefined) {
    if (endOf(piece) > endOf(last)) return 'contradiction';
    if (piece.more ? endOf(piece) === endOf(last) : endOf(piece) !== endOf(last)) return 'contradiction';
  } else if (!piece.more && farthest > endOf(piece)) {
    return 'contradiction';
  }
  if (pieces.some((other) => other.offset < endOf(piece) && piece.offset < endOf(other))) return 'overlap';
  return pieces.length === most ? 'too_many' : null;
}
