/** Interfaces above an interface that take its packets over: bridge, bond, team, VRF. */
import { readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';

const INTERFACES = '/sys/class/net';

/**
 * Kernel indexes of the master of an interface, of the master's master, and so on. The kernel hands packets on
 * as if they had come through these.
 */
export function masterIndexes(name: string): number[] {
  const indexes: number[] = [];
  for (let master = masterOf(name); master !== null; master = masterOf(master)) {
    indexes.push(Number(readFileSync(`${INTERFACES}/${master}/ifindex`, 'utf8')));
  }
  return indexes;
}

function masterOf(name: string): string | null {
  try {
    return basename(readlinkSync(`${INTERFACES}/${name}/master`));
  } catch {
    return null;
  }
}
