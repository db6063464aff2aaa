import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { test, type Test } from 'tap';
import { Adjacencies, AdjacencyField, AdjacencyState } from '../../src/device/underlay/adjacency.js';
import { loadAddon, type Addon } from '../../src/device/native/addon.js';
import { parseCidr } from '../../src/device/netlink/address.js';
import { Netlink } from '../../src/device/netlink/netlink.js';
import { MessageType } from '../../src/device/netlink/protocol.js';
import { Neighbours, type NeighbourState } from '../../src/device/underlay/neighbours.js';
import { enteredNamespace, Netns, runInside } from '../support/netns.js';

/*
 *   this namespace ── n0 10.1.0.1, fd01::1 ──────── p0 10.1.0.2, fd01::2 (and 10.1.0.3) ── peer
 *                  ── n1 10.2.0.1 ───────────────── p1 10.2.0.2 ────────────────────────── peer
 */
const PEER = 'GREBE_TEST_PEER';
const peer = process.env[PEER] ?? '';

const ip = (...args: string[]): string => execFileSync('ip', args, { encoding: 'utf8' });
const bytesOf = (text: string): Uint8Array => parseCidr(text).address;

/** The adjacency as a port reads it: interface and header, or null when the fallback is to be taken. */
function frameTo(table: Adjacencies, remote: string): string | null {
  const address = bytesOf(remote);
  const record =
    address.length === 16
      ? table.find6(address, 0)
      : table.find4(new DataView(address.buffer).getInt32(0, true));
  if (record < 0) throw new Error(`${remote} is not in the table`);
  if (table.words[record + AdjacencyField.STATE] !== AdjacencyState.USABLE) return null;
  const header = table.words.slice(record + AdjacencyField.HEADER, record + AdjacencyField.HEADER + 4);
  const hex = Buffer.from(header.buffer).toString('hex');
  return `${table.words[record + AdjacencyField.INTERFACE]} ${hex}`;
}

async function until(t: Test, what: string, condition: () => boolean): Promise<void> {
  const end = performance.now() + 60_000;
  while (!condition() && performance.now() < end) await sleep(10);
  t.ok(condition(), what);
}

function follow(
  t: Test,
  tunnels: [string, string][],
  interfaces: ReadonlySet<number> | null = null,
  addon: Addon = loadAddon(),
): { table: Adjacencies; neighbours: Neighbours; changes: NeighbourState[] } {
  const ends = tunnels.map(([local, remote]) => ({ local: bytesOf(local), remote: bytesOf(remote) }));
  const table = Adjacencies.create(ends.map(({ remote }) => remote));
  const changes: NeighbourState[] = [];
  const neighbours = new Neighbours(table, {
    tunnels: ends,
    interfaces,
    addon,
    onChange: (state) => changes.push(state),
  });
  t.teardown(() => neighbours.close());
  return { table, neighbours, changes };
}

/** Requests to the kernel, by their MessageType. */
class Requests {
  private readonly counts = new Map<number, number>();
  readonly addon: Addon = {
    ...loadAddon(),
    netlinkSend: (fd, bytes, length) => {
      const type = new DataView(bytes.buffer, bytes.byteOffset).getUint16(4, true);
      this.counts.set(type, this.of(type) + 1);
      loadAddon().netlinkSend(fd, bytes, length);
    },
  };

  of(...types: number[]): number {
    return types.reduce((sum, type) => sum + (this.counts.get(type) ?? 0), 0);
  }

  /** All that read something. */
  get lookups(): number {
    const { GET_LINK, GET_ADDRESS, GET_ROUTE, GET_NEIGHBOUR } = MessageType;
    return this.of(GET_LINK, GET_ADDRESS, GET_ROUTE, GET_NEIGHBOUR);
  }
}

if (enteredNamespace() === null) {
  runInside(test, import.meta.url, 'nbr', (namespace) => {
    const other = Netns.create('nbr');
    process.env[PEER] = other.name;
    Netns.connect(namespace, 'n0', other, 'p0', {
      addresses: [
        ['10.1.0.1/24', 'fd01::1/64'],
        ['10.1.0.2/24', '10.1.0.3/24', 'fd01::2/64'],
      ],
      macs: ['02:00:00:00:10:01', '02:00:00:00:10:02'],
    });
    Netns.connect(namespace, 'n1', other, 'p1', {
      addresses: [['10.2.0.1/24'], ['10.2.0.2/24']],
      macs: ['02:00:00:00:20:01', '02:00:00:00:20:02'],
    });
    namespace.sysctl('net/ipv4/neigh/n0/delay_first_probe_time', 1);
    namespace.exec('ip', 'route', 'add', '198.51.100.0/24', 'via', '10.1.0.2');
    namespace.exec('ip', 'route', 'add', '2001:db8::/32', 'via', 'fd01::2');
  });
} else {
  const netlink = new Netlink();
  const n0 = netlink.linkByName('n0')!.index;
  const n1 = netlink.linkByName('n1')!.index;
  const through0 = (type: string): string => `${n0} 0000020000001002020000001001${type}`;
  const through1 = `${n1} 00000200000020020200000020010800`;

  test('remotes on the link and behind a gateway, both families', async (t) => {
    const { table, neighbours, changes } = follow(t, [
      ['10.1.0.1', '10.1.0.2'],
      ['10.1.0.1', '198.51.100.7'],
      ['fd01::1', 'fd01::2'],
      ['fd01::1', '2001:db8::7'],
      ['10.1.0.1', '8.8.8.8'],
      ['10.1.0.1', '10.2.0.1'],
      ['192.0.2.99', '10.2.0.2'],
    ]);
    await neighbours.start();
    await until(t, 'found on the link', () => frameTo(table, '10.1.0.2') === through0('0800'));
    await until(t, 'through the gateway', () => frameTo(table, '198.51.100.7') === through0('0800'));
    await until(t, 'IPv6', () => frameTo(table, 'fd01::2') === through0('86dd'));
    await until(t, 'IPv6 through the gateway', () => frameTo(table, '2001:db8::7') === through0('86dd'));
    await until(t, 'from an address that is not ours', () => frameTo(table, '10.2.0.2') === through1);
    t.equal(changes.length, 5);
    t.ok(changes.every(({ usable, reason }) => usable && reason === ''));
    t.match(neighbours.stateOf(bytesOf('8.8.8.8')), { usable: false, reason: 'there is no route' });
    t.match(neighbours.stateOf(bytesOf('10.2.0.1')), { reason: 'it is an address of this machine' });
    t.match(neighbours.routeOf(bytesOf('198.51.100.7')), { gateway: bytesOf('10.1.0.2'), mtu: 1500 });
    t.equal(neighbours.stateOf(bytesOf('10.9.9.9')), null);
    t.equal(neighbours.list().length, 7);
  });

  test('only interfaces of the underlay are taken', async (t) => {
    const tunnels: [string, string][] = [
      ['10.1.0.1', '10.1.0.2'],
      ['10.1.0.1', '10.2.0.2'],
    ];
    const { table, neighbours } = follow(t, tunnels, new Set([n0]));
    await neighbours.start();
    await until(t, 'the one that is', () => frameTo(table, '10.1.0.2') !== null);
    t.match(neighbours.stateOf(bytesOf('10.2.0.2')), {
      reason: "n1 is not one of the underlay's interfaces",
    });
    t.equal(frameTo(table, '10.2.0.2'), null);
  });

  test('changes are followed', async (t) => {
    const { table, neighbours, changes } = follow(t, [
      ['10.1.0.1', '198.51.100.7'],
      ['10.1.0.1', '10.1.0.3'],
    ]);
    await neighbours.start();
    const frame = (): string | null => frameTo(table, '198.51.100.7');
    await until(t, 'through the first gateway', () => frame() === through0('0800'));
    await until(t, 'on the link', () => frameTo(table, '10.1.0.3') !== null);

    ip('route', 'replace', '198.51.100.0/24', 'via', '10.2.0.2');
    await until(t, 'a route to another interface', () => frame() === through1);
    t.match(neighbours.routeOf(bytesOf('198.51.100.7')), { link: { name: 'n1' } });
    ip('route', 'replace', '198.51.100.7/32', 'via', '10.1.0.2', 'mtu', '1300');
    await until(t, 'a longer prefix', () => frame() === through0('0800'));
    t.match(neighbours.routeOf(bytesOf('198.51.100.7')), { mtu: 1300 });
    ip('route', 'delete', '198.51.100.7/32');
    await until(t, 'and without it', () => frame() === through1);

    const neighbour = ['10.2.0.2', 'dev', 'n1', 'lladdr', '02:00:00:00:99:99', 'nud'];
    ip('neighbour', 'replace', ...neighbour, 'stale');
    await until(t, 'another link address', () => frame() === `${n1} 00000200000099990200000020010800`);
    ip('neighbour', 'replace', ...neighbour, 'failed');
    // The kernel is asked at once, and the peer answers: not for long.
    const isUnknown = ({ usable, reason }: NeighbourState): boolean =>
      !usable && reason === 'the link address of 10.2.0.2 on n1 is not known';
    await until(t, 'a neighbour that failed', () => changes.some(isUnknown));
    await until(t, 'is looked up again, and found', () => frame() === through1);
    ip('neighbour', 'delete', '10.2.0.2', 'dev', 'n1');
    await until(t, 'as one that is forgotten', () => frame() === through1);

    ip('link', 'set', 'n1', 'address', '02:00:00:00:20:77');
    await until(t, 'our own link address', () => frame() === `${n1} 00000200000020020200000020770800`);
    ip('link', 'set', 'n1', 'address', '02:00:00:00:20:01');
    await until(t, 'and back', () => frame() === through1);

    ip('link', 'set', 'n1', 'down');
    await until(t, 'an interface that is down', () => frame() === null);
    const reason = (): string | undefined => neighbours.stateOf(bytesOf('198.51.100.7'))?.reason;
    await until(t, 'and why', () => reason() === 'there is no route');
    ip('link', 'set', 'n1', 'up');
    ip('route', 'add', '198.51.100.0/24', 'via', '10.2.0.2');
    await until(t, 'and up again', () => frame() === through1);
    t.ok(frameTo(table, '10.1.0.3') !== null, 'the other one did not care');
    t.ok(
      changes.filter(({ destination }) => destination.join('.') === '10.1.0.3').length === 1,
      'and changed once',
    );
  });

  test('the peer itself changes its link address', async (t) => {
    const { table, neighbours } = follow(t, [['10.1.0.1', '10.1.0.2']]);
    await neighbours.start();
    await until(t, 'found', () => frameTo(table, '10.1.0.2') === through0('0800'));
    ip('-n', peer, 'link', 'set', 'p0', 'address', '02:00:00:00:10:77');
    // As a machine does that takes over the address of another one.
    ip('-n', peer, 'neighbour', 'flush', 'dev', 'p0');
    ip('neighbour', 'delete', '10.1.0.2', 'dev', 'n0');
    await until(t, 'followed', () => frameTo(table, '10.1.0.2') === `${n0} 00000200000010770200000010010800`);
    ip('-n', peer, 'link', 'set', 'p0', 'address', '02:00:00:00:10:02');
    ip('neighbour', 'delete', '10.1.0.2', 'dev', 'n0');
    await until(t, 'and back', () => frameTo(table, '10.1.0.2') === through0('0800'));
  });

  test('a stale neighbour is used, and made sure of', async (t) => {
    ip('neighbour', 'replace', '10.1.0.2', 'dev', 'n0', 'lladdr', '02:00:00:00:10:02', 'nud', 'stale');
    const { table, neighbours } = follow(t, [['10.1.0.1', '10.1.0.2']]);
    await neighbours.start();
    t.equal(frameTo(table, '10.1.0.2'), through0('0800'), 'at once');
    // The first turn of the timer, then the kernel's own delay.
    const state = (): string => ip('neighbour', 'show', '10.1.0.2');
    await until(t, 'made sure of', () => state().includes('REACHABLE'));
    t.equal(frameTo(table, '10.1.0.2'), through0('0800'));
  });

  test('a permanent neighbour is left alone, also when nobody answers for it', async (t) => {
    const entry = ['10.1.0.50', 'dev', 'n0'];
    ip('neighbour', 'replace', ...entry, 'lladdr', '02:00:00:00:50:50', 'nud', 'permanent');
    const { table, neighbours } = follow(t, [['10.1.0.1', '10.1.0.50']]);
    await neighbours.start();
    const expected = `${n0} 00000200000050500200000010010800`;
    t.equal(frameTo(table, '10.1.0.50'), expected, 'at once');
    // Several turns of the timer, and a change that has everything read anew.
    await sleep(1500);
    ip('address', 'add', '10.77.0.1/24', 'dev', 'n1');
    await sleep(1200);
    t.match(ip('neighbour', 'show', ...entry), /PERMANENT/);
    t.equal(frameTo(table, '10.1.0.50'), expected);
    ip('neighbour', 'delete', ...entry);
  });

  test('tunnels come and go', async (t) => {
    const { table, neighbours } = follow(t, [['10.1.0.1', '10.1.0.2']]);
    await neighbours.start();
    const ends = (remote: string) => ({ local: bytesOf('10.1.0.1'), remote: bytesOf(remote) });
    neighbours.setTunnels([ends('10.1.0.3'), ends('198.51.100.9')]);
    t.throws(() => frameTo(table, '10.1.0.2'), 'gone');
    await until(t, 'a new one', () => frameTo(table, '10.1.0.3') === through0('0800'));
    await until(t, 'and another', () => frameTo(table, '198.51.100.9') === through1);
    // Gone and back at once: the record cannot be written again yet, and then it is.
    neighbours.setTunnels([]);
    t.same(neighbours.list(), []);
    t.throws(() => frameTo(table, '10.1.0.3'), 'gone');
    neighbours.setTunnels([ends('10.1.0.3')]);
    await until(t, 'back', () => frameTo(table, '10.1.0.3') === through0('0800'));
    t.ok(neighbours.stateOf(bytesOf('10.1.0.3'))?.usable);
  });

  test('a thousand remotes: little is asked', async (t) => {
    const remotes = Array.from({ length: 1000 }, (_, n) => `198.51.${100 + (n >> 8)}.${n & 255}`);
    for (const third of ['101', '102', '103']) ip('route', 'add', `198.51.${third}.0/24`, 'via', '10.1.0.2');
    const tunnels = remotes.map((remote): [string, string] => ['10.1.0.1', remote]);
    const requests = new Requests();
    const { GET_LINK, GET_ROUTE, GET_NEIGHBOUR, NEW_NEIGHBOUR } = MessageType;
    const { table, neighbours } = follow(t, tunnels, null, requests.addon);
    await neighbours.start();
    t.equal(requests.of(GET_ROUTE), 1000, 'at the start one route for each');
    t.equal(requests.of(GET_LINK, GET_NEIGHBOUR), 2, 'and the tables of interfaces and neighbours');
    await until(t, 'all found', () => remotes.every((remote) => frameTo(table, remote) !== null));

    // What earlier tests changed may still arrive; several turns of the timer come after it.
    for (let before = -1; before !== requests.lookups;) {
      before = requests.lookups;
      await sleep(1500);
    }
    const lookups = requests.lookups;
    const asked = requests.of(NEW_NEIGHBOUR);
    const begin = performance.now();
    await sleep(2500);
    t.equal(requests.lookups, lookups, 'nothing while nothing changes');
    // Of two next hops, each every 30 s at the most.
    const uses = requests.of(NEW_NEIGHBOUR) - asked;
    t.ok(uses <= 2 * Math.ceil((performance.now() - begin) / 30_000), `${uses} neighbours made sure of`);

    // Other routes that change all the time: 10,000 changes, 200 at a time.
    const routesBefore = requests.of(GET_ROUTE);
    const tablesBefore = requests.of(GET_LINK, GET_NEIGHBOUR);
    const start = performance.now();
    for (let burst = 0; burst < 50; burst++) {
      const churn = Array.from({ length: 100 }, (_, n) => {
        const prefix = `100.64.${burst}.${n}/32`;
        return `route add ${prefix} via 10.1.0.3\nroute delete ${prefix} via 10.1.0.3`;
      });
      execFileSync('ip', ['-batch', '-'], { input: churn.join('\n') });
      await sleep(50);
    }
    ip('route', 'replace', '198.51.103.0/24', 'via', '10.2.0.2');
    await until(t, 'and one that matters', () => frameTo(table, '198.51.103.1') === through1);
    // Every one once a second, and those of the last change once more.
    const turns = 2 + Math.floor((performance.now() - start) / 1000);
    const routes = requests.of(GET_ROUTE) - routesBefore;
    t.ok(routes <= turns * remotes.length, `${routes} routes looked up, in ${turns} turns at the most`);
    const tables = requests.of(GET_LINK, GET_NEIGHBOUR) - tablesBefore;
    t.ok(tables <= 2 * turns, `${tables} tables read`);
    t.ok(remotes.every((remote) => frameTo(table, remote) !== null));
  });

  test('what is lost in between is read anew', async (t) => {
    const { table, neighbours } = follow(t, [['10.1.0.1', '198.51.100.7']]);
    await neighbours.start();
    await until(t, 'found', () => frameTo(table, '198.51.100.7') === through1);
    // The event loop has no turn while the kernel's queue fills and overflows.
    for (let n = 0; n < 20_000; n++) netlink.setLink(n0, { mtu: 1400 + (n % 2) });
    ip('route', 'replace', '198.51.100.0/24', 'via', '10.1.0.2');
    await until(
      t,
      'the change in the middle of it',
      () => frameTo(table, '198.51.100.7') === through0('0800'),
    );
    netlink.setLink(n0, { mtu: 1500 });
  });

  test('the end', async () => netlink.close());
}
