/**
 * Which server of a PoP takes a packet: ECMP over those that are up, by the flow hash, with as few flows moved as can
 * be when a server goes or comes (src/dataplane/ecmp.ts). PoPs with the same servers up share one table.
 */
import { buildEcmpGroups, hashName } from '../../dataplane/ecmp.js';

export class PopBalancer {
  private readonly tables = new Map<string, Int32Array>();

  /**
   * Servers by bucket, for `pick`.
   *
   * @param up indexes of the servers that are up, ascending; at least one
   * @param count servers of the PoP
   */
  table(up: readonly number[], count: number): Int32Array {
    const key = `${count}: ${up.join()}`;
    let table = this.tables.get(key);
    if (table === undefined) {
      const members = Array.from({ length: count }, (_, member) => ({
        ...{ member, identity: hashName(`server ${member}`), weight: 1 },
        ...(up.includes(member) ? {} : { isOut: true as const }),
      }));
      table = buildEcmpGroups([members]).buckets;
      this.tables.set(key, table);
    }
    return table;
  }
}

/** The server for a flow. @param hash 32 bits */
export function pick(table: Int32Array, hash: number): number {
  return table[(Math.imul(hash >>> 16, table.length) >>> 16) >>> 0]!;
}
