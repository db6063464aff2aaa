/**
 * What the addon's functions want, for the fuzzer: a kind for each argument. The compiler sees to it that no
 * function is missing.
 */
import type { Addon } from '../../src/device/native/addon.js';

export type Kind =
  /** A descriptor: of any kind, closed, or nonsense. */
  | 'fd'
  | 'int'
  /** A number of things in an array, most of the time one that there is room for. */
  | 'count'
  /** Milliseconds, never many. */
  | 'ms'
  | 'bytes'
  | 'words'
  /** Spans, that is pairs of offset and length, of the bytes before. */
  | 'spans'
  /** Two pairs for each packet, as sendBatch takes them. */
  | 'pieces'
  /** Counts and spans, as tunWrite takes them. */
  | 'gather'
  | 'fds'
  | 'numbers'
  /** The memory of a PacketPool, an offset in it, a layout of AF_XDP or the state of a ring (of blocks, of frames) over it. */
  | 'pool'
  | 'page'
  | 'layout'
  | 'ring'
  | 'frame-ring'
  | 'text'
  | 'path'
  | 'texts'
  | 'callback'
  | 'watch'
  /** All bits, or nonsense: what a function must not be given in earnest. */
  | 'mask';

export interface Signature {
  readonly kinds: readonly Kind[];
  /** Whether what it returns is a descriptor, a list of them, or has one as `fd`. */
  readonly opens?: boolean;
}

export const SIGNATURES: { readonly [K in keyof Addon]: Signature } = {
  pin: { kinds: ['bytes'] },

  openSocket: { kinds: ['int', 'int', 'int'], opens: true },
  openSocketPair: { kinds: [], opens: true },
  closeDescriptor: { kinds: ['fd'] },
  bindSocket: { kinds: ['fd', 'bytes'] },
  setSocketOption: { kinds: ['fd', 'int', 'int', 'bytes'] },
  getSocketOption: { kinds: ['fd', 'int', 'int', 'bytes'] },
  setSocketProgram: { kinds: ['fd', 'int', 'int', 'words'] },
  receiveBatch: { kinds: ['fd', 'bytes', 'spans', 'count', 'count'] },
  receiveBatch6: { kinds: ['fd', 'bytes', 'spans', 'count', 'count', 'words'] },
  sendBatch: { kinds: ['fd', 'bytes', 'pieces', 'count', 'count', 'count', 'count'] },
  poll: { kinds: ['fds', 'ms'] },
  pollReady: { kinds: ['fds', 'words', 'ms'] },
  waitWritable: { kinds: ['fd', 'ms'] },

  netlinkOpen: { kinds: ['int'], opens: true },
  netlinkJoin: { kinds: ['fd', 'int'] },
  netlinkSend: { kinds: ['fd', 'bytes', 'count'] },
  receiveMessage: { kinds: ['fd', 'bytes'] },
  icmpOpen: { kinds: ['count', 'int'], opens: true },
  echoReplyOpen: { kinds: ['count', 'int'], opens: true },
  watchReadable: { kinds: ['fd', 'callback'] },
  unwatch: { kinds: ['watch'] },
  eventfd: { kinds: [], opens: true },
  eventfdSignal: { kinds: ['fd'] },
  eventfdClear: { kinds: ['fd'] },
  trimHeap: { kinds: [] },
  ethtoolValue: { kinds: ['text', 'int'] },
  notifySocket: { kinds: ['text', 'text'] },
  raiseLockedMemory: { kinds: [] },
  limitCapabilities: { kinds: ['mask', 'mask'] },
  setEffective: { kinds: ['mask', 'mask'] },
  execute: { kinds: ['path', 'texts', 'texts'] },

  tunOpen: { kinds: ['path', 'text', 'int'], opens: true },
  tunSetHeader: { kinds: ['fd', 'int'] },
  tunSetOffload: { kinds: ['fd', 'int'] },
  tunRead: { kinds: ['fd', 'bytes', 'count', 'count', 'count', 'count', 'words', 'words'] },
  tunWrite: { kinds: ['fd', 'bytes', 'gather', 'count', 'words', 'ms'] },

  poolUnmap: { kinds: ['pool', 'page', 'page'] },
  ringMap: { kinds: ['pool', 'page', 'page', 'fd'] },
  frameRingReceive: { kinds: ['pool', 'frame-ring', 'words', 'words', 'count'] },
  frameRingFilled: { kinds: ['pool', 'frame-ring'] },
  ringReceive: { kinds: ['pool', 'ring', 'words', 'words', 'words', 'words', 'count'] },

  xdpSocket: { kinds: [], opens: true },
  xdpMemory: { kinds: ['count', 'count', 'count'], opens: true },
  xdpMapMemory: { kinds: ['pool', 'page', 'page', 'fd'] },
  xdpRegister: { kinds: ['fd', 'fd', 'count', 'count', 'count'] },
  xdpRings: { kinds: ['fd', 'count', 'count', 'count', 'count'] },
  xdpBind: { kinds: ['fd', 'count', 'count', 'int', 'fd'] },
  xdpMapRing: { kinds: ['pool', 'page', 'page', 'fd', 'count', 'count', 'words'] },
  xdpStatistics: { kinds: ['fd', 'numbers'] },
  xdpReceive: { kinds: ['pool', 'layout', 'words', 'words', 'count', 'count'] },
  xdpTransmit: { kinds: ['pool', 'layout', 'pieces', 'count', 'count'] },
  xdpQueues: { kinds: ['text'] },

  bpfMapCreate: { kinds: ['count', 'count', 'count', 'count'], opens: true },
  bpfMapSet: { kinds: ['fd', 'bytes', 'bytes'] },
  bpfMapDelete: { kinds: ['fd', 'bytes'] },
  bpfLoadXdp: { kinds: ['bytes'], opens: true },
  bpfLinkXdp: { kinds: ['fd', 'int', 'count'], opens: true },
  bpfLoadIngress: { kinds: ['bytes'], opens: true },
  bpfLinkIngress: { kinds: ['fd', 'int'], opens: true },
};
