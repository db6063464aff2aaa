/** A worker that is held up between the two loads of a next hop (createRouteStages): where buckets begin, and a bucket. */
import { parentPort, workerData } from 'node:worker_threads';
import { Tables } from '../../src/dataplane/tables.js';
import { ParkedWord, type ParkedWorker } from './parked-word.js';

const { tables, words, group } = workerData as ParkedWorker;
const { groups, buckets } = tables;
const reader = Tables.open(tables).reader({ words, at: ParkedWord.READER });

reader.begin();
const start = groups[group]!;
const count = groups[group + 1]!;
parentPort!.postMessage({ start });
Atomics.wait(words, ParkedWord.GATE, 0);
const owners = [...new Set(buckets.subarray(start, start + count))];
reader.end();
parentPort!.postMessage({ owners });
