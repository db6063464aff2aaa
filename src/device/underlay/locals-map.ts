/** Our addresses in a BPF map, for programs that look up whether a packet is to us. */
import { BpfMap, type XdpCalls } from '../native/xdp-calls.js';

const KEY_BYTES = 16;

/** A hash map whose keys are IPv6 addresses, and IPv4 addresses as ::ffff:a.b.c.d; the value is one byte. */
export class LocalsMap {
  private readonly keys = new Map<string, Uint8Array>();

  private constructor(
    private readonly calls: XdpCalls,
    /** Descriptor; whoever made the map closes it. */
    readonly fd: number,
  ) {}

  /** @throws SystemError (EPERM without CAP_BPF) */
  static create(calls: XdpCalls, entries: number): LocalsMap {
    return new LocalsMap(calls, calls.bpfMapCreate(BpfMap.HASH, KEY_BYTES, 1, entries));
  }

  has(address: Uint8Array): boolean {
    return this.keys.has(String(localKey(address)));
  }

  /** @throws SystemError E2BIG when the map is full */
  add(addresses: readonly Uint8Array[]): void {
    for (const key of addresses.map(localKey)) {
      this.calls.bpfMapSet(this.fd, key, Uint8Array.of(1));
      this.keys.set(String(key), key);
    }
  }

  /** Removes all but these. */
  retain(addresses: readonly Uint8Array[]): void {
    const kept = new Set(addresses.map((address) => String(localKey(address))));
    for (const [text, key] of this.keys) {
      if (kept.has(text)) continue;
      this.calls.bpfMapDelete(this.fd, key);
      this.keys.delete(text);
    }
  }
}

function localKey(address: Uint8Array): Uint8Array {
  if (address.length === KEY_BYTES) return address;
  const key = new Uint8Array(KEY_BYTES);
  key.fill(0xff, 10, 12);
  key.set(address, 12);
  return key;
}
