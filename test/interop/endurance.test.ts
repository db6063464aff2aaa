/** Two daemons on real devices, while something goes on: reloads, a failing worker, a flood. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'tap';
import { request } from '../../src/daemon/control-client.js';
import { requireRoot, type Netns } from '../support/netns.js';
import { eventually, missingOf, ping, tryExecute } from './command.js';
import { CountedStream } from './counted-stream.js';
import type { Configuration, GrebeProcess } from './grebe-process.js';
import { configurationOf, connectPair, HOSTS, OUTER, startPair } from './routed-pair.js';

const RELOADS = 100;
const FLOOD_SECONDS = process.env['GREBE_LONG'] === '1' ? 60 : 5;
const MEBIBYTE = 1 << 20;

const skip = requireRoot() || missingOf('ping', 'python3');
const underlay = { type: 'auto' };

/** Other tunnels, routes, numbers of tunnels and settings each time. */
function changedConfiguration(end: 'a' | 'b', i: number): Configuration {
  const more = { workers: 2, icmp_errors_per_second: 100 + i };
  const { tunnels, routes = [], ...rest } = configurationOf(end, underlay, more);
  const extra = { name: `x${i}`, local: OUTER[end][0], remote: `203.0.113.${i + 1}` };
  return {
    ...rest,
    tunnels: [extra, ...tunnels.map((tunnel) => ({ ...tunnel, ttl: 100 + i }))],
    routes: [...routes, { prefix: `10.9.${i}.0/24`, nexthop: extra.name }],
  };
}

test('reloads under load lose nothing', { skip, timeout: 1_200_000 }, async (t) => {
  const pair = connectPair(t, 'ioe');
  const daemons = await startPair(t, pair, underlay, { workers: 2 });
  const stream = await CountedStream.start(t, pair.a, pair.b, HOSTS.b[0], 1000, 8);
  for (let i = 0; i < RELOADS / 2; i++) {
    await Promise.all((['a', 'b'] as const).map((end) => daemons[end].reload(changedConfiguration(end, i))));
  }
  const { sent, received } = await stream.stop();
  t.comment(`${sent.packets} packets during ${RELOADS} reloads`);
  t.equal(received.packets, sent.packets, 'every packet arrived');
  t.ok(
    received.flows.every(({ repeated }) => repeated === 0),
    'none of them twice',
  );
  for (const grebe of [daemons.a, daemons.b]) {
    const { config, workerLost, workers } = await grebe.snapshot();
    t.equal(config.reloads, RELOADS / 2);
    t.equal(workerLost, 0);
    t.ok(workers.every(({ restarts }) => restarts === 0));
    t.equal(await grebe.stop(), 0);
  }
});

test('a worker fails under traffic', { skip, timeout: 1_200_000 }, async (t) => {
  const pair = connectPair(t, 'ioe');
  const { a } = await startPair(t, pair, underlay, { workers: 2 });
  const flows = 16;
  const stream = await CountedStream.start(t, pair.a, pair.b, HOSTS.b[0], 1600, flows);
  await sleep(1000);
  await request(a.socket, 'POST', '/v1/debug/crash?worker=0');
  await eventually('it is back', () => a.said('worker runs again'));
  await sleep(1000);
  const { sent, received } = await stream.stop();
  const shares = received.flows.map(({ distinct }) => distinct);
  const whole = shares.filter((share) => share >= Math.floor(sent.packets / flows)).length;
  t.comment(
    `${sent.packets - received.packets} of ${sent.packets} packets lost, ${whole} of ${flows} flows whole`,
  );
  t.equal(shares.length, flows, 'all flows arrived');
  t.ok(whole > 0, 'the other worker went on');
  t.ok(
    received.flows.every(({ highest }) => highest >= sent.packets - flows),
    'every flow goes on to its end',
  );
  const gaps = received.flows.map(({ longestGapMs }) => longestGapMs);
  t.comment(`no flow stood still for longer than ${Math.max(...gaps).toFixed(0)} ms`);
  t.match((await a.snapshot()).workers, [{ restarts: 1, state: 'running' }, { restarts: 0 }]);
});

/** Sends GRE without sense as fast as it can: half random from the first byte, half for a key that nobody has. */
const FLOOD = `
import os, socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 47)
s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
packets = [os.urandom(60) if i % 2 else b"\\x20\\x00\\x08\\x00" + os.urandom(60) for i in range(4096)]
end, n = time.time() + float(sys.argv[2]), 0
while time.time() < end:
  for packet in packets:
    try:
      s.sendto(packet, (sys.argv[1], 0))
      n += 1
    except OSError:
      pass
print(n)
`;

function residentBytes(pid: number): number {
  const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(line?.[1]) * 1024;
}

/** Packets that the cable between the router and a has lost so far. */
function droppedBetween(router: Netns): number {
  return Number(router.exec('cat', '/sys/class/net/to-a/statistics/tx_dropped'));
}

async function lostOrDropped(grebe: GrebeProcess): Promise<number> {
  const { verdicts, devices } = await grebe.snapshot();
  const { gre_bad_version, gre_routing_present, gre_reserved_bits, gre_truncated, gre_key_mismatch } =
    verdicts;
  const { gre_unsupported_protocol, endpoint_unknown, gre_bad_checksum } = verdicts;
  const judged =
    gre_bad_version +
    gre_routing_present +
    gre_reserved_bits +
    gre_truncated +
    gre_key_mismatch +
    gre_unsupported_protocol +
    endpoint_unknown +
    gre_bad_checksum;
  return judged + devices[0]!.counters.rx_dropped_queue;
}

test('a flood of GRE without sense', { skip, timeout: 1_200_000 + FLOOD_SECONDS * 1000 }, async (t) => {
  const pair = connectPair(t, 'ioe');
  const { a } = await startPair(t, pair, underlay);
  const { pid } = await a.snapshot();
  await ping(pair.a, 5, HOSTS.b[0]);
  const line = ['python3', '-c', FLOOD, OUTER.a[0], String(FLOOD_SECONDS)];
  const lostBefore = droppedBetween(pair.router);
  const flood = tryExecute(pair.router, line, FLOOD_SECONDS * 1000 + 180_000);
  await sleep(1500);
  const early = residentBytes(pid);
  const count = FLOOD_SECONDS * 5;
  const pings = ['ping', '-q', '-c', String(count), '-i', '0.1', '-W', '2', HOSTS.b[0]];
  const { stdout } = await tryExecute(pair.a, pings, FLOOD_SECONDS * 1000 + 180_000);
  const answered = Number(/(\d+) received/.exec(stdout)?.[1]);
  t.comment(`${answered} of ${count} pings through the tunnel were answered meanwhile`);
  const sent = Number((await flood).stdout);
  t.ok(sent > 0, `${sent} packets in ${FLOOD_SECONDS} s`);
  // Some may end before any socket, in the queue between the two interfaces.
  const lost = droppedBetween(pair.router) - lostBefore;
  let counted = 0;
  await eventually('all are counted', async () => (counted = await lostOrDropped(a)) >= sent - lost);
  t.ok(counted <= sent, `${counted} are counted, ${lost} did not come`);
  const late = residentBytes(pid);
  t.match(await ping(pair.a, 5, HOSTS.b[0]), / 0% packet loss/, 'it goes on');
  t.ok(late - early < 40 * MEBIBYTE, `${((late - early) / MEBIBYTE).toFixed(0)} MiB more memory`);
  t.equal(await a.stop(), 0);
  t.throws(() => pair.a.exec('ip', 'link', 'show', 'grebe0'), 'the TUN device is gone');
});
