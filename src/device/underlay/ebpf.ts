/**
 * An assembler for eBPF (RFC 9669), as much of it as programs in front of an interface need: instructions of 8 bytes, jumps to
 * labels that may come later. Little-endian machines only, as all of grebe.
 */

/** Numbers of the kernel's functions (bpf-helpers(7)). */
export const Helper = { MAP_LOOKUP: 1, REDIRECT_MAP: 51 } as const;

/** A 16-bit number as a little-endian machine reads it from a packet. */
export function network16(value: number): number {
  return ((value & 0xff) << 8) | (value >>> 8);
}

/** Registers: R0 result, R1–R5 arguments (lost in a call), R6–R9 kept, R10 frame pointer (read only). */
export const Register = {
  R0: 0,
  R1: 1,
  R2: 2,
  R3: 3,
  R4: 4,
  R5: 5,
  R6: 6,
  R7: 7,
  R8: 8,
  R9: 9,
  R10: 10,
} as const;
export type Register = (typeof Register)[keyof typeof Register];

/** Width of a load or store (RFC 9669 §5). */
const SIZE = { 1: 0x10, 2: 0x08, 4: 0x00, 8: 0x18 } as const;
export type Width = keyof typeof SIZE;

/** Arithmetic (§4.1) and jumps (§4.3): the upper four bits of the opcode. */
const ARITHMETIC = {
  '+': 0x00,
  '-': 0x10,
  '*': 0x20,
  '/': 0x30,
  '|': 0x40,
  '&': 0x50,
  '<<': 0x60,
  '>>': 0x70,
  '%': 0x90,
  '^': 0xa0,
} as const;
const JUMP = { '=': 0x10, '>': 0x20, '≥': 0x30, '≠': 0x50, '<': 0xa0, '≤': 0xb0 } as const;

const Class = { LD: 0, LDX: 1, ST: 2, STX: 3, ALU32: 4, JMP: 5, JMP32: 6, ALU64: 7 } as const;
/** Addressing of memory by register and offset (§5), and the operand's source bit. */
const MEM = 0x60;
const FROM_REGISTER = 0x08;
const MOVE = 0xb0;
const CALL = 0x80;
const EXIT = 0x90;
const ALWAYS = 0x00;
/** Source register of a 64-bit load whose immediate is the descriptor of a map (§5.4). */
const PSEUDO_MAP_FD = 1;

/** A register, or a 32-bit constant. */
export type Operand = { readonly register: Register } | number;

export function register(number: Register): { readonly register: Register } {
  return { register: number };
}

export class EbpfAssembler {
  private readonly code: number[] = [];
  private readonly labels = new Map<string, number>();
  private readonly jumps: { at: number; label: string }[] = [];

  /** The next instruction's place gets a name. */
  label(name: string): this {
    this.labels.set(name, this.code.length / 8);
    return this;
  }

  /** target = source */
  move(target: Register, source: Operand): this {
    return this.emitOperand(Class.ALU64 | MOVE, target, source);
  }

  /** target = target ⟨operator⟩ source, 64 bits, unsigned. */
  compute(target: Register, operator: keyof typeof ARITHMETIC, source: Operand): this {
    return this.emitOperand(Class.ALU64 | ARITHMETIC[operator], target, source);
  }

  /** target = target ⟨operator⟩ source in the lower 32 bits; the upper ones become 0. */
  compute32(target: Register, operator: keyof typeof ARITHMETIC, source: Operand): this {
    return this.emitOperand(Class.ALU32 | ARITHMETIC[operator], target, source);
  }

  /** target = memory[base + offset], zero-extended. */
  load(width: Width, target: Register, base: Register, offset: number): this {
    return this.emit(Class.LDX | MEM | SIZE[width], target, base, offset, 0);
  }

  /** memory[base + offset] = source */
  store(width: Width, base: Register, offset: number, source: Operand): this {
    if (typeof source === 'number') return this.emit(Class.ST | MEM | SIZE[width], base, 0, offset, source);
    return this.emit(Class.STX | MEM | SIZE[width], base, source.register, offset, 0);
  }

  /** target = the map with this descriptor */
  loadMap(target: Register, fd: number): this {
    return this.emit(Class.LD | SIZE[8], target, PSEUDO_MAP_FD, 0, fd).emit(0, 0, 0, 0, 0);
  }

  /** Jumps when left ⟨operator⟩ right; 64 bits, unsigned (a constant is sign-extended: §4.3). */
  jumpIf(left: Register, operator: keyof typeof JUMP, right: Operand, label: string): this {
    this.jumps.push({ at: this.code.length / 8, label });
    return this.emitOperand(Class.JMP | JUMP[operator], left, right);
  }

  jump(label: string): this {
    this.jumps.push({ at: this.code.length / 8, label });
    return this.emit(Class.JMP | ALWAYS, 0, 0, 0, 0);
  }

  /** Calls a helper of the kernel by its number: arguments in R1–R5, result in R0. */
  call(helper: number): this {
    return this.emit(Class.JMP | CALL, 0, 0, 0, helper);
  }

  /** Ends with the result in R0. */
  exit(): this {
    return this.emit(Class.JMP | EXIT, 0, 0, 0, 0);
  }

  /**
   * The program's bytes.
   *
   * @throws RangeError for a jump to a label that is not there
   */
  assemble(): Uint8Array {
    const bytes = Uint8Array.from(this.code);
    const view = new DataView(bytes.buffer);
    for (const { at, label } of this.jumps) {
      const target = this.labels.get(label);
      if (target === undefined) throw new RangeError(`no label ${label} in the program`);
      view.setInt16(at * 8 + 2, target - at - 1, true);
    }
    return bytes;
  }

  private emitOperand(code: number, target: Register, source: Operand): this {
    if (typeof source === 'number') return this.emit(code, target, 0, 0, source);
    return this.emit(code | FROM_REGISTER, target, source.register, 0, 0);
  }

  /** §3.1: opcode, source and target register, offset, immediate. */
  private emit(code: number, target: number, source: number, offset: number, immediate: number): this {
    const byte = (value: number, shift: number): number => (value >> shift) & 0xff;
    this.code.push(code, (source << 4) | target, byte(offset, 0), byte(offset, 8));
    this.code.push(byte(immediate, 0), byte(immediate, 8), byte(immediate, 16), byte(immediate, 24));
    return this;
  }
}
