/** Text that is drawn again and again in the same place of a terminal. */

/** What a screen needs of process.stdout. */
export interface Terminal {
  readonly rows?: number;
  write(text: string): unknown;
}

const ENTER = '\x1b[?1049h\x1b[?25l\x1b[?7l'; // another screen, no cursor, long lines are cut
const LEAVE = '\x1b[?7h\x1b[?25h\x1b[?1049l';
const HOME = '\x1b[H';
const ERASE_LINE = '\x1b[K';
const ERASE_BELOW = '\x1b[J';

/** Rows of a terminal that does not say how many it has. */
const USUAL_ROWS = 24;

export class Screen {
  private last = '';

  constructor(private readonly terminal: Terminal) {
    terminal.write(ENTER);
  }

  /** Lines that can be shown. */
  get rows(): number {
    const { rows } = this.terminal;
    return rows === undefined || rows === 0 ? USUAL_ROWS : rows;
  }

  /** Replaces what is shown; lines beyond the last row are cut. */
  draw(text: string): void {
    this.last = text;
    const lines = text.split('\n').slice(0, this.rows);
    this.terminal.write(HOME + lines.map((line) => line + ERASE_LINE).join('\n') + ERASE_BELOW);
  }

  /** Gives the terminal back as it was, with what was shown last below. */
  close(): void {
    this.terminal.write(LEAVE + (this.last === '' ? '' : `${this.last}\n`));
  }
}
