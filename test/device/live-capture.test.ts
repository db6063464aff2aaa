import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { test } from 'tap';
import { loadCap } from '../../src/device/cap-module.js';
import { PacketQueue } from '../../src/device/packet-queue.js';

/** A namespace that goes with its process, a veth pair in it, and a neighbour that never answers. */
const SETUP = `
  ip link set lo up
  ip link add v0 type veth peer name v1
  ip addr add 10.9.0.1/24 dev v0
  ip link set v0 up
  ip link set v1 up
  ip neigh add 10.9.0.2 lladdr 02:00:00:00:00:02 dev v0 nud permanent
  exec "$0" --expose-gc "$1"`;

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
      timeout: 20_000,
    },
  );
  t.equal(status, 0, stderr);
  const result = JSON.parse(stdout) as {
    interfaces: { name: string; isLoopback: boolean }[];
    missing: string;
    badFilter: string;
    veth: CaptureSummary;
    any: CaptureSummary;
    full: CaptureSummary;
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
  // `any` sees a datagram as it leaves v0 and as it reaches v1.
  t.match(result.any, { linkType: 113, packets: 200, dropped: 0, ports: [4444, 5555] });
  t.equal(result.full.packets + result.full.dropped, 100, 'what the queue has no room for is counted');
  t.ok(result.full.packets > 0);
});

test('the queue holds what fits, in order, and counts its bytes exactly', async (t) => {
  const queue = new PacketQueue(2 * 16 + 5);
  const frame = Uint8Array.of(1, 2, 3, 4);
  t.equal(queue.shift(), false);
  t.equal(queue.push(5_000_000_000, 999_999_999, frame, 2), true);
  t.equal(queue.push(2, 3, frame, 4), false, 'one byte too many');
  t.equal(queue.push(2, 3, frame, 3), true);
  t.equal(queue.shift(), true);
  t.match(queue, { seconds: 5_000_000_000, nanoseconds: 999_999_999, length: 2, position: 16 });
  t.equal(queue.shift(), true);
  t.strictSame([...queue.data.subarray(queue.position, queue.position + queue.length)], [1, 2, 3]);
  t.equal(queue.shift(), false);
  t.equal(queue.isEmpty, true);
  queue.clear();
  t.equal(queue.push(1, 1, frame, 4), true);
});
