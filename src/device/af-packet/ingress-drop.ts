/** Keeps packets that AF_PACKET sockets have taken from the kernel, where that is allowed. */
import type { Addon } from '../native/addon.js';
import { LocalsMap } from '../underlay/locals-map.js';
import { Domain, SOCK_RAW } from '../underlay/socket-options.js';
import type { UnderlayInterface } from '../underlay/underlay-options.js';
import { ingressProgram } from './ingress-program.js';

/** Memory that the kernel takes at once, about a hundred bytes each; of more addresses it keeps the packets. */
const MOST_LOCALS = 4096;

/** The programs of a device's interfaces. At first they drop nothing. */
export interface IngressDrop {
  /** Drops packets to these addresses, too, which the sockets' filters take by now. Waits some 10 ms if there are new ones. */
  readonly add: (locals: readonly Uint8Array[]) => void;
  /** Drops packets to these addresses at the most. */
  readonly retain: (locals: readonly Uint8Array[]) => void;
  /** From here on the kernel has all packets again. */
  readonly close: () => void;
}

/**
 * Attaches the programs, all of them or none. They vanish with this process, however it ends.
 *
 * @returns null when the kernel refuses: before Linux 6.6, without CAP_BPF and CAP_NET_ADMIN, in a sandbox
 */
export function openIngressDrop(calls: Addon, interfaces: readonly UnderlayInterface[]): IngressDrop | null {
  const descriptors: number[] = [];
  const keep = (fd: number): number => {
    descriptors.push(fd);
    return fd;
  };
  const close = (): void => {
    // The programs go before the map.
    for (const fd of descriptors.splice(0).reverse()) calls.closeDescriptor(fd);
  };
  try {
    const map = LocalsMap.create(calls, MOST_LOCALS);
    keep(map.fd);
    for (const { index, mtu } of interfaces) {
      const program = keep(calls.bpfLoadIngress(ingressProgram(mtu, map.fd)));
      keep(calls.bpfLinkIngress(program, index));
    }
    return {
      add: (locals) => {
        addWhatFits(calls, map, locals);
      },
      retain: (locals) => {
        map.retain(locals);
      },
      close,
    };
  } catch {
    close();
    return null;
  }
}

function addWhatFits(calls: Addon, map: LocalsMap, locals: readonly Uint8Array[]): void {
  const added = locals.filter((address) => !map.has(address));
  if (added.length === 0) return;
  try {
    passPackets(calls);
    map.add(added);
  } catch {
    // The map is full, or there is no descriptor to wait with. Packets to the others pass.
  }
}

/**
 * Waits until the kernel is done with every packet that it has in hand: one that has met the sockets' old filters must
 * not meet the new addresses, or it would be nobody's. Closing a packet socket waits for that (Linux: packet_release()
 * calls synchronize_net()).
 */
function passPackets(calls: Addon): void {
  calls.closeDescriptor(calls.openSocket(Domain.PACKET, SOCK_RAW, 0));
}
