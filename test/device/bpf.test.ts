import { test } from 'tap';
import { BpfAssembler, DROP, KEEP } from '../../src/device/underlay/bpf.js';
import {
  dropAll,
  fanoutProgram,
  packetFilter,
  rawShareFilter,
} from '../../src/device/underlay/gre-filter.js';

test('instructions as the kernel’s headers define them', async (t) => {
  const program = new BpfAssembler()
    .load(2, 12)
    .when('eq', 0x800, 'ip')
    .answer(DROP)
    .label('ip')
    .loadHeaderLengthToX(14)
    .loadIndexed(4, 14)
    .compute('xor', 'x')
    .store(3)
    .unless('bits', 1, 'odd')
    .recallX(3)
    .label('odd')
    .answerA()
    .assemble();
  // As `tcpdump -ddd` writes programs: code, jt, jf, k.
  t.strictSame(
    [...program],
    [
      [0x28, 0, 0, 12],
      [0x15, 0, 1, 0x800],
      [0x05, 0, 0, 1],
      [0x06, 0, 0, 0],
      [0xb1, 0, 0, 14],
      [0x40, 0, 0, 14],
      [0xac, 0, 0, 0],
      [0x02, 0, 0, 3],
      [0x45, 1, 0, 1],
      [0x05, 0, 0, 1],
      [0x61, 0, 0, 3],
      [0x16, 0, 0, 0],
    ].flat(),
  );
});

test('labels', async (t) => {
  t.throws(() => new BpfAssembler().goto('x').assemble(), /x is not declared/);
  t.throws(
    () => new BpfAssembler().label('x').goto('x').assemble(),
    /x is not declared behind/,
    'only forwards',
  );
  t.throws(() => new BpfAssembler().label('x').label('x'), /twice/);
});

test('programs stay small', async (t) => {
  const locals = Array.from({ length: 32 }, (_, i) => [
    Uint8Array.of(10, 0, 0, i),
    Uint8Array.from({ length: 16 }, (_byte, at) => at + i),
  ]).flat();
  t.strictSame([...dropAll()], [6, 0, 0, 0]);
  t.ok(packetFilter(1500, locals).length / 4 < 600);
  t.ok(rawShareFilter(6, { index: 1, workers: 64 }, locals).length / 4 < 600);
  t.ok(fanoutProgram(64).length / 4 < 200);
  t.equal(packetFilter(1500, [...locals, Uint8Array.of(10, 0, 1, 1)]).includes(0x0a00_0000), false);
  t.equal(packetFilter(1500, locals).includes(0x0a00_0000), true);
  t.ok(packetFilter(1500, locals).includes(KEEP));
});
