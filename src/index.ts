/**
 * grebe as a library: the dataplane, its tables and the devices around it.
 *
 * ```ts
 * import { compile, createCounters, PacketPool, PacketVector, parseConfig, Pipeline, Tables, vectorRegions } from 'grebe';
 *
 * const tables = Tables.build(compile(parseConfig(yaml, 'edge.yaml')));
 * const { slots, regions } = vectorRegions(1);
 * const pool = PacketPool.create({ slots });
 * const vector = PacketVector.create(regions[0]!);
 * const pipeline = new Pipeline(pool, tables, createCounters(tables.tunnelCount));
 * // a device fills the vector …
 * pipeline.run(vector, Date.now());
 * // … vector.verdict, vector.outOffset, vector.outLength say what became of each packet
 * ```
 */
export * from './dataplane/counters.js';
export * from './dataplane/link-type.js';
export * from './dataplane/packet-pool.js';
export * from './dataplane/packet-vector.js';
export * from './dataplane/pipeline.js';
export * from './dataplane/tables.js';
export * from './dataplane/verdicts.js';
