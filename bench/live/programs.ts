/** The C programs of bench/live: compiled on the way, into bench/build, when they have changed. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Compiler } from '#compile-addon';

const SOURCES = fileURLToPath(new URL('../../../bench/live/', import.meta.url));
const BUILD = fileURLToPath(new URL('../../../bench/build/', import.meta.url));
const FLAGS = ['-O3', '-march=native', '-Wall', '-Wextra', '-pthread'];

/** Paths of the executables. */
export interface Programs {
  /** The daemon in C. */
  readonly twin: string;
  /** Fills a forwarder's queue and counts what comes back. */
  readonly flood: string;
  /** UDP from one namespace to another: rate and latency. */
  readonly udp: string;
}

const PARTS: Record<keyof Programs, readonly string[]> = {
  twin: ['main', 'gre', 'sockets', 'packet', 'xdp', 'bpf', 'tun', 'coalesce'].map((name) => `twin/${name}.c`),
  flood: ['traffic/flood.c', ...['gre', 'sockets', 'packet', 'xdp', 'bpf'].map((name) => `twin/${name}.c`)],
  udp: ['traffic/udp.c'],
};

/** @throws Error with the compiler's messages */
export function compilePrograms(compiler: Compiler): Programs {
  const hash = createHash('sha256');
  for (const folder of ['traffic', 'twin']) {
    for (const file of readdirSync(join(SOURCES, folder)).sort()) {
      hash.update(readFileSync(join(SOURCES, folder, file)));
    }
  }
  for (const part of [compiler.version, ...FLAGS, cpus()[0]?.model ?? '']) hash.update(part);
  const version = hash.digest('hex').slice(0, 16);
  mkdirSync(BUILD, { recursive: true });
  const build = (name: keyof Programs): string => compile(compiler, name, join(BUILD, `${name}-${version}`));
  return { twin: build('twin'), flood: build('flood'), udp: build('udp') };
}

function compile({ command }: Compiler, name: keyof Programs, target: string): string {
  if (existsSync(target)) return target;
  const unfinished = `${target}.${process.pid}`;
  const sources = PARTS[name].map((part) => join(SOURCES, part));
  const { status, stderr } = spawnSync(command, [...FLAGS, '-o', unfinished, ...sources], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`${command} cannot compile ${name}:\n${stderr}`);
  renameSync(unfinished, target);
  return target;
}
