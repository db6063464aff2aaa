/** What the kernel's answers to reads and writes of a TUN mean. Answers are −errno. */
import { constants } from 'node:os';
import { DeviceCount } from '../device-counters.js';

const { EAGAIN, ENOBUFS, ENOMEM, EMSGSIZE, EIO, ENODEV, ENXIO, ENETDOWN } = constants.errno;
/** "File descriptor in bad state": the interface was removed. Node.js does not name it. */
const EBADFD = 77;

const counters = new Map<number, number>([
  [EAGAIN, DeviceCount.tx_dropped_queue],
  [ENOBUFS, DeviceCount.tx_dropped_queue],
  [ENOMEM, DeviceCount.tx_dropped_queue],
  [EMSGSIZE, DeviceCount.tx_dropped_size],
  // the interface is down
  [EIO, DeviceCount.tx_dropped_unreachable],
  [ENETDOWN, DeviceCount.tx_dropped_unreachable],
  [EBADFD, DeviceCount.tx_dropped_unreachable],
  [ENODEV, DeviceCount.tx_dropped_unreachable],
  [ENXIO, DeviceCount.tx_dropped_unreachable],
]);

/** Counter (DeviceCount) of frames that were refused so. */
export function dropCounter(answer: number): number {
  return counters.get(-answer) ?? DeviceCount.tx_dropped_error;
}

/** Whether the interface behind the descriptor is no more. */
export function isGone(answer: number): boolean {
  return answer === -EBADFD || answer === -ENODEV || answer === -ENXIO;
}
