/** Progress of scenarios on standard error, when that is a terminal: virtual time done of all, and the speed. */
import { SingleBar } from 'cli-progress';
import type { RunProgress } from '../simulator/run/run.js';
import { count } from './format.js';

/** Short work ends without a bar having flashed up. */
const FIRST_SHOWN_MS = 250;
const MILLISECOND = 1e6;

export class SimProgress {
  private bar: SingleBar | null = null;
  private readonly start = performance.now();
  private readonly done: number[];
  private readonly hops: number[];

  /** @param durations nanoseconds of virtual time of each scenario */
  constructor(private readonly durations: readonly number[]) {
    this.done = durations.map(() => 0);
    this.hops = durations.map(() => 0);
  }

  show(file: number, { now, packetHops }: RunProgress): void {
    this.done[file] = now;
    this.hops[file] = packetHops;
    const elapsed = performance.now() - this.start;
    if (!process.stderr.isTTY || elapsed < FIRST_SHOWN_MS) return;
    const value = sum(this.done) / MILLISECOND;
    const payload = {
      files: this.finished(),
      hops: count(Math.round(sum(this.hops) / (elapsed / 1000))),
    };
    if (this.bar === null) {
      this.bar = new SingleBar({
        stream: process.stderr,
        // Fits 80 columns, so that lines need not be cut: a terminal left so by a signal would stay so.
        format: '{bar} {percentage} %  {files}  {hops} hops/s  {eta_formatted} left',
        linewrap: true,
        barCompleteChar: '#',
        barIncompleteChar: '.',
        barsize: 20,
        clearOnComplete: true,
        gracefulExit: false,
        hideCursor: null,
      });
      this.bar.start(sum(this.durations) / MILLISECOND, value, payload);
    }
    this.bar.update(value, payload);
  }

  /** Takes the bar away; another `show` draws it again. */
  stop(): void {
    this.bar?.stop();
    this.bar = null;
  }

  /** What it took, for people: standard error, and only on a terminal. */
  summary(): void {
    if (!process.stderr.isTTY) return;
    const seconds = (performance.now() - this.start) / 1000;
    const hops = sum(this.hops);
    const rate = count(Math.round(hops / seconds));
    process.stderr.write(`${seconds.toFixed(1)} s, ${count(hops)} packet-hops, ${rate} per second\n`);
  }

  private finished(): string {
    const finished = this.done.filter((done, i) => done >= this.durations[i]!).length;
    return `${finished}/${this.durations.length} scenarios`;
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}
