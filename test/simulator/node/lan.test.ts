/** A LAN with two routers, and stories of failures. */
import t from 'tap';
import { MILLISECOND, SECOND } from '../../../src/network/time.js';
import { endsOf } from '../../../src/simulator/traffic/ends.js';
import { Ping } from '../../../src/simulator/traffic/ping.js';
import { ping } from '../traffic/specs.js';
import { isConserved, path } from './lab.js';
import { routerSpec, siteLab, tunnelConfig, type SiteLab } from './site-lab.js';

const TWO_ROUTERS = [
  routerSpec(),
  routerSpec({
    name: 'r2',
    uplinks: [{ name: 'r2.isp', provider: 'other', address: '203.0.113.20', down: path(), up: path() }],
    tunnels: ['acme_2'],
  }),
];
const NETWORK = {
  tunnels: [
    tunnelConfig('acme_1'),
    tunnelConfig('acme_2', { customer_gre_endpoint: '203.0.113.20', interface_address: '10.100.0.10/31' }),
  ],
};

/** Pings from the site to the client on the Internet, ten in a second. */
function pinging(lab: SiteLab): Ping {
  const spec = ping('web', 'client', { interval: 100 * MILLISECOND, until: null });
  const traffic = new Ping(spec, endsOf(lab.hosts, 'web', 'client'));
  traffic.start();
  return traffic;
}

t.test('the gateway fails: the next router takes over as by VRRP, and gives back', (t) => {
  const lab = siteLab({ site: { routers: TWO_ROUTERS }, network: NETWORK });
  const pings = pinging(lab);
  const [first, second] = lab.site.routers;
  lab.world.scheduler.run(10 * SECOND);
  t.equal(pings.summary.longestGap < 200 * MILLISECOND, true);
  first!.up = false;
  lab.edge.tables.setGroup(0, 0, [{ member: 1, identity: 1, weight: 1 }]);
  for (let view = 0; view < 4; view++)
    lab.edge.tables.setGroup(view, 0, [{ member: 1, identity: 1, weight: 1 }]);
  lab.world.scheduler.run(20 * SECOND);
  const { longestGap } = pings.summary;
  t.ok(longestGap > 3.5 * SECOND && longestGap < 4 * SECOND, `${longestGap / SECOND} s`);
  t.ok(lab.recorder.dropsOf('router_down', first!.name) > 30);
  first!.up = true;
  lab.world.scheduler.run(25 * SECOND);
  t.same(
    lab.recorder.events.map(({ text }) => text),
    [`${second!.name} is the gateway of acme`, `${first!.name} is the gateway of acme`],
  );
  t.ok(isConserved(lab.world, lab.recorder));
  t.end();
});

t.test('a router without a way out hands over after a second', (t) => {
  const lab = siteLab({ site: { routers: TWO_ROUTERS }, network: NETWORK });
  lab.world.scheduler.run(SECOND);
  lab.up.up = false;
  lab.world.scheduler.run(3 * SECOND);
  t.equal(lab.recorder.events.length, 1);
  t.notOk(lab.router.reaches('acme_1'));
  t.end();
});

t.test('hosts of a LAN talk without a router; strangers are nowhere', (t) => {
  const lab = siteLab({
    site: {
      routers: [],
      hosts: ['192.0.2.10', '192.0.2.11'].map((address, i) => ({
        ...{ name: `h${i}`, addresses: [address], location: [0, 0], mtu: 1500, mss: null },
        ...{ path_mtu_discovery: true, listens: [] },
      })),
    },
  });
  const pings = new Ping(ping('h0', 'h1', { until: SECOND }), endsOf(lab.hosts, 'h0', 'h1'));
  const lost = new Ping(ping('h0', 'client', { until: SECOND }), endsOf(lab.hosts, 'h0', 'client'));
  pings.start();
  lost.start();
  lab.world.scheduler.run(2 * SECOND);
  t.equal(pings.summary.received, 10);
  t.equal(lost.summary.received, 0);
  t.equal(lab.recorder.dropsOf('destination_unreachable', 'acme'), 10);
  t.end();
});
