import t from 'tap';
import type { Neighbour } from '../../src/device/netlink/neighbour.js';
import { NeighbourState } from '../../src/device/netlink/protocol.js';
import { NextHops, type NextHop } from '../../src/device/underlay/next-hops.js';

const COUNT = 1000;
const HOUR = 3600;

/** A kernel with a thousand neighbours in one state, and what it is asked. */
function setUp(state: number, mac: Uint8Array | null): { hops: NextHops; uses: Map<string, number> } {
  const addresses = Array.from({ length: COUNT }, (_, n) => Uint8Array.of(10, 0, n >> 8, n));
  const neighbours = addresses.map((address): Neighbour => ({ interface: 1, address, mac, state }));
  const uses = new Map<string, number>();
  const hops = new NextHops({
    listNeighbours: () => neighbours,
    useNeighbour: (_, address) => {
      uses.set(address.join('.'), (uses.get(address.join('.')) ?? 0) + 1);
    },
  });
  for (const address of addresses) hops.acquire(1, address);
  hops.reload();
  return { hops, uses };
}

/** The kernel's answers to `refresh`, called each second for an hour: how often it is asked in each of them. */
function hourOf({ hops, uses }: ReturnType<typeof setUp>): number[] {
  const total = (): number => [...uses.values()].reduce((sum, n) => sum + n, 0);
  return Array.from({ length: HOUR }, (_, second) => {
    const before = total();
    hops.refresh(second * 1000);
    return total() - before;
  });
}

const MAC = Uint8Array.of(2, 0, 0, 0, 0, 1);

t.test('neighbours that the kernel is sure of: it is asked nothing', async (t) => {
  for (const state of [NeighbourState.REACHABLE, NeighbourState.PERMANENT, NeighbourState.DELAY]) {
    const lab = setUp(state, MAC);
    t.notOk(hourOf(lab).some((asked) => asked > 0));
  }
  const lookedUp = setUp(NeighbourState.INCOMPLETE, null);
  t.notOk(
    hourOf(lookedUp).some((asked) => asked > 0),
    'nor while it is looking them up',
  );
});

t.test('stale ones: each every 30 s, 50 a turn at the most', async (t) => {
  const lab = setUp(NeighbourState.STALE, MAC);
  const asked = hourOf(lab);
  t.equal(Math.max(...asked), 50);
  t.equal(lab.uses.size, COUNT);
  t.ok([...lab.uses.values()].every((uses) => uses >= HOUR / 30 - 2 && uses <= HOUR / 30));
});

t.test('those that do not answer: ever more seldom, 50 a turn at the most', async (t) => {
  const lab = setUp(NeighbourState.FAILED, null);
  const asked = hourOf(lab);
  t.equal(Math.max(...asked), 50);
  t.equal(lab.uses.size, COUNT);
  // Ten times until the longest wait of 300 s is reached, then each 300 s.
  t.ok(Math.max(...lab.uses.values()) <= 10 + HOUR / 300);
  t.ok(asked.slice(-300).reduce((sum, n) => sum + n) <= COUNT, 'in five minutes each once');
});

t.test('a neighbour that is just asked for is not asked for again', async (t) => {
  const { hops, uses } = setUp(NeighbourState.FAILED, null);
  const hop: NextHop = hops.acquire(1, Uint8Array.of(10, 0, 0, 0));
  for (const now of [0, 10, 999]) hops.ask(hop, now);
  t.strictSame([...uses], [['10.0.0.0', 1]]);
  hops.ask(hop, 1000);
  t.strictSame([...uses], [['10.0.0.0', 2]]);
});
