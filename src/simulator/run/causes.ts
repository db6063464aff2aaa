/** Why things are down. What fails for two reasons is up again when both are over. */
export class Causes {
  private readonly causes = new Map<string, Set<string>>();

  /** @returns whether the thing is up now */
  set(thing: string, cause: string, failed: boolean): boolean {
    const known = this.causes.get(thing) ?? new Set<string>();
    if (failed) known.add(cause);
    else known.delete(cause);
    this.causes.set(thing, known);
    return known.size === 0;
  }
}
