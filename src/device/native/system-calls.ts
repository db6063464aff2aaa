/** Functions of native/src/system.c, readiness.c and privileges.c. They throw a SystemError when the call fails. */

declare const watch: unique symbol;

/** What watchReadable returns, for unwatch. */
export interface Watch {
  readonly [watch]: true;
}

export interface SystemCalls {
  /** Opens a NETLINK_ROUTE socket, not blocking. Bytes are its receive buffer, as far as the kernel grants it. */
  netlinkOpen(receiveBufferBytes: number): number;
  /** Subscribes a netlink socket to a multicast group (RTNLGRP_ number). */
  netlinkJoin(fd: number, group: number): void;
  /** Sends the first `length` bytes to the kernel. */
  netlinkSend(fd: number, bytes: Uint8Array, length: number): void;
  /**
   * Takes a datagram from a netlink or ICMP socket into `bytes` and returns its length, or minus the error
   * number: EAGAIN when there is none, ENOBUFS when some were lost, EMSGSIZE when it was longer than `bytes`
   * (and is lost). Does not wait.
   */
  receiveMessage(fd: number, bytes: Uint8Array): number;
  /**
   * Opens a raw socket, not blocking, that gets ICMP destination unreachable (family 4; datagrams begin with
   * the IP header) or ICMPv6 packet too big (family 6; they begin with the ICMPv6 header).
   */
  icmpOpen(family: 4 | 6, receiveBufferBytes: number): number;
  /**
   * Opens a raw socket, not blocking, that gets the ICMP echo replies (IPv4) whose payload begins with these 32 bits,
   * most significant first. Datagrams begin with the IP header.
   */
  echoReplyOpen(magic: number, receiveBufferBytes: number): number;
  /**
   * Calls back from the event loop whenever the descriptor is readable, until it has been read empty. Keeps
   * the process alive until unwatch, which comes before the descriptor is closed.
   */
  watchReadable(fd: number, callback: () => void): Watch;
  /** Ends a watch; a second call does nothing. */
  unwatch(watch: Watch): void;
  /** A descriptor with which one thread wakes another: readable from eventfdSignal to eventfdClear. */
  eventfd(): number;
  eventfdSignal(fd: number): void;
  eventfdClear(fd: number): void;
  /** A setting of an interface, by the number of ETHTOOL_GGRO, ETHTOOL_GGSO or ETHTOOL_GTSO; 0 is off. */
  ethtoolValue(interfaceName: string, command: number): number;
  /** Sends one datagram (less than 1,024 bytes) to a Unix socket; a path that begins with `@` is an abstract name. */
  notifySocket(path: string, text: string): void;
  /** Gives free memory of the C heap back to the system, where the C library can (glibc). */
  trimHeap(): void;
  /** Lets the process lock any amount of memory (needs CAP_SYS_RESOURCE). */
  raiseLockedMemory(): void;
  /**
   * Takes from the calling thread, and from what it executes, every capability whose bit (0–31 in `low`, 32–63
   * in `high`) is not set, and sets no_new_privs. Cannot be undone.
   */
  limitCapabilities(low: number, high: number): void;
  /**
   * Makes those capabilities effective that the calling thread may have and whose bit is set, and no others.
   * Threads that it starts later begin with the same.
   */
  setEffective(low: number, high: number): void;
  /** Replaces the process by another program (execve). Does not come back, unless it throws. */
  execute(path: string, args: readonly string[], environment: readonly string[]): void;
}
