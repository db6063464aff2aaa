/** The daemon's health checks with workers and a clock of the test's own. */
import t from 'tap';
import type { HealthClock } from '../../src/daemon/health-clock.js';
import { HealthWatch, type ProbeThread } from '../../src/daemon/health-watch.js';
import { createLog } from '../../src/daemon/log.js';
import { PacketQueue } from '../../src/daemon/packet-queue.js';
import { makePlan, type Plan } from '../../src/daemon/plan.js';
import { Tables } from '../../src/dataplane/tables.js';
import { SECOND } from '../../src/network/time.js';
import { writeConfig } from './support.js';

/** Time passes in it when it is told to. */
class TestClock implements HealthClock {
  time = 0;
  private readonly orders = new Set<{ readonly at: number; readonly what: () => void }>();

  now(): number {
    return this.time;
  }

  after(milliseconds: number, what: () => void): () => void {
    const order = { at: this.time + milliseconds * 1e6, what };
    this.orders.add(order);
    return () => this.orders.delete(order);
  }

  /** So many seconds, or until something holds if that comes first. Answers whether it does. */
  pass(seconds: number, holds: () => boolean = () => false): boolean {
    const end = this.time + seconds * SECOND;
    for (;;) {
      if (holds()) return true;
      const [first] = [...this.orders].sort((a, b) => a.at - b.at);
      if (first === undefined || first.at > end) break;
      this.orders.delete(first);
      this.time = Math.max(this.time, first.at);
      first.what();
    }
    this.time = end;
    return false;
  }
}

const log = createLog({ level: 'silent', format: 'json' });

function configuration(more = ''): string {
  const tunnel = (name: string, i: number, check: string): string =>
    `  - { name: ${name}, local: 198.51.100.1, remote: 203.0.113.${i}, interface_address: 10.0.${i}.0/31${check} }`;
  return [
    'node: { name: test }',
    'tunnels:',
    tunnel('main', 1, ', health_check: { direction: bidirectional, rate: high }'),
    tunnel('backup', 2, more),
    'routes:',
    '  - { prefix: 192.0.2.0/24, nexthop: main }',
    '  - { prefix: 192.0.2.0/24, nexthop: backup, priority: 200 }',
    'daemon:',
    '  underlay: { type: synthetic }',
    '  overlay: { type: discard }',
    '',
  ].join('\n');
}

/** Nanoseconds from a probe to its answer. */
const RTT = 20e6;

/** A thread whose tunnels answer, or do not: a probe of type `reply` is its own answer. */
class FakeThread implements ProbeThread {
  readonly probes = PacketQueue.create(16);
  readonly answers = PacketQueue.create(16);
  isSending = true;
  end: () => void = () => undefined;
  readonly ended = new Promise<null>((resolve) => {
    this.end = () => {
      resolve(null);
    };
  });
  /** Tunnels that are broken, by number. */
  readonly broken = new Set<number>();
  sent = 0;

  constructor(
    private readonly clock: TestClock,
    private readonly answered: () => void,
  ) {}

  sendProbes(): void {
    const { probes, answers } = this;
    while (probes.take()) {
      const { bytes, at, length, tunnel } = probes;
      this.sent++;
      const isAlone =
        !this.broken.has(tunnel) && answers.put(bytes, at, length, tunnel, this.clock.time + RTT);
      if (isAlone && answers.count === 1) this.clock.after(RTT / 1e6, this.answered);
      probes.done();
    }
  }
}

interface InEffect {
  readonly plan: Plan;
  readonly tables: Tables;
}

function inEffect(file: string): InEffect {
  const plan = makePlan(file);
  return { plan, tables: Tables.build(plan.spec) };
}

t.test('healthy, down, degraded and healthy again, and routes that follow', async (t) => {
  const clock = new TestClock();
  const watch = new HealthWatch(log, clock);
  t.teardown(() => watch.close());
  const thread = new FakeThread(clock, () => watch.answered());
  const first = inEffect(writeConfig(t, configuration()));
  watch.attach(thread, first.plan.names);
  watch.takeUp(first);
  const state = (): string | undefined => watch.ofTunnel('main')?.state;
  const nexthops = (): number[] => watch.nexthopsOf(0).map(({ tunnel }) => tunnel);
  t.equal(watch.ofTunnel('backup'), null, 'not asked for');
  t.strictSame([state(), nexthops()], ['healthy', [0]]);
  t.ok(
    clock.pass(400, () => watch.ofTunnel('main')!.answered >= 3),
    'answers',
  );
  t.equal(state(), 'healthy');

  thread.broken.add(0);
  t.ok(
    clock.pass(400, () => state() === 'down'),
    'down',
  );
  t.strictSame(nexthops(), [1]);
  t.equal(watch.ofTunnel('main')!.lost, 3);
  t.ok(watch.ofTunnel('main')!.sinceSeconds < 60);

  // Tunnels have other numbers and routes another group in the next configuration.
  const next = inEffect(
    writeConfig(
      t,
      configuration().replace(
        'tunnels:',
        'tunnels:\n  - { name: new, local: 198.51.100.1, remote: 203.0.113.7 }',
      ),
    ),
  );
  const successor = new FakeThread(clock, () => watch.answered());
  successor.broken.add(1);
  watch.attach(successor, next.plan.names);
  watch.takeUp(next);
  t.strictSame([state(), nexthops()], ['down', [2]], 'a reload forgets nothing');

  clock.pass(10);
  t.equal(state(), 'down');
  successor.broken.clear();
  t.ok(
    clock.pass(400, () => state() === 'degraded'),
    'degraded',
  );
  t.strictSame(nexthops(), [2], 'not before it is healthy');
  t.ok(
    clock.pass(400, () => state() === 'healthy'),
    'healthy',
  );
  t.strictSame(nexthops(), [1]);
});

t.test('while no worker runs, nothing is concluded', async (t) => {
  const clock = new TestClock();
  const watch = new HealthWatch(log, clock);
  t.teardown(() => watch.close());
  const thread = new FakeThread(clock, () => watch.answered());
  thread.isSending = false;
  const one = inEffect(writeConfig(t, configuration()));
  watch.attach(thread, one.plan.names);
  watch.takeUp(one);
  clock.pass(10);
  t.match(watch.ofTunnel('main'), { state: 'healthy', lost: 0, sent: 0 });
  thread.isSending = true;
  t.ok(
    clock.pass(400, () => watch.ofTunnel('main')!.answered > 0),
    'answers',
  );
  thread.end();
  await thread.ended;
  const { sent } = thread;
  clock.pass(10);
  t.equal(thread.sent, sent, 'a thread that is gone sends nothing');
  t.match(watch.ofTunnel('main'), { state: 'healthy' });
});

t.test('what cannot be probed is refused', async (t) => {
  const plan = (text: string) => () => makePlan(writeConfig(t, text));
  const gretap = configuration(', mode: gretap, health_check: { direction: bidirectional }').replace(
    /main, /,
    'main, mode: gretap, ',
  );
  t.throws(plan(gretap), /tunnels\[0\]\.health_check: probes are IP packets/);
  const six = configuration()
    .replace('198.51.100.1, remote: 203.0.113.1,', '"2001:db8::1", remote: "2001:db8::2",')
    .replace('direction: bidirectional', 'direction: unidirectional');
  t.throws(plan(six), /over IPv6 a node hears answers in the tunnel only/);
});
