/** Things to do at given times, in whole actions instead of numbers: for what happens a few times in a run. */
import type { Handler, Scheduler } from '../core/scheduler.js';
import type { Nanoseconds } from '../../network/time.js';

export class Moments implements Handler {
  private readonly actions: (() => void)[] = [];
  private readonly handler: number;

  /** Made while the world is built, as handlers are. */
  constructor(private readonly scheduler: Scheduler) {
    this.handler = scheduler.register(this);
  }

  at(time: Nanoseconds, action: () => void): void {
    this.scheduler.at(time, this.handler, this.actions.push(action) - 1);
  }

  fire(index: number): void {
    this.actions[index]!();
  }
}
