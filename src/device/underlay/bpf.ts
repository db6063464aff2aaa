/**
 * A small assembler for classic BPF, the programs that a socket runs over each packet before it queues it
 * (Linux: Documentation/networking/filter.rst). A program has an accumulator A, an index register X and
 * sixteen words of memory; it runs forwards only. A load from outside of the packet ends it with 0: dropped.
 */

/** Offsets at which the kernel tells about the packet, instead of showing its bytes. */
const ANCILLARY = -0x1000;
export const Ancillary = {
  /** 0: to this machine; others: broadcast, multicast, to another machine, outgoing. */
  PACKET_TYPE: ANCILLARY + 4,
  /** The kernel's index of the interface through which it came. */
  INTERFACE: ANCILLARY + 8,
  /** The 802.1Q tag that the kernel has taken out of the frame: its 16 bits, and whether there was one. */
  VLAN_TAG: ANCILLARY + 44,
  VLAN_PRESENT: ANCILLARY + 48,
} as const;

/** Added to an offset: from the network header on. Reaches what lies in the packet's first buffer only. */
export const FROM_NETWORK_HEADER = -0x100000;

const LOAD_SIZE = { 1: 0x10, 2: 0x08, 4: 0x00 } as const;
const LOAD = 0x00;
const LOAD_X = 0x01;
const STORE = 0x02;
const STORE_X = 0x03;
const RETURN = 0x06;
const JUMP = 0x05;
const MODE_ABSOLUTE = 0x20;
const MODE_INDEXED = 0x40;
const MODE_MEMORY = 0x60;
const MODE_LENGTH = 0x80;
const LOAD_X_HEADER_LENGTH = 0xb1;
const A_TO_X = 0x07;
const X_TO_A = 0x87;
const WITH_X = 0x08;

const OPERATION = { add: 0x04, sub: 0x14, mul: 0x24, and: 0x54, shl: 0x64, shr: 0x74, mod: 0x94, xor: 0xa4 };
const TEST = { eq: 0x10, gt: 0x20, ge: 0x30, bits: 0x40 };

/** What a filter answers: how many bytes of the packet are kept. */
export const KEEP = 0x7fffffff;
export const DROP = 0;

interface Instruction {
  readonly code: number;
  readonly whenTrue: number;
  readonly whenFalse: number;
  readonly k: number;
  /** Where a jump goes; its distance becomes k. */
  readonly target?: string;
}

/** Sizes are in bytes, multi-byte loads in network order; labels are declared behind their use. */
export class BpfAssembler {
  private readonly instructions: Instruction[] = [];
  private readonly labels = new Map<string, number>();

  /** A = the `size` bytes at offset `at`. */
  load(size: 1 | 2 | 4, at: number): this {
    return this.emit(LOAD | MODE_ABSOLUTE | LOAD_SIZE[size], at);
  }
  /** A = the `size` bytes at offset X + `at`. */
  loadIndexed(size: 1 | 2 | 4, at: number): this {
    return this.emit(LOAD | MODE_INDEXED | LOAD_SIZE[size], at);
  }
  /** A = length of the packet. */
  loadLength(): this {
    return this.emit(LOAD | MODE_LENGTH, 0);
  }
  /** X = `value`. */
  setX(value: number): this {
    return this.emit(LOAD_X, value);
  }
  /** X = 4 × the low four bits of the byte at offset `at`: the length of an IPv4 header. */
  loadHeaderLengthToX(at: number): this {
    return this.emit(LOAD_X_HEADER_LENGTH, at);
  }
  /** M[cell] = A, A = M[cell], and the same for X; cells 0 to 15. */
  store(cell: number): this {
    return this.emit(STORE, cell);
  }
  recall(cell: number): this {
    return this.emit(LOAD | MODE_MEMORY, cell);
  }
  storeX(cell: number): this {
    return this.emit(STORE_X, cell);
  }
  recallX(cell: number): this {
    return this.emit(LOAD_X | MODE_MEMORY, cell);
  }
  /** X = A. */
  toX(): this {
    return this.emit(A_TO_X, 0);
  }
  /** A = X. */
  fromX(): this {
    return this.emit(X_TO_A, 0);
  }
  /** A = A op operand, unsigned, modulo 2³². */
  compute(operation: keyof typeof OPERATION, operand: number | 'x'): this {
    const code = OPERATION[operation];
    return operand === 'x' ? this.emit(code | WITH_X, 0) : this.emit(code, operand);
  }

  label(name: string): this {
    if (this.labels.has(name)) throw new RangeError(`label ${name} is declared twice`);
    this.labels.set(name, this.instructions.length);
    return this;
  }
  goto(target: string): this {
    this.instructions.push({ code: JUMP, whenTrue: 0, whenFalse: 0, k: 0, target });
    return this;
  }
  /** Goes to `target` when A compares so with the operand (unsigned; `bits`: they have a bit in common). */
  when(test: keyof typeof TEST, operand: number | 'x', target: string): this {
    return this.branch(test, operand, false).goto(target);
  }
  /** Goes to `target` when it does not. */
  unless(test: keyof typeof TEST, operand: number | 'x', target: string): this {
    return this.branch(test, operand, true).goto(target);
  }
  /** Ends with this answer. */
  answer(value: number): this {
    return this.emit(RETURN, value);
  }
  /** Ends with A as the answer. */
  answerA(): this {
    return this.emit(RETURN | 0x10, 0);
  }

  /**
   * [code, jt, jf, k] for each instruction, as SocketCalls.setSocketProgram takes it.
   *
   * @throws RangeError for a label that is not declared behind its use
   */
  assemble(): Int32Array {
    const words = new Int32Array(this.instructions.length * 4);
    for (const [i, { code, whenTrue, whenFalse, k, target }] of this.instructions.entries()) {
      words.set([code, whenTrue, whenFalse, target === undefined ? k : this.distance(i, target)], i * 4);
    }
    return words;
  }

  private distance(from: number, target: string): number {
    const to = this.labels.get(target);
    if (to === undefined || to <= from)
      throw new RangeError(`label ${target} is not declared behind its use`);
    return to - from - 1;
  }

  /** Passes over the next instruction, a jump of any distance, when the test comes out as `skipWhen`. */
  private branch(test: keyof typeof TEST, operand: number | 'x', skipWhen: boolean): this {
    const withX = operand === 'x';
    this.instructions.push({
      code: JUMP | TEST[test] | (withX ? WITH_X : 0),
      whenTrue: skipWhen ? 1 : 0,
      whenFalse: skipWhen ? 0 : 1,
      k: withX ? 0 : operand,
    });
    return this;
  }

  private emit(code: number, k: number): this {
    this.instructions.push({ code, whenTrue: 0, whenFalse: 0, k });
    return this;
  }
}
