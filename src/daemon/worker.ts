/** A worker thread: makes its pipeline and ports, warms up, waits for the word to run, and runs. */
import { parentPort, workerData } from 'node:worker_threads';
import { PacketPool } from '../dataplane/packet-pool.js';
import { PacketVector } from '../dataplane/packet-vector.js';
import { Pipeline } from '../dataplane/pipeline.js';
import { Tables } from '../dataplane/tables.js';
import { loadAddon } from '../device/native/addon.js';
import type { Port } from '../device/port.js';
import { CaptureTap } from '../observability/capture-tap.js';
import { payloadKernels } from '../wire/payload.js';
import { createSplitter } from '../wire/split.js';
import { Loop } from './loop.js';
import { PacketQueue } from './packet-queue.js';
import { gathers, isMadeLate, openAnyPort } from './ports.js';
import { answerTaker } from './probe-answers.js';
import { ProbeInlet } from './probe-inlet.js';
import { warmUp } from './warm-up.js';
import { ANSWERS, Command, READY, State, Word, type WorkerInput } from './worker-memory.js';

const input = workerData as WorkerInput;
const { words, statistics, counters, memory, wakeFd, busyPoll, health } = input;
const pool = PacketPool.open(memory.pool);
const kernels = payloadKernels(pool.memory);
const tables = Tables.open(input.tables);
const pipeline = new Pipeline(pool, tables, counters, {
  icmpPerSecond: input.icmpPerSecond,
  ...(health === null ? {} : { takeLocal: answerTaker(PacketQueue.open(health.answers), tellMainThread) }),
});

warmUp(pipeline, pool, PacketVector.open(pool, memory.warmUp), input.warmUp, input.warmUpMs);
counters.fill(0);

const [underlayVector, overlayVector] = memory.vectors.map((vector) => PacketVector.open(pool, vector)) as [
  PacketVector,
  PacketVector,
];

const splitter = createSplitter(
  pool.bytes,
  kernels,
  input.overlay.kind === 'tap',
  gathers(input.underlay) ? overlayVector : null,
);

function tellMainThread(): void {
  parentPort?.postMessage(ANSWERS);
}

function openUnderlay(): Port {
  const { offset: stagingOffset, bytes: stagingBytes } = memory.staging[0];
  return openAnyPort(input.underlay, {
    ...{ pool, vector: underlayVector, stagingOffset, stagingBytes, kernels, splitter },
    gathers: gathers(input.overlay),
  });
}

function openOverlay(): Port {
  const { offset: stagingOffset, bytes: stagingBytes } = memory.staging[1];
  const port = openAnyPort(input.overlay, {
    ...{ pool, vector: overlayVector, stagingOffset, stagingBytes, kernels, splitter },
    gathers: gathers(input.underlay),
  });
  return health === null ? port : new ProbeInlet(port, PacketQueue.open(health.probes), pool);
}

// What can be made before the word to run comes is made before.
const early = [
  isMadeLate(input.underlay) ? null : openUnderlay(),
  isMadeLate(input.overlay) ? null : openOverlay(),
] as const;
const tap = new CaptureTap(input.capture, pool, input.generation);
const addon = wakeFd < 0 ? null : loadAddon();

Atomics.store(words, Word.STATE, State.READY);
parentPort?.postMessage(READY);
while (Atomics.load(words, Word.COMMAND) === Command.WAIT) Atomics.wait(words, Word.COMMAND, Command.WAIT);
if (Atomics.load(words, Word.COMMAND) !== Command.STOP) {
  const underlay = early[0] ?? openUnderlay();
  const overlay = early[1] ?? openOverlay();
  new Loop({
    ...{ words, statistics, pipeline, underlay, overlay, underlayVector, overlayVector },
    reader: tables.reader({ words, at: Word.READER }),
    ...{ tap, busyPoll, wakeFd, addon, now: performance.now.bind(performance) },
  }).run();
  underlay.close();
  overlay.close();
}
Atomics.store(words, Word.STATE, State.STOPPED);
Atomics.notify(words, Word.STATE);
