/** Opens the queues of a TUN or TAP, and says in plain words why it cannot. */
import { closeSync } from 'node:fs';
import { VIRTIO_NET_HEADER } from '../../wire/virtio-net.js';
import type { Addon, SystemError } from '../native/addon.js';
import { TunFlag, TunOffload, type TunQueue } from '../native/tun-calls.js';
import type { Link } from '../netlink/link.js';
import { ARP_ETHERNET } from '../netlink/protocol.js';
import { TunError, type TunOptions } from './tun-options.js';

const TCP_SEGMENTS = TunOffload.CHECKSUM | TunOffload.TSO4 | TunOffload.TSO6 | TunOffload.TSO_ECN;
const UDP_SEGMENTS = TunOffload.USO4 | TunOffload.USO6;

export interface TunQueues {
  readonly fds: readonly number[];
  readonly name: string;
  /** Was there before, and stays when the descriptors are closed. */
  readonly isPersistent: boolean;
  /** The kernel leaves large UDP segments to us, and takes them. */
  readonly udp: boolean;
}

/**
 * @param existing the interface of that name, if there is one
 * @throws TunError
 */
export function openQueues(addon: Addon, options: TunOptions, existing: Link | null): TunQueues {
  if (existing !== null) checkExisting(options, existing);
  const queues: TunQueue[] = [];
  try {
    queues.push(openFirst(addon, options, existing));
    const [first] = queues as [TunQueue];
    const isPersistent = (first.flags & TunFlag.PERSIST) !== 0;
    if (existing !== null && !isPersistent) throw inUse(options);
    while (queues.length < options.workers) queues.push(open(addon, options, true, existing));
    return {
      fds: queues.map((queue) => queue.fd),
      name: first.name,
      isPersistent,
      udp: setOffload(addon, first.fd, options.offload),
    };
  } catch (error) {
    for (const queue of queues) closeSync(queue.fd);
    throw error;
  }
}

function checkExisting({ name, kind }: TunOptions, { kind: madeBy, arpType }: Link): void {
  if (madeBy !== 'tun') {
    throw new TunError(
      `${name} is there already and no TUN or TAP, but ${madeBy ?? 'hardware'}: choose another name (overlay.name)`,
    );
  }
  // What a TAP is and a TUN is not.
  if ((arpType === ARP_ETHERNET) !== (kind === 'tap')) {
    const found = kind === 'tap' ? 'TUN' : 'TAP';
    throw new TunError(
      `${name} is there already and a ${found}: set overlay.type to ${found.toLowerCase()}, ` +
        `or remove it (ip link delete ${name})`,
    );
  }
}

function openFirst(addon: Addon, options: TunOptions, existing: Link | null): TunQueue {
  try {
    return open(addon, options, options.workers > 1, existing);
  } catch (error) {
    // A persistent interface that was made for several queues takes no descriptor that does not say so.
    const mayBeMultiQueue = existing !== null && options.workers === 1;
    if (!mayBeMultiQueue || (error as TunError).cause === undefined) throw error;
    if (((error as TunError).cause as SystemError).code !== 'EINVAL') throw error;
    return open(addon, options, true, existing);
  }
}

function open(addon: Addon, options: TunOptions, multiQueue: boolean, existing: Link | null): TunQueue {
  const { name, kind, offload, controlDevice = '/dev/net/tun' } = options;
  let flags = (kind === 'tun' ? TunFlag.TUN : TunFlag.TAP) | TunFlag.NO_PI;
  if (offload) flags |= TunFlag.VNET_HDR;
  if (multiQueue) flags |= TunFlag.MULTI_QUEUE;
  try {
    return addon.tunOpen(controlDevice, name, flags);
  } catch (error) {
    throw explain(error as SystemError, options, controlDevice, existing);
  }
}

function explain(
  error: SystemError,
  options: TunOptions,
  controlDevice: string,
  existing: Link | null,
): Error {
  const { name, kind, workers } = options;
  const refuse = (words: string): TunError => new TunError(words, { cause: error });
  const queues = workers > 1 ? ' multi_queue' : '';
  if (error.syscall === 'open') {
    if (error.code === 'ENOENT' || error.code === 'ENODEV' || error.code === 'ENXIO') {
      return refuse(
        `there is no ${controlDevice}: load the kernel's module (modprobe tun); ` +
          'a container needs the device (docker run --device /dev/net/tun)',
      );
    }
    if (error.code === 'EACCES' || error.code === 'EPERM') {
      return refuse(`${controlDevice} may not be opened: allow this user to read and write it`);
    }
    return refuse(`${controlDevice} cannot be opened: ${error.message}`);
  }
  if (error.code === 'EPERM') {
    return refuse(
      existing === null
        ? `making ${name} needs the capability CAP_NET_ADMIN: run grebe as root or with that capability, ` +
            `or make the interface for this user (ip tuntap add ${name} mode ${kind}${queues} user $USER)`
        : `${name} belongs to another user: make it anew for this one ` +
            `(ip tuntap add ${name} mode ${kind}${queues} user $USER), or run grebe with CAP_NET_ADMIN`,
    );
  }
  if (error.code === 'EBUSY') return inUse(options, error);
  if (error.code === 'EINVAL' && existing !== null && workers > 1) {
    return refuse(
      `${name} was made with one queue, but there are ${workers} workers: set daemon.workers to 1, ` +
        `or make it anew (ip tuntap add ${name} mode ${kind} multi_queue)`,
    );
  }
  if (error.code === 'E2BIG') return refuse(`${name} cannot have ${workers} queues: use fewer workers`);
  return refuse(`cannot open ${name}: ${error.message}`);
}

function inUse({ name }: TunOptions, cause?: SystemError): TunError {
  return new TunError(
    `${name} is in use by another program (perhaps another grebe): stop that one, or choose another name (overlay.name)`,
    { cause },
  );
}

/** Whether large UDP segments are there as well (Linux 6.2 and up). */
function setOffload(addon: Addon, fd: number, offload: boolean): boolean {
  if (!offload) {
    // A persistent interface remembers what an earlier program asked for.
    addon.tunSetOffload(fd, 0);
    return false;
  }
  addon.tunSetHeader(fd, VIRTIO_NET_HEADER);
  try {
    addon.tunSetOffload(fd, TCP_SEGMENTS | UDP_SEGMENTS);
    return true;
  } catch (error) {
    if ((error as SystemError).code !== 'EINVAL') throw error;
    addon.tunSetOffload(fd, TCP_SEGMENTS);
    return false;
  }
}
