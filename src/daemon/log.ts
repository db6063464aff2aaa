/** The daemon's log: pino, written at once by the main thread. */
import pino, { type Logger } from 'pino';
import pretty from 'pino-pretty';
import type { LogFormat, LogLevel } from '../config/daemon-config.js';

export interface LogOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
}

/** Values beside the message. */
export type LogFields = Readonly<Record<string, unknown>>;

/** The same message is written once in so many milliseconds. */
const REPEAT_MS = 10_000;

type RepeatedLevel = 'info' | 'warn' | 'error';

interface Repeat {
  readonly level: RepeatedLevel;
  readonly until: number;
  suppressed: number;
}

export class DaemonLog {
  private readonly repeats = new Map<string, Repeat>();

  constructor(private readonly logger: Logger) {}

  info(fields: LogFields, message: string): void {
    this.logger.info(fields, message);
  }

  debug(fields: LogFields, message: string): void {
    this.logger.debug(fields, message);
  }

  warn(fields: LogFields, message: string): void {
    this.logger.warn(fields, message);
  }

  error(fields: LogFields, message: string): void {
    this.logger.error(fields, message);
  }

  /** For what may come again and again: the first of a kind is written, the rest of ten seconds counted. */
  repeated(level: RepeatedLevel, fields: LogFields, message: string): void {
    const repeat = this.repeats.get(message);
    if (repeat !== undefined) {
      repeat.suppressed++;
      return;
    }
    this.repeats.set(message, { level, until: performance.now() + REPEAT_MS, suppressed: 0 });
    this.logger[level](fields, message);
  }

  set level(level: LogLevel) {
    this.logger.level = level;
  }

  /** Tells what was suppressed, once its time is over. Called once a second. */
  tick(now = performance.now()): void {
    for (const [message, { level, until, suppressed }] of this.repeats) {
      if (now < until) continue;
      this.repeats.delete(message);
      if (suppressed > 0) this.logger[level]({ suppressed }, `${message} (suppressed ${suppressed} similar)`);
    }
  }
}

/** A log on standard error. */
export function createLog({ level, format }: LogOptions): DaemonLog {
  const toPeople = format === 'pretty' || (format === 'auto' && process.stderr.isTTY);
  const options = { level, base: { pid: process.pid }, timestamp: pino.stdTimeFunctions.isoTime };
  const stream = toPeople
    ? pretty({
        destination: 2,
        sync: true,
        colorize: process.stderr.isTTY,
        ignore: 'pid',
        translateTime: 'SYS:HH:MM:ss.l',
      })
    : pino.destination({ dest: 2, sync: true });
  return new DaemonLog(pino(options, stream));
}
