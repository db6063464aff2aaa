/** Where `grebe show` puts the daemon's state: a terminal that is drawn anew, or blocks one below the other. */
import type { Snapshot } from '../observability/snapshot.js';
import type { Paint } from './show-paint.js';
import { Screen, type Terminal } from './show-screen.js';
import { sectionJson, sectionText, type Section, type State } from './show-section.js';

export interface View {
  /** @param before the state shown last, to compute rates from; null: none */
  show(state: State, before: Snapshot | null): void;
  /** The daemon could not be asked: what was shown last is not up to date any more. */
  fail(error: Error): void;
  close(): void;
}

type Write = (text: string) => unknown;

/** A line of JSON each time. */
export function jsonView(section: Section | undefined, write: Write, complain: Write): View {
  return {
    show: (state) => write(`${JSON.stringify(sectionJson(section, state))}\n`),
    fail: ({ message }) => complain(`grebe: ${message}\n`),
    close: () => undefined,
  };
}

/** Blocks one below the other, for a file or a pipe. @param isRepeated each is headed by its time, and has rates */
export function blockView(
  section: Section | undefined,
  isRepeated: boolean,
  paint: Paint,
  write: Write,
  complain: Write,
): View {
  let gap = '';
  return {
    show: (state, before) => {
      const head = isRepeated ? `${title(state.snapshot)}\n\n` : '';
      const shown = { before, isWatched: isRepeated, lines: Infinity };
      write(`${gap}${head}${sectionText(section, state, shown, paint)}\n`);
      gap = '\n';
    },
    fail: ({ message }) => complain(`grebe: ${message}\n`),
    close: () => undefined,
  };
}

/** A terminal, drawn anew each time and whenever its size changes. */
export function screenView(
  section: Section | undefined,
  paint: Paint,
  terminal: Terminal & Pick<NodeJS.WriteStream, 'on' | 'off'>,
): View {
  const screen = new Screen(terminal);
  let last: { state: State; before: Snapshot | null; trouble: string | null } | null = null;
  const draw = (): void => {
    if (last === null) return;
    const { state, before, trouble } = last;
    const head = trouble === null ? title(state.snapshot) : paint.bad(`${title(state.snapshot)}: ${trouble}`);
    const shown = { before, isWatched: true, lines: screen.rows - 2 };
    screen.draw(`${head}\n\n${sectionText(section, state, shown, paint)}`);
  };
  terminal.on('resize', draw);
  return {
    show: (state, before) => {
      last = { state, before, trouble: null };
      draw();
    },
    fail: ({ message }) => {
      if (last !== null) last = { ...last, trouble: message };
      draw();
    },
    close: () => {
      terminal.off('resize', draw);
      screen.close();
    },
  };
}

/** `fra-1, 2026-11-21 09:02:03 UTC`. */
function title({ node, takenAt }: Snapshot): string {
  return `${node}, ${takenAt.slice(0, 19).replace('T', ' ')} UTC`;
}
