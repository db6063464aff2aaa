/** Health checks of a daemon: probes through a tunnel to another daemon, and the routes that follow. */
import t from 'tap';
import { GrebeProcess, type Configuration } from '../interop/grebe-process.js';
import { eventually } from '../interop/command.js';
import { request } from '../../src/daemon/control-client.js';
import type { HealthState } from '../../src/network/health/health-state.js';
import type { RouteSnapshot, TunnelHealthSnapshot } from '../../src/observability/snapshot.js';
import { Netns, requireRoot } from '../support/netns.js';

const skip = requireRoot();
const PREFIX = '10.97.0.0/24';
const PATIENCE_MS = 240_000;

/** Whose answers come as they should: the two types, in both directions where these differ. */
const CHECKS = {
  main: { type: 'request', direction: 'bidirectional', rate: 'high' },
  backup: { type: 'reply', direction: 'bidirectional', rate: 'high' },
};
type TunnelName = keyof typeof CHECKS;
const NAMES = Object.keys(CHECKS) as TunnelName[];

function configuration(side: 0 | 1, underlay: string, tunnels: readonly TunnelName[]): Configuration {
  return {
    node: { name: `n${side}` },
    tunnels: tunnels.map((name) => {
      const i = NAMES.indexOf(name);
      return {
        ...{ name, local: `192.168.77.${side + 1}`, remote: `192.168.77.${2 - side}`, key: i },
        interface_address: `10.99.${i}.${side}/31`,
        ...(side === 0 ? { health_check: CHECKS[name] } : {}),
      };
    }),
    routes: side === 0 ? NAMES.map((nexthop, i) => ({ prefix: PREFIX, nexthop, priority: 100 + i })) : [],
    daemon: { underlay: { type: underlay }, overlay: { name: 'gr0' } },
  };
}

async function health(grebe: GrebeProcess, name: TunnelName): Promise<TunnelHealthSnapshot> {
  return (await grebe.tunnel(name)).health!;
}

async function becomes(grebe: GrebeProcess, name: TunnelName, state: HealthState): Promise<void> {
  await eventually(
    `${name} is ${state}`,
    async () => (await health(grebe, name)).state === state,
    PATIENCE_MS,
  );
}

async function nexthops(grebe: GrebeProcess): Promise<readonly string[]> {
  const routes = (await request(grebe.socket, 'GET', '/v1/routes')) as RouteSnapshot[];
  return routes.find(({ prefix }) => prefix === PREFIX)!.nexthops.map(({ tunnel }) => tunnel);
}

/** What the log says of a tunnel's health. */
function transitions(grebe: GrebeProcess, name: TunnelName): unknown[] {
  return grebe.log
    .filter(({ tunnel, reason }) => tunnel === name && reason !== undefined)
    .map(({ to, reason }) => [to, reason]);
}

for (const underlay of ['auto', 'raw']) {
  t.test(`routes follow the health of tunnels (${underlay})`, { skip, timeout: 900_000 }, async (t) => {
    const [one, two] = [Netns.create('hth'), Netns.create('hth')];
    t.teardown(() => [one, two].forEach((namespace) => namespace.delete()));
    Netns.connect(one, 'up0', two, 'up0', { addresses: [['192.168.77.1/24'], ['192.168.77.2/24']] });
    const [a, b] = await Promise.all([
      GrebeProcess.start(t, one, configuration(0, underlay, NAMES)),
      GrebeProcess.start(t, two, configuration(1, underlay, NAMES)),
    ]);
    const answered = async (name: TunnelName, least: number): Promise<void> => {
      await eventually(
        `${least} probes through ${name} are answered`,
        async () => (await health(a, name)).answered >= least,
        PATIENCE_MS,
      );
    };
    await Promise.all(NAMES.map((name) => answered(name, 2)));
    for (const name of NAMES) t.match(await health(a, name), { state: 'healthy' }, name);
    t.strictSame(await nexthops(a), ['main']);
    t.equal((await b.tunnel('main')).health, null, 'who is not asked to does not probe');

    const before = await health(a, 'main');
    await b.reload(configuration(1, underlay, ['backup']));
    await becomes(a, 'main', 'down');
    t.strictSame(await nexthops(a), ['backup'], 'the route has moved');
    const after = await health(a, 'main');
    t.ok(after.lost - before.lost >= 3, `${after.lost - before.lost} probes were lost`);
    t.match(await health(a, 'backup'), { state: 'healthy' }, 'the other tunnel does not mind');

    await a.reload(configuration(0, underlay, NAMES));
    t.match(await health(a, 'main'), { state: 'down' }, 'a reload forgets nothing');
    t.strictSame(await nexthops(a), ['backup']);

    await b.reload(configuration(1, underlay, NAMES));
    await becomes(a, 'main', 'degraded');
    t.strictSame(await nexthops(a), ['backup'], 'degraded is worse than healthy');

    await b.reload(configuration(1, underlay, ['main']));
    await becomes(a, 'backup', 'down');
    t.strictSame(await nexthops(a), ['main'], 'and better than down');

    t.strictSame(
      transitions(a, 'main').slice(-2),
      [
        ['down', 'all_failed'],
        ['degraded', 'answers_again'],
      ],
      'the log tells',
    );
    const { state, sent, answered: good, lost } = await health(a, 'main');
    t.equal(state, 'degraded');
    t.ok(sent - good - lost <= 3, 'every probe is accounted for');
    t.equal(await a.stop(), 0);
  });
}
