/** The eight sets of GRE options that every peer is tried with, as grebe and as others write them. */

export interface GreOptions {
  /** `plain`, `key`, `csum`, `key-csum-seq` … */
  readonly name: string;
  /** As a host number in addresses, 0 to 7. */
  readonly number: number;
  readonly key: number | null;
  readonly checksum: boolean;
  readonly sequence: boolean;
  /** Of the GRE header, bytes. */
  readonly greBytes: number;
}

export const ALL_OPTIONS: readonly GreOptions[] = Array.from({ length: 8 }, (_, number) => {
  const key = (number & 1) !== 0 ? 0xc0de_0000 + number : null;
  const checksum = (number & 2) !== 0;
  const sequence = (number & 4) !== 0;
  const words = [key !== null && 'key', checksum && 'csum', sequence && 'seq'].filter(
    (word) => word !== false,
  );
  const name = words.join('-') || 'plain';
  return { name, number, key, checksum, sequence, greBytes: 4 + 4 * words.length };
});

/** As keys of a tunnel in grebe's configuration. */
export function asConfiguration({ key, checksum, sequence }: GreOptions): object {
  return { ...(key === null ? {} : { key }), checksum, sequence };
}

/** As options of `ip link add … type gre`, `gretap`, `ip6gre` and so on. */
export function asIpLink({ key, checksum, sequence }: GreOptions): string {
  return [key === null ? '' : `key ${key}`, checksum ? 'icsum ocsum' : '', sequence ? 'iseq oseq' : '']
    .filter((words) => words !== '')
    .join(' ');
}
