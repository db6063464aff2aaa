/** How much waits in the kernel's queues of this process's raw sockets, as proc(5) tells it. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { IpProtocol } from '../wire/protocol.js';

/**
 * Bytes of kernel memory in the queues of the raw sockets of protocol 47, IPv4 and IPv6: more than the packets have
 * themselves.
 *
 * @param proc where proc is mounted; without it the queues count as empty
 */
export function rawQueueBytes(proc = '/proc'): number {
  const own = ownSockets(join(proc, 'self/fd'));
  let bytes = 0;
  // sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode …; the protocol is
  // the port of the local address
  for (const fields of ['raw', 'raw6'].flatMap((table) => rows(join(proc, 'self/net', table)))) {
    const protocol = parseInt(fields[1]?.split(':')[1] ?? '', 16);
    if (protocol === IpProtocol.GRE && own.has(fields[9] ?? ''))
      bytes += parseInt(fields[4]?.split(':')[1] ?? '0', 16);
  }
  return bytes;
}

/** Inode numbers of the sockets that this process has open. */
function ownSockets(folder: string): Set<string> {
  const inodes = new Set<string>();
  for (const name of attempt(() => readdirSync(folder)) ?? []) {
    const target = attempt(() => readlinkSync(join(folder, name)));
    const inode = /^socket:\[(\d+)\]$/.exec(target ?? '')?.[1];
    if (inode !== undefined) inodes.add(inode);
  }
  return inodes;
}

function rows(path: string): string[][] {
  const lines = (attempt(() => readFileSync(path, 'utf8')) ?? '').split('\n').slice(1);
  return lines.map((line) => line.trim().split(/\s+/));
}

/** A descriptor may be closed meanwhile, and a kernel may be without one of the tables. */
function attempt<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}
