/** Packets that somebody sends. What becomes of them is told to the recorder. */
export interface Traffic {
  readonly name: string;
  /** Puts in its first event. Once, before the time at which it begins. */
  start(): void;
}
