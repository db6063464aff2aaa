/**
 * grebe as a library: the dataplane, its tables, the configuration that they are made of, and captures.
 *
 * ```ts
 * import { compile, createCounters, PacketPool, PacketVector, parseConfig, Pipeline, Tables, vectorRegions } from 'grebe';
 *
 * const tables = Tables.build(compile(parseConfig(yaml, 'edge.yaml')));
 * const { slots, vectors, regions } = vectorRegions(1);
 * const pool = PacketPool.create({ slots, vectors });
 * const vector = PacketVector.create(pool, regions[0]!);
 * const pipeline = new Pipeline(pool, tables, createCounters(tables.tunnelCount));
 * // a device fills the vector …
 * pipeline.run(vector, Date.now());
 * // … vector.verdict, vector.outOffset, vector.outLength say what became of each packet
 * ```
 */
export * from './config/config.js';
export { loadConfig, parseConfig } from './config/load.js';
export { ConfigError, formatProblem, type ConfigProblem } from './config/problem.js';
export * from './dataplane/counters.js';
export * from './dataplane/link-type.js';
export * from './dataplane/packet-pool.js';
export * from './dataplane/packet-vector.js';
export * from './dataplane/pipeline.js';
export * from './dataplane/tables.js';
export * from './dataplane/verdicts.js';
export { CaptureError } from './device/capture/capture-error.js';
export { openCapture } from './device/capture/capture-reader.js';
export { createCapture } from './device/capture/capture-writer.js';
export type { Device } from './device/device.js';
export { LiveCapture, listLiveInterfaces, type LiveCaptureOptions } from './device/capture/live-capture.js';
export { Cursor, type PacketCursor } from './device/capture/packet-cursor.js';
export { MemoryDevice } from './device/memory-device.js';
export { checkConfig, type CheckReport } from './network/check.js';
export { compile } from './network/compile.js';
export { replay, type ReplayOptions, type ReplayProgress } from './replay/replay.js';
export type { ReplayResult } from './replay/result.js';
