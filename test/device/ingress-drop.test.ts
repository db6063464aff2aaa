import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { test, type Test } from 'tap';
import { openAfPacket } from '../../src/device/af-packet/af-packet-device.js';
import { makeAfPacketPort } from '../../src/device/af-packet/af-packet-port.js';
import { openIngressDrop } from '../../src/device/af-packet/ingress-drop.js';
import { ingressProgram } from '../../src/device/af-packet/ingress-program.js';
import { loadAddon } from '../../src/device/native/addon.js';
import { portStagingBytes } from '../../src/device/open-port.js';
import { Adjacencies } from '../../src/device/underlay/adjacency.js';
import { BpfAssembler, DROP } from '../../src/device/underlay/bpf.js';
import {
  attachFilter,
  bindToInterface,
  Domain,
  setReceiveBuffer,
  SOCK_RAW,
} from '../../src/device/underlay/socket-options.js';
import { addressBytes } from '../../src/wire/build.js';
import { elsewhere } from '../support/elsewhere.js';
import { enteredNamespace, runInside } from '../support/netns.js';
import { missing } from '../support/program.js';
import { anyPacketToUs } from './gre-arbitrary.js';
import {
  frameToUs,
  hex,
  innerPacket,
  interfaceOf,
  LOCALS,
  prepareLab,
  receiveEach,
  useDevice,
  type LabFrame,
  type Underlay,
} from './underlay-lab.js';

const CHILD = fileURLToPath(new URL('./ingress-drop-child.js', import.meta.url));
const OTHERS = ['10.77.0.9', 'fd77::9'].map(addressBytes);
const ICMP = 1;
const UDP = 17;
const GRE = 47;

/** A raw socket of another program. */
class Listener {
  private readonly calls = loadAddon();
  private readonly fd: number;
  private readonly memory = new Uint8Array(64 * 4096);

  constructor(t: Pick<Test, 'teardown'>, family: 4 | 6, protocol = GRE) {
    this.fd = this.calls.openSocket(family === 4 ? Domain.INET : Domain.INET6, SOCK_RAW, protocol);
    setReceiveBuffer(this.calls, this.fd, 1 << 27);
    t.teardown(() => {
      this.calls.closeDescriptor(this.fd);
    });
  }

  /** The packets that arrived since the last call; IPv6 ones without their header. */
  take(graceMs = 10): Uint8Array[] {
    const packets: Uint8Array[] = [];
    const spans = new Int32Array(128);
    while (this.calls.poll(Int32Array.of(this.fd), graceMs) > 0) {
      for (let i = 0; i < 64; i++) spans.set([i * 4096, 4096], i * 2);
      const count = this.calls.receiveBatch(this.fd, this.memory, spans, 0, 64);
      for (let i = 0; i < count; i++) packets.push(this.memory.slice(i * 4096, i * 4096 + spans[2 * i + 1]!));
    }
    return packets;
  }
}

/**
 * Sockets that look at a packet for long and leave it. The kernel asks those last that were opened first: what is
 * opened now, ours has had already when they begin.
 */
function openSlowSockets(t: Pick<Test, 'teardown'>, count: number): void {
  const calls = loadAddon();
  const program = new BpfAssembler();
  for (let i = 0; i < 4000; i++) program.compute('add', i);
  const slow = program.answer(DROP).assemble();
  for (let i = 0; i < count; i++) {
    const fd = calls.openSocket(Domain.PACKET, SOCK_RAW, 0);
    t.teardown(() => {
      calls.closeDescriptor(fd);
    });
    attachFilter(calls, fd, slow);
    bindToInterface(calls, fd, interfaceOf('c0').index);
  }
}

async function open(t: Test, { mtu = 1500, workers = 1, locals = LOCALS } = {}): Promise<Underlay> {
  const device = await openAfPacket({
    name: 'under',
    workers,
    locals,
    interfaces: [{ ...interfaceOf('c0'), mtu }],
    adjacencies: Adjacencies.create([]).share(),
  });
  t.equal(device.description, 'af_packet on c0, taken at ingress');
  return useDevice(t, device, makeAfPacketPort, portStagingBytes);
}

/** Puts a tag right behind the link addresses. */
function tagged(frame: Uint8Array, tag: number): Uint8Array {
  return Uint8Array.of(...frame.subarray(0, 12), 0x81, 0, tag >>> 8, tag & 0xff, ...frame.subarray(12));
}

function tests(): void {
  test('what the rings take, the kernel no longer has', async (t) => {
    const { user, peer } = await open(t);
    const listeners = [new Listener(t, 4), new Listener(t, 6)];
    const frames = [
      frameToUs(4),
      frameToUs(6),
      frameToUs(4, { ip: { options: [1, 1, 1, 1] } }),
      frameToUs(4, { inner: { ...innerPacket(0), payload: 1500 - 20 - 4 - 28 } }),
      frameToUs(6, { inner: { ...innerPacket(0), payload: 1500 - 40 - 4 - 28 } }),
      frameToUs(6, { ip: { extensions: [{ header: 60 }] } }),
      tagged(frameToUs(4), 0x6000),
      tagged(frameToUs(6), 0x6000),
    ];
    for (const [i, frame] of frames.entries()) {
      peer.send(frame);
      t.equal(user.receiveAll().length, 1, `packet ${i} comes once`);
      t.same(
        listeners.flatMap((one) => one.take()),
        [],
        'and to us only',
      );
    }
    peer.send(frameToUs(6, { ip: { extensions: [{ header: 60 }, { header: 60 }] } }));
    t.equal(user.receiveAll().length, 1, 'what the program does not look into comes once as well');
    t.equal(listeners[1]!.take().length, 1);
  });

  test('what the rings do not take, the kernel has', async (t) => {
    const { user, peer } = await open(t, { mtu: 1000 });
    const whole = frameToUs(4, { inner: { ...innerPacket(0), payload: 1280 } }).subarray(34);
    const fragment = (from: number, to: number, more: boolean): Uint8Array =>
      frameToUs(4, {
        ip: { protocol: GRE, id: 9, fragmentOffset: from, moreFragments: more },
        gre: undefined,
        inner: undefined,
        payload: whole.subarray(from, to),
      });
    const plain = (protocol: number): LabFrame => ({
      ip: { protocol },
      gre: undefined,
      inner: undefined,
      payload: Uint8Array.of(8, 0, 0xf7, 0xff, 0, 0, 0, 0),
    });
    const sized = (payload: number): LabFrame => ({ inner: { ...innerPacket(0), payload } });
    const cases: [string, Listener, Uint8Array[], number, number][] = [
      ['to another address', new Listener(t, 4), [frameToUs(4, { ip: { destination: '10.77.0.9' } })], 0, 1],
      ['the same, IPv6', new Listener(t, 6), [frameToUs(6, { ip: { destination: 'fd77::9' } })], 0, 1],
      ['fragments', new Listener(t, 4), [fragment(0, 800, true), fragment(800, whole.length, false)], 1, 1],
      ['as long as the MTU', new Listener(t, 4), [frameToUs(4, sized(1000 - 52))], 1, 0],
      ['longer than the MTU', new Listener(t, 4), [frameToUs(4, sized(1000 - 51))], 1, 1],
      ['as long, IPv6', new Listener(t, 6), [frameToUs(6, sized(1000 - 72))], 1, 0],
      ['longer, IPv6', new Listener(t, 6), [frameToUs(6, sized(1000 - 71))], 1, 1],
      ['UDP', new Listener(t, 4, UDP), [frameToUs(4, plain(UDP))], 0, 1],
      ['ICMP', new Listener(t, 4, ICMP), [frameToUs(4, plain(ICMP))], 0, 1],
      ['UDP, IPv6', new Listener(t, 6, UDP), [frameToUs(6, plain(UDP))], 0, 1],
    ];
    for (const [name, listener, frames, ours, kernels] of cases) {
      for (const [, other] of cases) other.take(0);
      peer.send(...frames);
      t.equal(user.receiveAll().length, ours, `${name}: what we have`);
      t.equal(listener.take().length, kernels, `${name}: what the kernel has`);
    }
  });

  test('packets of all sorts come once, and none is lost to both', async (t) => {
    const { users, peer } = await open(t, { workers: 3 });
    await fc.assert(
      fc.asyncProperty(fc.array(anyPacketToUs(), { minLength: 1, maxLength: 64 }), async (frames) => {
        peer.send(...frames);
        const expected = frames.map((frame) => hex(frame.subarray(14))).sort();
        t.strictSame(receiveEach(users).flat().map(hex).sort(), expected);
      }),
      { numRuns: 40 },
    );
  });

  test('the kernel has packets again for addresses that go, and after the end', async (t) => {
    const { user, peer, setLocals, close } = await open(t);
    const listener = new Listener(t, 4);
    const seen = (): [number, number] => {
      peer.send(frameToUs(4));
      return [user.receiveAll().length, listener.take().length];
    };
    t.same(seen(), [1, 0]);
    setLocals(OTHERS);
    t.same(seen(), [0, 1], 'not ours');
    setLocals([...OTHERS, ...LOCALS]);
    t.same(seen(), [1, 0]);
    setLocals([]);
    t.same(seen(), [1, 1], 'all of them ours, none dropped');
    const many = Array.from({ length: 5000 }, (_, i) => Uint8Array.of(10, 99, i >>> 8, i & 0xff));
    setLocals([...many, ...LOCALS]);
    t.same(seen(), [1, 1], 'more than there is room for');
    setLocals(LOCALS);
    t.same(seen(), [1, 0]);
    const second = await open(t);
    t.same(seen(), [1, 0], 'a second one, as while reloading');
    t.equal(second.user.receiveAll().length, 1);
    await close();
    second.peer.send(frameToUs(4));
    t.same([second.user.receiveAll().length, listener.take().length], [1, 0]);
    await second.close();
    const after = await open(t);
    await after.close();
    const { peer: last, close: end } = await open(t, { locals: OTHERS });
    last.send(frameToUs(4));
    t.equal(listener.take().length, 1);
    await end();
  });

  test('nothing is lost while addresses come and go', async (t) => {
    // The way from our ring to what drops behind it is long.
    openSlowSockets(t, 50);
    const { user, peer, setLocals } = await open(t);
    peer.close();
    const listener = new Listener(t, 4);
    const count = 30_000;
    const child = spawn(process.execPath, [CHILD, 'send', String(count)], { stdio: 'inherit' });
    let isOver = false;
    const ended = once(child, 'exit').then(() => {
      isOver = true;
    });
    const numberOf = (packet: Uint8Array): number => (packet[4]! << 8) | packet[5]!;
    const ours: number[] = [];
    const kernels: number[] = [];
    const take = (graceMs: number): void => {
      ours.push(...user.receiveAll(graceMs).map(numberOf));
      kernels.push(...listener.take(graceMs).map(numberOf));
    };
    for (let i = 0; !isOver; i++) {
      setLocals([LOCALS, [...LOCALS, ...OTHERS], OTHERS, [...OTHERS, ...LOCALS]][i % 4]!);
      for (let n = 0; n < 5; n++) take(0);
      await turn();
    }
    await ended;
    take(20);
    t.equal(new Set(ours).size, ours.length, 'none came twice');
    t.equal(new Set([...ours, ...kernels]).size, count, 'each was seen');
    t.ok(ours.length > 100 && kernels.length > 100, `${ours.length} by us, ${kernels.length} by the kernel`);
  });

  test('a process that is killed leaves nothing behind', async (t) => {
    const listener = new Listener(t, 4);
    const child = spawn(process.execPath, [CHILD, 'hold'], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    t.equal(String(line), 'af_packet on c0, taken at ingress\n');
    const { peer } = await open(t, { locals: OTHERS });
    peer.send(frameToUs(4));
    t.equal(listener.take().length, 0);
    child.kill('SIGKILL');
    await once(child, 'exit');
    peer.send(frameToUs(4));
    t.equal(listener.take().length, 1);
  });

  test('where the kernel refuses, there is none', async (t) => {
    const calls = loadAddon();
    const gone = { ...interfaceOf('c0'), index: 9999 };
    t.equal(openIngressDrop(calls, [interfaceOf('c0'), gone]), null);
    const listener = new Listener(t, 4);
    const { peer } = await open(t, { locals: OTHERS });
    peer.send(frameToUs(4));
    t.equal(listener.take().length, 1, 'and the one that was there is gone');
    t.throws(() => calls.bpfLoadIngress(ingressProgram(1500, 0)), /bpf/);
    t.throws(() => calls.bpfLoadIngress(new Uint8Array(7)), RangeError);
  });

  test('what it takes: the capabilities that the daemon keeps', { skip: missing('setpriv') }, async (t) => {
    const place = elsewhere(t);
    for (const [kept, said] of [
      ['+net_admin,+net_raw,+bpf', 'taken at ingress'],
      ['+net_admin,+net_raw', 'the kernel keeps a copy'],
    ] as const) {
      const limited = ['setpriv', `--bounding-set=-all,${kept}`, '--inh-caps=-all'];
      const [command, ...args] = place.command(limited, [place.path(CHILD), 'hold']);
      const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
      t.teardown(() => child.kill('SIGKILL'));
      const [line] = (await once(child.stdout, 'data')) as [Buffer];
      t.equal(String(line), `af_packet on c0, ${said}\n`);
    }
  });
}

if (enteredNamespace() === null) {
  runInside(test, import.meta.url, 'drop', (namespace) => {
    prepareLab(namespace);
    namespace.addAddress('c0', '10.77.0.9/24');
    namespace.addAddress('c0', 'fd77::9/64');
  });
} else {
  const drop = openIngressDrop(loadAddon(), [interfaceOf('c0')]);
  drop?.close();
  if (drop === null)
    void test('a program at ingress', { skip: 'needs Linux 6.6 and CAP_BPF' }, () => undefined);
  else tests();
}
