/** Contenders brought up, each on a cable of its own. */
import { spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { addressCable, knows, layCable, removeCable, type Cable } from './cable.js';
import { FORWARD, type Contender } from './contender.js';
import type { Results } from './results.js';
import type { Running } from './running.js';

const READY_TURNS = 60;
const READY_STEP_MS = 100;

/** A contender that carries packets. */
export class Stage {
  private constructor(
    readonly contender: Contender,
    readonly cable: Cable,
    private readonly running: readonly Running[],
  ) {}

  /** Both ends of a tunnel between A and B, once a ping has come through. */
  static async tunnel(contender: Contender): Promise<Stage> {
    const stage = await Stage.open(contender, async ({ a, b }) => [
      ...(await contender.startEnd(a, b)),
      ...(await contender.startEnd(b, a)),
    ]);
    await stage.untilPingPasses();
    return stage;
  }

  /** A forwarder at A. */
  static async forwarder(contender: Contender): Promise<Stage> {
    return Stage.open(contender, (cable) => {
      knows(cable.a, FORWARD, cable.b.mac);
      return contender.startForwarder(cable);
    });
  }

  static async open(contender: Contender, start: (cable: Cable) => Promise<Running[]>): Promise<Stage> {
    const cable = layCable();
    try {
      if (!contender.ownsInterface) addressCable(cable);
      return new Stage(contender, cable, await start(cable));
    } catch (error) {
      removeCable(cable);
      throw error;
    }
  }

  get title(): string {
    return `${this.contender.name} (${this.contender.underlay})`;
  }

  assertAlive(): void {
    for (const running of this.running) running.assertAlive();
  }

  /** Seconds of processor time that its programs have had. */
  get processorSeconds(): number {
    return this.running.reduce((sum, running) => sum + running.processorSeconds, 0);
  }

  /** What went wrong: the last words of a program that has ended, else the error. */
  whyFailed(error: Error): string {
    try {
      this.assertAlive();
      return error.message;
    } catch (ended) {
      return (ended as Error).message;
    }
  }

  private async untilPingPasses(): Promise<void> {
    const { a, b } = this.cable;
    const ping = ['netns', 'exec', a.namespace.name, 'ping', '-c', '1', '-W', '0.2', b.inner];
    for (let turn = 0; turn < READY_TURNS; turn++) {
      this.assertAlive();
      if (spawnSync('ip', ping).status === 0) return;
      await sleep(READY_STEP_MS);
    }
    await this.close();
    throw new Error(`no ping passes through ${this.title}`);
  }

  async close(): Promise<void> {
    await Promise.all(this.running.map((running) => running.stop()));
    removeCable(this.cable);
  }
}

/**
 * Brings up what can be brought up, runs `measure`, and takes all down again. A contender that fails is told
 * and left out.
 */
export async function withStages(
  name: string,
  contenders: readonly Contender[],
  results: Results,
  open: (contender: Contender) => Promise<Stage>,
  measure: (stages: Stage[]) => Promise<void>,
): Promise<void> {
  const stages: Stage[] = [];
  try {
    for (const contender of contenders) {
      try {
        stages.push(await open(contender));
      } catch (error) {
        const what = `${contender.name} (${contender.underlay})`;
        results.gap({ case: name, what, reason: (error as Error).message, excused: false });
      }
    }
    await measure(stages);
  } finally {
    for (const stage of stages) await stage.close();
  }
}
