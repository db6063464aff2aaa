/** The machine, for readers of the numbers. */
import { cpus, totalmem } from 'node:os';
import type { Compiler } from '#compile-addon';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly node: string;
  readonly v8: string;
  readonly platform: string;
  /** Compiler of the twin; null when there is none. */
  readonly cc: string | null;
}

export function describeMachine(compiler: Compiler | null): Machine {
  const all = cpus();
  return {
    cpu: all[0]?.model.trim() ?? 'unknown',
    cores: all.length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    v8: process.versions.v8,
    platform: `${process.platform} ${process.arch}`,
    cc: compiler?.version ?? null,
  };
}
