/** Names of the things in a scenario: one namespace, so that an event or an assertion can name anything. */
import { quote, suggest, type ConfigPath } from '../../config/problem.js';
import type { Reading } from './reading.js';

/** With the article that messages need. */
export const KINDS = {
  tunnel: 'a tunnel',
  interconnect: 'an interconnect',
  pop: 'a PoP',
  provider: 'a provider',
  router: 'a router',
  host: 'a host',
} as const;
export type Kind = keyof typeof KINDS;

interface Declared {
  readonly kind: Kind;
  readonly name: string;
  readonly line: number;
}

export class Names {
  private readonly declared = new Map<string, Declared>();
  /** PoPs are compared without regard to case, as a node does. */
  private readonly pops = new Map<string, Declared>();

  constructor(private readonly reading: Reading) {}

  /**
   * @param path of the thing, whose key is its name, or with `name` in it
   * @param of where the name stands
   */
  add(kind: Kind, name: string, path: ConfigPath, of: 'key' | 'value'): void {
    const { source } = this.reading;
    const first = this.find(name);
    if (first === undefined) {
      const declared = { kind, name, line: source.positionOf(path, of).line };
      this.declared.set(name, declared);
      if (kind === 'pop') this.pops.set(name.toLowerCase(), declared);
      return;
    }
    const message = `found ${quote(name)}, expected a name of its own: ${KINDS[first.kind]} on line ${first.line} has this one`;
    source.report(path, message, { of, found: quote(name) });
  }

  /** Null when there is none. */
  kindOf(name: string): Kind | null {
    return this.find(name)?.kind ?? null;
  }

  /** As it was declared. */
  canonical(name: string): string {
    return this.find(name)?.name ?? name;
  }

  private find(name: string): Declared | undefined {
    return this.declared.get(name) ?? this.pops.get(name.toLowerCase());
  }

  of(...kinds: readonly Kind[]): string[] {
    return [...this.declared.values()].filter(({ kind }) => kinds.includes(kind)).map(({ name }) => name);
  }

  /** @returns the name as it was declared, or null after a report */
  resolve(name: string, path: ConfigPath, ...kinds: readonly Kind[]): string | null {
    return this.resolveAt(name, path, 'value', kinds);
  }

  /** The same for a name that is a key: the last one of the path. */
  resolveKey(path: ConfigPath, ...kinds: readonly Kind[]): string | null {
    return this.resolveAt(String(path.at(-1)), path, 'key', kinds);
  }

  private resolveAt(
    name: string,
    path: ConfigPath,
    of: 'key' | 'value',
    kinds: readonly Kind[],
  ): string | null {
    const kind = this.kindOf(name);
    if (kind !== null && kinds.includes(kind)) return this.canonical(name);
    const what = kinds.map((one) => KINDS[one]).join(' or ');
    const known = this.of(...kinds);
    let expected = `the name of ${what}`;
    if (kind !== null) expected += `; that is ${KINDS[kind]}`;
    else expected += known.length === 0 ? '; there is none' : suggestFew(name, known);
    const found = quote(name);
    this.reading.source.report(path, `found ${found}, expected ${expected}`, { of, found, expected });
    return null;
  }
}

const MOST_SHOWN = 20;

/** Like `suggest`, with no more names than a line has room for. */
export function suggestFew(word: string, known: readonly string[]): string {
  const text = suggest(word, known);
  if (known.length <= MOST_SHOWN || text.startsWith(', did')) return text;
  return `; known here: ${known.slice(0, MOST_SHOWN).join(', ')} and ${known.length - MOST_SHOWN} more`;
}
