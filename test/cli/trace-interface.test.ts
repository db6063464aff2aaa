/** `grebe trace --interface` on a veth pair in a namespace of its own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import tap, { test, type Test } from 'tap';
import { EthernetWire } from '../device/ethernet-wire.js';
import { buildPacket } from '../../src/wire/build.js';
import { loadCap } from '../../src/device/capture/cap-module.js';
import { askKernel } from '../../src/device/capture/live-interfaces.js';
import { enteredNamespace, Netns, runInside } from '../support/netns.js';
import { until } from '../daemon/support.js';
import { CUSTOMER, fromTunnel, OURS, toTunnel } from '../replay/captures.js';
import { GREBE, inProcess } from './run.js';

// Commands are started, each in a process of its own.
tap.setTimeout(240_000);

const CONFIG = `
node: { name: fra-1 }
tunnels:
  - { name: acme, local: ${OURS}, remote: ${CUSTOMER}, key: 42, allowed_sources: [192.0.2.0/24] }
routes:
  - { prefix: 192.0.2.0/24, nexthop: acme }
`;

interface TraceLine {
  readonly interface: string;
  readonly packet: number;
  readonly time: string;
  readonly original_length: number;
  readonly verdict: { readonly name: string };
}

class Tracing {
  stdout = '';
  stderr = '';
  readonly ended: Promise<unknown>;
  private readonly child;

  constructor(args: readonly string[]) {
    this.child = spawn(process.execPath, [GREBE, 'trace', ...args], {
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    this.child.stdout.on('data', (data: Buffer) => (this.stdout += data.toString()));
    this.child.stderr.on('data', (data: Buffer) => (this.stderr += data.toString()));
    this.ended = once(this.child, 'close');
  }

  get lines(): TraceLine[] {
    return this.stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as TraceLine);
  }

  /** Until it captures. */
  async started(): Promise<void> {
    await until(`it captures: ${this.stderr}`, () => this.stderr.includes('\n'));
  }

  kill(): void {
    this.child.kill('SIGINT');
  }
}

function setUp(t: Test): { config: string; wire: EthernetWire } {
  const config = join(t.testdir(), 'c.yaml');
  writeFileSync(config, CONFIG);
  const wire = new EthernetWire(askKernel((netlink) => netlink.linkByName('g1'))!.index);
  t.teardown(() => wire.close());
  return { config, wire };
}

function defineTests(withoutCap: string | false): void {
  const wrongKey = fromTunnel(9, { gre: { key: 1 } });

  test('packets that arrive, with their verdicts and times, until a signal', async (t) => {
    const { config, wire } = setUp(t);
    const tracing = new Tracing(['--config', config, '-i', 'g0', '--json', '--count', '1000']);
    await tracing.started();
    t.equal(tracing.stderr, 'ring on g0: with the times and the losses of the kernel\n');
    const before = Date.now();
    wire.send([fromTunnel(1), wrongKey, fromTunnel(2)]);
    await until('three packets', () => tracing.lines.length === 3);
    tracing.kill();
    t.same(await tracing.ended, [0, null]);
    t.match(tracing.stderr, /\n3 packets seen, 3 shown, 0 lost for want of room\n$/);
    const { lines } = tracing;
    t.match(lines, [
      { interface: 'g0', packet: 1, verdict: { name: 'delivered_overlay' } },
      { packet: 2, verdict: { name: 'gre_key_mismatch' } },
      { packet: 3, verdict: { name: 'delivered_overlay' } },
    ]);
    t.equal(lines[0]!.original_length, fromTunnel(1).length);
    for (const { time } of lines) {
      t.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
      t.ok(Math.abs(Date.parse(time) - before) < 3_600_000);
    }
  });

  test('those that are asked for, so many', async (t) => {
    const { config, wire } = setUp(t);
    const here = new EthernetWire(askKernel((netlink) => netlink.linkByName('g0'))!.index);
    t.teardown(() => here.close());
    const tracing = new Tracing(['--config', config, '-i', 'g0', '--verdict', 'dropped', '--count', '2']);
    await tracing.started();
    here.send([wrongKey]);
    wire.send([fromTunnel(1), wrongKey, fromTunnel(2), wrongKey, wrongKey]);
    t.same(await tracing.ended, [0, null]);
    t.match(tracing.stderr, /\n4 packets seen, 2 shown, /, 'what leaves the interface is left alone');
    t.match(tracing.stdout, /^packet 2 on g0, .*Z\n\nreceived {2}on the underlay/);
    t.match(
      tracing.stdout,
      /\npacket 4 on g0, .*verdict {3}dropped at endpoint: gre_key_mismatch\n[^]*\n\n$/s,
    );

    const acme = new Tracing(['--config', config, '-i', 'g0', '--tunnel', 'acme', '--json']);
    await acme.started();
    wire.send([wrongKey, fromTunnel(1)]);
    t.same(await acme.ended, [0, null]);
    t.match(acme.lines, [{ packet: 2, verdict: { name: 'delivered_overlay' } }]);
  });

  test('a filter takes libpcap', { skip: withoutCap }, async (t) => {
    const { config, wire } = setUp(t);
    const filter = ['--filter', 'proto gre', '--count', '2', '--json'];
    const tracing = new Tracing(['--config', config, '-i', 'g0', ...filter]);
    await tracing.started();
    t.equal(tracing.stderr, 'cap on g0: a filter takes libpcap\n');
    wire.send([
      buildPacket(toTunnel(1)),
      wrongKey,
      fromTunnel(2),
      buildPacket(toTunnel(3)),
      wrongKey,
      wrongKey,
    ]);
    t.same(await tracing.ended, [0, null]);
    const verdicts = tracing.lines.map(({ verdict }) => verdict.name);
    t.strictSame(verdicts, ['gre_key_mismatch', 'delivered_overlay']);
  });

  test('what cannot be', async (t) => {
    const { config } = setUp(t);
    const cases: [string[], number, RegExp][] = [
      [['-i', 'nosuch0'], 1, /^grebe: nosuch0: found no interface of this name, expected one of .*g0/],
      [['-i', 'g0', '--tunnel', 'nobody'], 2, /^grebe: there is no tunnel nobody\n$/],
      [['-i', 'g0', '--verdict', 'good'], 2, /^grebe: good is no verdict\n$/],
      [['-i', 'g0', '--in', 'x.pcap'], 2, /^grebe: -i takes packets from an interface: without --in/],
      [['--in', 'x.pcap', '--filter', 'gre'], 2, /^grebe: --filter goes with -i only\n$/],
      [['--in', 'x.pcap', '--tunnel', 'acme'], 2, /^grebe: --tunnel, .* go with --live or -i only\n$/],
      [['-i', 'g0', '--socket', 'x'], 2, /^grebe: --socket goes with --live only\n$/],
    ];
    for (const [args, code, stderr] of cases)
      t.match(
        await inProcess(t, ['trace', '--config', config, ...args], '.'),
        { code, stdout: '', stderr },
        args.join(' '),
      );
  });
}

if (enteredNamespace() === null) {
  runInside(test, import.meta.url, 'trace', (namespace) => {
    Netns.connect(namespace, 'g0', namespace, 'g1');
    // Nothing but the test's own frames is on the wire.
    for (const name of ['g0', 'g1']) namespace.sysctl(`net/ipv6/conf/${name}/disable_ipv6`, 1);
  });
} else {
  defineTests(
    await loadCap('test').then(
      () => false,
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    ),
  );
}
