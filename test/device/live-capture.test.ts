/** Live capture through the optional package `cap`. Through the kernel's ring: live-capture-ring.test.ts. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { test } from 'tap';
import { loadCap } from '../../src/device/capture/cap-module.js';
import { PacketQueue } from '../../src/device/capture/packet-queue.js';
import { pcapFile, type PcapRecord } from './capture-bytes.js';

/** A namespace that goes with its process, a veth pair in it, and a neighbour that never answers. */
const SETUP = `
  ip link set lo up
  ip link add v0 type veth peer name v1
  ip addr add 10.9.0.1/24 dev v0
  ip link set v0 up
  ip link set v1 up
  ip neigh add 10.9.0.2 lladdr 02:00:00:00:00:02 dev v0 nud permanent
  exec "$0" "$1"`;

async function reasonToSkip(): Promise<string | false> {
  try {
    await loadCap('test');
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  if (process.getuid?.() !== 0) return 'not root: no network namespace can be made';
  const script = 'ip link add v0 type veth peer name v1';
  const { status, stderr } = spawnSync('unshare', ['--net', 'sh', '-c', script], { encoding: 'utf8' });
  return status === 0
    ? false
    : `no veth pair in a network namespace: ${stderr || 'unshare is missing'}`.trim();
}

interface CaptureSummary {
  description: string;
  linkType: number;
  packets: number;
  dropped: number;
  lengths: number[];
  ports: number[];
  isTimely: boolean;
}

test('packets of a veth pair are captured', { skip: await reasonToSkip() }, async (t) => {
  const child = fileURLToPath(new URL('./live-capture-child.js', import.meta.url));
  const { status, stdout, stderr } = spawnSync(
    'unshare',
    ['--net', 'sh', '-ec', SETUP, process.execPath, child],
    {
      encoding: 'utf8',
      timeout: 120_000,
    },
  );
  t.equal(status, 0, stderr);
  const result = JSON.parse(stdout) as {
    interfaces: { name: string; isLoopback: boolean }[];
    missing: string;
    badFilter: string;
    veth: CaptureSummary;
    any: CaptureSummary;
    sent: CaptureSummary;
    arrived: CaptureSummary;
    full: CaptureSummary;
    closed: string;
    down: string;
  };
  for (const [name, isLoopback] of [
    ['v0', false],
    ['v1', false],
    ['lo', true],
  ] as const) {
    t.has(
      result.interfaces.filter((i) => i.name === name),
      [{ name, isLoopback }],
    );
  }
  t.match(result.missing, /^nosuch0: found no interface of this name, expected one of .*v0/);
  t.match(result.badFilter, /^v1: cannot capture: .*syntax error.* \(filter: this is no filter\)$/);

  t.match(result.veth, { linkType: 1, packets: 50, dropped: 0, ports: [5555], isTimely: true });
  t.strictSame(
    result.veth.lengths,
    Array.from({ length: 50 }, (_, i) => 14 + 20 + 8 + i + 1),
    'whole frames, in order',
  );
  t.equal(result.veth.description, 'cap on v1: a filter takes libpcap');
  t.equal(result.any.description, 'cap on any: a filter takes libpcap');
  t.equal(result.arrived.description, 'cap on v1: asked for');
  t.match(result.sent, { packets: 0, dropped: 0 }, 'what v0 sends does not arrive there');
  t.match(result.arrived, { packets: 100, dropped: 0, ports: [4444, 5555] });
  // `any` sees a datagram as it leaves v0 and as it reaches v1.
  t.match(result.any, { linkType: 113, packets: 200, dropped: 0, ports: [4444, 5555] });
  t.equal(result.full.packets + result.full.dropped, 100, 'what the queue has no room for is counted');
  t.ok(result.full.packets > 0);
  t.equal(result.closed, 'closed');
  t.match(result.down, /^v1: the capture ended: the interface went down or is gone/);
});

test('without the package, a clear message', async (t) => {
  const hook = `export function resolve(name, context, next) {
    return next(name === 'cap' ? 'a-package-that-is-not-there' : name, context);
  }`;
  const script = `
    import { register } from 'node:module';
    register('data:text/javascript,' + encodeURIComponent(${JSON.stringify(hook)}));
    const { LiveCapture } = await import(${JSON.stringify(new URL('../../src/device/capture/live-capture.js', import.meta.url).href)});
    await LiveCapture.open({ interface: 'lo', filter: 'udp' }).catch((error) => console.log(error.name, error.message));`;
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    timeout: 120_000,
  });
  t.equal(
    stdout.trim(),
    'CaptureError live capture: live capture needs the optional package cap (libpcap-dev, then npm ci): a filter takes libpcap',
  );
});

test('the queue gives its packets as pcap records, and refuses what does not fit', async (t) => {
  const queue = new PacketQueue(2 * 16 + 5);
  const frame = Uint8Array.of(1, 2, 3, 4);
  const written: number[] = [];
  const take = (most: number): void => {
    queue.drain((data, position, length) => {
      const n = Math.min(most, length);
      written.push(...data.subarray(position, position + n));
      return n;
    });
  };
  t.equal(queue.push(4_000_000_000, 999_999_999, frame, 2), true);
  t.equal(queue.push(2, 3, frame, 4), false, 'one byte too many');
  t.equal(queue.push(2, 3, frame, 3), true);
  t.equal(queue.size, 37);
  take(7);
  take(1);
  t.equal(queue.push(2, 3, frame, 0), false, 'little is free');
  take(12);
  t.equal(queue.push(4, 5, frame, 4), true, 'what waits moves to the front');
  take(0);
  t.equal(queue.size, 17 + 20);
  take(100);
  t.equal(queue.size, 0);
  take(100);
  const form = { littleEndian: true, variant: 'nano', linkType: 1 } as const;
  const record = (seconds: number, fraction: number, bytes: number[]): PcapRecord => ({
    seconds,
    fraction,
    bytes: Uint8Array.from(bytes),
    originalLength: bytes.length,
  });
  const records = [
    record(4_000_000_000, 999_999_999, [1, 2]),
    record(2, 3, [1, 2, 3]),
    record(4, 5, [1, 2, 3, 4]),
  ];
  t.strictSame(Uint8Array.from(written), pcapFile(form, records).subarray(24));
});
