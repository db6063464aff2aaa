/** Before anything is timed: TypeScript and C give the same answers, byte for byte and counter for counter. */
import { isConserved } from '../src/dataplane/counters.js';
import { VECTOR_WORDS } from '../src/dataplane/vector-layout.js';
import { VECTORS, type Arena } from './arena.js';

/** The arrays of a vector that a run fills. */
const OUTPUTS = ['verdict', 'tunnelIn', 'tunnelOut', 'outOffset', 'outLength', 'outLink'] as const;

/**
 * Sends the same packets through both, `passes` times over fresh ones.
 *
 * @param verdict the verdict that every packet of this benchmark has; 0: none yet (the first stages alone)
 * @throws Error that says what differs
 */
export function verify(arena: Arena, verdict: number, passes: number): void {
  for (let pass = 0; pass < passes; pass++) {
    arena.load();
    poison(arena);
    arena.run();
    expectVerdict(arena, verdict);
    if (arena.twin === null) continue;

    const memory = memoryOf(arena).map((array) => array.slice());
    const scratch = scratchOf(arena).map((array) => array.slice());
    arena.reload();
    poison(arena);
    const left = arena.runTwin(pass % 2 === 1);
    if (left > 0) throw new Error(`the twin did not take ${left} packets`);
    memoryOf(arena).forEach((array, k) => same(k === 0 ? 'packets' : `vector ${k - 1}`, array, memory[k]!));
    scratchOf(arena).forEach((array, k) => same(`array ${k} of the scratch`, array, scratch[k]!));
    same('counters', arena.twinCounters, arena.counters);
  }
}

/** All slots of the arena, and its vectors: parts of the pool that no other arena writes. */
function memoryOf({ pool, vectors }: Arena): Int32Array[] {
  const slotWords = pool.stride / 4;
  const first = vectors[0]!.region;
  const last = vectors.at(-1)!.region;
  const packets = pool.words.subarray(
    first.firstSlot * slotWords,
    (last.firstExtraSlot + last.extraSlots) * slotWords,
  );
  const lists = vectors.map(({ base }) => pool.words.subarray(base, base + VECTOR_WORDS));
  return [packets, ...lists];
}

function scratchOf({ way, packets }: Arena): Int32Array[] {
  const { step, ip, length, family } = way.scratch;
  const count = packets / VECTORS;
  return [step, ip, length, family].map((array) => array.subarray(0, count));
}

function expectVerdict(arena: Arena, verdict: number): void {
  for (const [v, vector] of arena.vectors.entries()) {
    const other = vector.verdict.subarray(0, vector.count).findIndex((found) => found !== verdict);
    if (other < 0) continue;
    throw new Error(`packet ${other} of vector ${v} has verdict ${vector.verdict[other]!}, not ${verdict}`);
  }
  if (verdict !== 0 && !isConserved(arena.counters)) throw new Error('packets went missing');
}

/** So that what a run does not write shows. */
function poison(arena: Arena): void {
  for (const vector of arena.vectors) for (const name of OUTPUTS) vector[name].fill(0x5555_5555);
}

function same(what: string, twin: Int32Array | Float64Array, script: Int32Array | Float64Array): void {
  for (let i = 0; i < twin.length; i++) {
    if (twin[i] !== script[i]) {
      throw new Error(`${what} differ at ${i}: ${twin[i]!} in C, ${script[i]!} in TypeScript`);
    }
  }
}
