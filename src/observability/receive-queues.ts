/** How much waits in the kernel's queues of this process's sockets, as proc(5) tells it. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/** Bytes of kernel memory, which is more than the packets have themselves. */
export interface ReceiveQueues {
  /** AF_PACKET sockets. */
  readonly packet: number;
  /** Raw sockets of protocol 47, IPv4 and IPv6. */
  readonly raw: number;
}

const GRE = 47;

/** @param proc where proc is mounted; without it the queues count as empty */
export function receiveQueues(proc = '/proc'): ReceiveQueues {
  const own = ownSockets(join(proc, 'self/fd'));
  let [packet, raw] = [0, 0];
  // sk RefCnt Type Proto Iface R Rmem User Inode
  for (const fields of rows(join(proc, 'self/net/packet'))) {
    if (own.has(fields[8] ?? '')) packet += Number(fields[6]);
  }
  // sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode …; the protocol is
  // the port of the local address
  for (const fields of ['raw', 'raw6'].flatMap((table) => rows(join(proc, 'self/net', table)))) {
    const protocol = parseInt(fields[1]?.split(':')[1] ?? '', 16);
    if (protocol === GRE && own.has(fields[9] ?? '')) raw += parseInt(fields[4]?.split(':')[1] ?? '0', 16);
  }
  return { packet, raw };
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
