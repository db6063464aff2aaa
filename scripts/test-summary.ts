/**
 * The tap reporter of `npm test`: a line per test file, below it every failure with its details; at the end
 * the failures' names again, every skipped or postponed test with its reason, and the counts that .ci/run
 * reads.
 */
import { Transform, type TransformCallback } from 'node:stream';
import { Parser, type FinalResults, type Result } from 'tap-parser';
import { stringify } from 'yaml';

const INDENT = '    ';

function indented(text: string): string {
  return text.trimEnd().replace(/^/gm, INDENT);
}

/** "dist/test/wire/checksum.test.js > sums > odd length" */
function title(result: Result): string {
  return result.fullname.replace(/( >)+ /g, ' > ');
}

function reason(directive: boolean | string): string {
  return typeof directive === 'string' && directive !== '' ? directive : 'NO REASON GIVEN';
}

/** tap's diagnostics of a failed assertion: the difference first, then where and what else it knows. */
function details(diag: unknown): string {
  if (typeof diag !== 'object' || diag === null) return '';
  const { diff, source, ...rest } = diag as { diff?: string; source?: string };
  const parts = [diff, source, Object.keys(rest).length > 0 ? stringify(rest) : undefined];
  return parts
    .filter((part) => part !== undefined)
    .map((part) => `${indented(part)}\n`)
    .join('');
}

export default class TestSummary extends Transform {
  private readonly parser = new Parser();
  private passed = 0;
  private readonly failures: Result[] = [];
  private explained = 0;
  private readonly skips: Result[] = [];
  private readonly todos: Result[] = [];

  constructor() {
    super({ encoding: 'utf8' });
    this.parser.on('assert', (file: Result) => this.onFile(file));
    this.parser.on('pass', () => this.passed++);
    this.parser.on('fail', (result: Result) => this.failures.push(result));
    this.parser.on('skip', (result: Result) => this.skips.push(result));
    this.parser.on('todo', (result: Result) => this.todos.push(result));
    this.parser.on('complete', (results: FinalResults) => this.onComplete(results));
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.parser.write(chunk);
    done();
  }

  override _flush(done: TransformCallback): void {
    this.parser.end();
    done();
  }

  private onFile(file: Result): void {
    const seconds = file.time === null ? '' : ` (${(file.time / 1000).toFixed(1)} s)`;
    this.push(`${file.ok ? 'ok    ' : 'FAILED'} ${file.name}${seconds}\n`);
    if (file.ok) return;
    // A file that was killed, or ended too soon, has failed although none of its assertions has.
    if (this.explained === this.failures.length) this.failures.push(file);
    this.explain();
  }

  /** Details of the failures since the last file: where only a part of a log is kept, they stand beside it. */
  private explain(): void {
    for (; this.explained < this.failures.length; this.explained++) {
      const failure = this.failures[this.explained]!;
      this.push(`\nFAILED ${title(failure)}\n${details(failure.diag)}\n`);
    }
  }

  private onComplete(results: FinalResults): void {
    let failed = this.failures.length;
    this.explain();
    if (failed > 0) {
      this.push('\nFailed:\n');
      for (const failure of this.failures) this.push(`${INDENT}${title(failure)}\n`);
    }
    if (!results.ok && failed === 0) {
      failed = 1;
      const why =
        results.bailout === false ? 'not every test that was planned has run' : String(results.bailout);
      this.push(`\nFAILED the run as a whole: ${why}\n`);
    }
    if (this.skips.length > 0) {
      this.push('\nSkipped:\n');
      for (const skip of this.skips) this.push(`${INDENT}${title(skip)}: ${reason(skip.skip)}\n`);
    }
    if (this.todos.length > 0) {
      this.push('\nPostponed:\n');
      for (const todo of this.todos) this.push(`${INDENT}${title(todo)}: ${reason(todo.todo)}\n`);
    }
    const postponed = this.todos.length > 0 ? `, ${this.todos.length} postponed` : '';
    this.push(`\n${this.passed} passed, ${failed} failed, ${this.skips.length} skipped${postponed}\n`);
  }
}
