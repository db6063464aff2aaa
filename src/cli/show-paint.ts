/** Colours as `wg show` has them, on a terminal; none elsewhere, and none with NO_COLOR (https://no-color.org). */
export interface Paint {
  /** What a block is about: `tunnel: acme`. */
  readonly heading: (text: string) => string;
  /** The word before a colon, the head of a table. */
  readonly key: (text: string) => string;
  /** What is wrong. */
  readonly bad: (text: string) => string;
}

export const PLAIN: Paint = { heading: (text) => text, key: (text) => text, bad: (text) => text };

export const COLOURED: Paint = {
  heading: (text) => `\x1b[1;32m${text}\x1b[0m`,
  key: (text) => `\x1b[1m${text}\x1b[0m`,
  bad: (text) => `\x1b[1;31m${text}\x1b[0m`,
};

export function paintFor({ isTTY }: { readonly isTTY?: boolean }, env: NodeJS.ProcessEnv): Paint {
  return isTTY === true && (env.NO_COLOR ?? '') === '' && env.TERM !== 'dumb' ? COLOURED : PLAIN;
}
