/** A progress bar on standard error, when that is a terminal. */
import { SingleBar } from 'cli-progress';
import type { ReplayProgress } from '../replay/replay.js';
import { count, packetRate } from './format.js';

/** Short work ends without a bar having flashed up. */
const FIRST_SHOWN_MS = 250;

export class ProgressBar {
  private bar: SingleBar | null = null;
  private readonly start = performance.now();

  show({ packets, bytesRead, totalBytes }: ReplayProgress): void {
    const elapsed = performance.now() - this.start;
    if (!process.stderr.isTTY || totalBytes === null || elapsed < FIRST_SHOWN_MS) return;
    const rate = packetRate(packets / (elapsed / 1000));
    const payload = { packets: count(packets), rate };
    if (this.bar === null) {
      this.bar = new SingleBar({
        stream: process.stderr,
        format: '{bar} {percentage} %  {packets} packets  {rate}  {eta_formatted} left',
        barCompleteChar: '#',
        barIncompleteChar: '.',
        barsize: 30,
        clearOnComplete: true,
        gracefulExit: false,
        hideCursor: null,
      });
      this.bar.start(totalBytes, bytesRead, payload);
    }
    this.bar.update(bytesRead, payload);
  }

  stop(): void {
    this.bar?.stop();
  }
}
