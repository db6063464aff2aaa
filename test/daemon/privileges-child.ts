/** A program as `grebe run` begins: gives up privileges, then shows what it and its threads have left. */
import { readdirSync, readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { loadAddon } from '../../src/device/native/addon.js';
import { dropPrivileges, type Capability } from '../../src/daemon/privileges.js';

const keep = (process.argv[2] ?? '').split(',').filter((name) => name !== '') as Capability[];
// One line each time that the program begins.
process.stdout.write('begins\n');
const pid = process.pid;
// As a program file begins that has them as permitted only.
if (process.argv[3] === 'lower') loadAddon().setEffective(0, 0);
const files = process.argv[3] === 'reads' ? process.argv.slice(4) : [];
const note = dropPrivileges(keep, { lockMemory: true, files });
const worker = new Worker('setTimeout(() => {}, 1e6)', { eval: true });
worker.once('online', () => {
  const threads = readdirSync('/proc/self/task').map((thread) => {
    const status = readFileSync(`/proc/self/task/${thread}/status`, 'utf8');
    const field = (name: string): string => new RegExp(`^${name}:\\s*(\\S+)$`, 'm').exec(status)?.[1] ?? '';
    return [field('CapPrm'), field('CapEff'), field('CapBnd'), field('NoNewPrivs')].join(' ');
  });
  const answer = {
    note,
    pid,
    args: process.argv.slice(2),
    execArgv: process.execArgv,
    marked: process.env['GREBE_PRIVILEGES_DROPPED'] ?? null,
    kept: process.env['GREBE_TEST_VALUE'] ?? null,
    threads: threads.length,
    states: [...new Set(threads)],
  };
  process.stdout.write(`${JSON.stringify(answer)}\n`, () => process.exit(0));
});
