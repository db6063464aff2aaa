/**
 * Health checks against a kernel's GRE: what the daemon finds, and what the simulator says that it finds. Five minutes
 * of a tunnel that is degraded are five minutes here too.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { test, type Test } from 'tap';
import { request } from '../../src/daemon/control-client.js';
import { DOWN_SAMPLES, RECOVERY_TIME, RETURN_SAMPLES } from '../../src/network/health/tunnel-health.js';
import { SECOND } from '../../src/network/time.js';
import type { RouteSnapshot } from '../../src/observability/snapshot.js';
import { runScenario } from '../../src/simulator/run/run.js';
import { parseScenario } from '../../src/simulator/scenario/load.js';
import { Netns, requireRoot } from '../support/netns.js';
import { eventually, missingOf, ping } from './command.js';
import { GrebeProcess, type Configuration } from './grebe-process.js';
import { missingForGuest } from './initramfs.js';
import { LinuxGuest } from './linux-guest.js';

const skip = requireRoot() || missingForGuest() || missingOf('ping', 'busybox');

const HERE = '10.1.0.1';
const THERE = '10.2.0.1';
/** A machine that is busy with other things. */
const PATIENCE_MS = 1_500_000;
const INTERVAL = 1;

const bidirectional = { direction: 'bidirectional', rate: 'high' };
const CHECKS = {
  main: { ...bidirectional, type: 'request' },
  backup: { direction: 'unidirectional', rate: 'high', type: 'request' },
  /** A kernel takes no packet whose source is an address of its own. */
  replies: { ...bidirectional, type: 'reply' },
};
const NAMES = Object.keys(CHECKS) as (keyof typeof CHECKS)[];

const CONFIGURATION: Configuration = {
  tunnels: NAMES.map((name, i) => ({
    ...{ name, local: '192.0.2.1', remote: `192.0.2.${10 + i}`, interface_address: `10.100.${i}.0/31` },
    health_check: CHECKS[name],
  })),
  routes: NAMES.slice(0, 2).map((nexthop, i) => ({
    ...{ prefix: `${THERE}/32`, nexthop, priority: 100 * (i + 1) },
  })),
  daemon: { overlay: { type: 'tun', name: 'grebe0', addresses: [`${HERE}/32`], routes: [`${THERE}/32`] } },
};

async function setUpGuest(guest: LinuxGuest): Promise<void> {
  await guest.run(`ip addr add ${THERE}/32 dev lo`);
  for (const i of NAMES.keys()) {
    const remote = `192.0.2.${10 + i}`;
    await guest.run(
      [
        `ip addr add ${remote}/32 dev eth0`,
        `ip link add gre${i + 1} type gre local ${remote} remote 192.0.2.1 ttl 64`,
        `ip addr add 10.100.${i}.1 peer 10.100.${i}.0 dev gre${i + 1}`,
        `ip link set gre${i + 1} up`,
      ].join(' && '),
    );
  }
  // Answers to what comes through either tunnel.
  await guest.run(`ip route add ${HERE}/32 dev gre1 src ${THERE}`);
  await guest.run(`ip route add ${HERE}/32 dev gre2 src ${THERE} metric 10`);
}

interface Transition {
  /** Seconds since the tunnel failed. */
  readonly at: number;
  readonly from: string;
  readonly to: string;
}

/** With the probes so far, those of the transition's own instant among them. */
interface Counted extends Transition {
  readonly answered: number;
  readonly lost: number;
}

/** @param from milliseconds since 1970 */
function transitions({ log }: GrebeProcess, name: string, from: number): Counted[] {
  return log
    .filter(({ tunnel, reason }) => tunnel === name && reason !== undefined)
    .map(({ time, from: before, to, answered, lost }) => ({
      ...{ at: (Date.parse(time as string) - from) / 1000, from: before as string, to: to as string },
      ...{ answered: answered as number, lost: lost as number },
    }))
    .filter(({ at }) => at >= 0);
}

/** What the simulator says of the same tunnels when the first of them fails for so many seconds. */
async function simulated(seconds: number): Promise<Transition[]> {
  const failsAt = 10;
  const scenario = {
    name: 'kernel-peer',
    duration: `${Math.ceil(failsAt + seconds + 2 * (RECOVERY_TIME / SECOND))}s`,
    edge: { pops: ['fra'] },
    prefixes: ['192.0.2.0/24'],
    tunnels: NAMES.slice(0, 2).map((name, i) => ({
      ...{
        name,
        local: '198.51.100.1',
        remote: `203.0.113.${10 + i}`,
        interface_address: `10.100.${i}.0/31`,
      },
      health_check: CHECKS[name],
    })),
    routes: NAMES.slice(0, 2).map((nexthop, i) => ({
      prefix: '192.0.2.0/24',
      nexthop,
      priority: 100 * (i + 1),
    })),
    providers: ['isp1', 'isp2'],
    sites: {
      peer: {
        at: 'fra',
        prefixes: ['192.0.2.0/24'],
        routers: { r1: { uplinks: { isp1: '203.0.113.10', isp2: '203.0.113.11' } } },
        hosts: { web: { address: '192.0.2.10' } },
      },
    },
    timeline: [{ at: `${failsAt}s`, fail: 'main', for: `${seconds.toFixed(3)}s` }],
    expect: [{ health: 'main', is: 'healthy' }],
  };
  const file = 'kernel-peer.yaml';
  const { health } = await runScenario(parseScenario(JSON.stringify(scenario), file), { file });
  const main = health.find(({ tunnel }) => tunnel === 'main')!;
  return main.transitions.map(({ at, from, to }) => ({ at: at - failsAt, from, to }));
}

test('the health of a kernel peer', { skip, timeout: 3_600_000 }, async (t) => {
  const box = Netns.create('hlt');
  t.teardown(() => box.delete());
  const guest = await LinuxGuest.start({
    ...{ namespace: box, tap: 'wire' },
    addresses: ['192.0.2.1/24'],
    guestAddresses: ['192.0.2.2/24'],
  });
  t.teardown(() => guest.stop());
  await setUpGuest(guest);
  const grebe = await GrebeProcess.start(t, box, CONFIGURATION);
  box.exec('ip', 'route', 'replace', THERE, 'dev', 'grebe0', 'src', HERE);

  const state = async (name: string): Promise<string> => (await grebe.tunnel(name)).health!.state;
  const becomes = (name: string, wanted: string): Promise<true> =>
    eventually(`${name} is ${wanted}`, async () => (await state(name)) === wanted, PATIENCE_MS);
  const answered = (name: string, count: number): Promise<true> =>
    eventually(
      `${count} probes through ${name} are answered`,
      async () => (await grebe.tunnel(name)).health!.answered >= count,
      PATIENCE_MS,
    );
  const nexthops = async (): Promise<readonly string[]> => {
    const routes = (await request(grebe.socket, 'GET', '/v1/routes')) as RouteSnapshot[];
    return routes.find(({ prefix }) => prefix === `${THERE}/32`)!.nexthops.map(({ tunnel }) => tunnel);
  };
  const pings = async (t: Test, through: string): Promise<void> => {
    const before = await grebe.tunnel(through);
    t.match(await ping(box, 3, THERE), / 0% packet loss/, `ping through ${through}`);
    const after = await grebe.tunnel(through);
    t.ok(after.encapsulated.packets - before.encapsulated.packets >= 3);
  };

  await answered('main', 5);
  await answered('backup', 5);
  await becomes('replies', 'down');
  t.equal((await grebe.tunnel('replies')).health!.answered, 0, 'no answer to unasked replies');
  // On a busy machine probes may have got lost.
  await becomes('main', 'healthy');
  await becomes('backup', 'healthy');
  t.strictSame(await nexthops(), ['main']);
  await pings(t, 'main');

  const { lost } = (await grebe.tunnel('main')).health!;
  const failed = Date.now();
  await guest.run('ip link set gre1 down');
  await becomes('main', 'down');
  t.strictSame(await nexthops(), ['backup']);
  await pings(t, 'backup');
  // Some more probes of a tunnel that is down.
  await sleep(5000);
  await guest.run(`ip link set gre1 up && ip route add ${HERE}/32 dev gre1 src ${THERE}`);
  const seconds = (Date.now() - failed) / 1000;
  await becomes('main', 'degraded');
  t.strictSame(await nexthops(), ['backup'], 'not before it is healthy');
  await becomes('main', 'healthy');
  t.strictSame(await nexthops(), ['main']);
  await pings(t, 'main');

  const found = transitions(grebe, 'main', failed);
  const expected = await simulated(seconds);
  t.comment(JSON.stringify({ seconds, found, expected }));
  const steps = (all: readonly Transition[]): unknown[] => all.map(({ from, to }) => [from, to]);
  t.strictSame(steps(found), steps(expected), 'the states are those of the simulator, in their order');
  const [down, degraded, healthy] = found as [Counted, Counted, Counted];
  t.equal(down.lost - lost, DOWN_SAMPLES, 'probes until it is down');
  t.equal(degraded.answered - down.answered, RETURN_SAMPLES, 'probes until it is degraded');
  const [, degradedThere, healthyThere] = expected as [Transition, Transition, Transition];
  const there = healthyThere.at - degradedThere.at;
  const here = healthy.at - degraded.at;
  t.ok(here > there - INTERVAL, `healthy after ${here} s, in the simulator after ${there} s`);
  const probes = healthy.answered - degraded.answered;
  if (healthy.lost === degraded.lost) t.ok(probes <= there / INTERVAL + 1, `${probes} probes until then`);
  else t.comment(`the machine was so busy that ${healthy.lost - degraded.lost} probes were lost meanwhile`);
  t.equal((await grebe.tunnel('backup')).health!.state, 'healthy', 'the other tunnel does not mind');
  t.equal(await grebe.stop(), 0);
});
