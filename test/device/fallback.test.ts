import { test, type Test } from 'tap';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { Adjacencies } from '../../src/device/underlay/adjacency.js';
import { loadCap } from '../../src/device/capture/cap-module.js';
import { flowShare } from '../../src/device/fallback/flow-share.js';
import { openCapPackage, openRawSocketPackage } from '../../src/device/fallback/package-device.js';
import { loadRawSocket } from '../../src/device/fallback/raw-socket-backend.js';
import { makePackagePort } from '../../src/device/fallback/package-port.js';
import { loadAddon } from '../../src/device/native/addon.js';
import { addressBytes, macBytes } from '../../src/wire/build.js';
import { enteredNamespace, runInside } from '../support/netns.js';
import {
  frameToUs,
  hex,
  innerPacket,
  interfaceOf,
  linkDown,
  linkUp,
  LOCALS,
  OUR_MAC,
  packetToPeer,
  PEER,
  PEER_MAC,
  prepareLab,
  useDevice,
  type PortUser,
  type Underlay,
} from './underlay-lab.js';

const KINDS = ['raw-socket', 'cap'] as const;
type Kind = (typeof KINDS)[number];

async function open(t: Test, kind: Kind, workers = 1): Promise<Underlay> {
  const adjacencies = Adjacencies.create([addressBytes(PEER[4]), addressBytes(PEER[6])]);
  const c0 = interfaceOf('c0');
  for (const address of Object.values(PEER)) {
    adjacencies.set(addressBytes(address), {
      interface: c0.index,
      source: macBytes(OUR_MAC),
      target: macBytes(PEER_MAC),
    });
  }
  const options = {
    name: 'under',
    workers,
    locals: LOCALS,
    interfaces: [c0],
    adjacencies: adjacencies.share(),
  };
  const device = await (kind === 'cap' ? openCapPackage(options) : openRawSocketPackage(options));
  t.match(device, { kind, mtu: 1500, description: /slow/ });
  return useDevice(t, device, makePackagePort);
}

/** Waits for packets as a worker does, as long as fewer than `count` have come. */
async function receive(users: readonly PortUser[], count: number, turns = 6000): Promise<string[]> {
  const packets: string[] = [];
  for (let turn = 0; packets.length < count && turn < turns; turn++) {
    for (const user of users) {
      loadAddon().poll(Int32Array.from(user.port.pollFds), 5);
      packets.push(...user.receiveAll().map(hex));
    }
    await sleep(0);
  }
  return packets;
}

/** Why the package cannot be tested here; false when it can. */
async function missing(kind: Kind): Promise<string | false> {
  try {
    await (kind === 'cap' ? loadCap('c0') : loadRawSocket());
    return false;
  } catch (error) {
    return (error as Error).message;
  }
}

const skips = { cap: await missing('cap'), 'raw-socket': await missing('raw-socket') };

function tests(): void {
  for (const kind of KINDS) {
    const options = { skip: skips[kind] };
    test(`${kind}: packets come`, options, async (t) => {
      const { users, peer } = await open(t, kind, 2);
      const frames = Array.from({ length: 100 }, (_, i) =>
        frameToUs(i % 2 === 0 ? 4 : 6, {
          inner: { ...innerPacket(i), ip: { source: `192.0.2.${i}`, destination: '192.0.2.200' } },
        }),
      );
      peer.send(
        frameToUs(4, { ip: { destination: '10.77.0.9' } }),
        frameToUs(4, { ip: { protocol: 17 } }),
        frameToUs(4, { destinationMac: '02:00:00:00:77:99' }),
        ...frames,
      );
      const packets = await receive(users, frames.length);
      t.strictSame(packets.sort(), frames.map((frame) => hex(frame.subarray(14))).sort());
      const counts = users.map(({ port }) => port.counters[0]!);
      t.ok(
        counts.every((count) => count > 20),
        `shares ${counts.join(' ')}`,
      );
      t.strictSame(await receive(users, 0), []);
    });

    test(`${kind}: packets leave`, options, async (t) => {
      const { user, peer } = await open(t, kind);
      const packets = Array.from({ length: 200 }, (_, i) =>
        packetToPeer(i % 2 === 0 ? 4 : 6, { ip: { id: i + 1 }, inner: innerPacket(i) }),
      );
      t.equal(user.transmit(packets), 200);
      const seen: string[] = [];
      for (let turn = 0; turn < 3000 && seen.length < 200; turn++) {
        seen.push(...peer.takePackets().map(hex));
        await sleep(10);
      }
      t.strictSame(seen.sort(), packets.map(hex).sort());
      t.match(user.counts(), {
        tx_packets: 200,
        tx_bytes: packets.reduce((sum, { length }) => sum + length, 0),
      });
    });

    test(`${kind}: what the package cannot send is counted later`, options, async (t) => {
      const { user } = await open(t, kind);
      t.equal(user.transmit([packetToPeer(4, { inner: { ...innerPacket(0), payload: 1490 } })]), 1);
      for (let turn = 0; turn < 3000 && !('tx_dropped_error' in user.counts()); turn++) {
        await receive([user], 0);
        user.receiveAll();
        await sleep(10);
      }
      t.equal(user.counts().tx_dropped_error, 1);
    });

    test(`${kind}: other endpoints`, options, async (t) => {
      const { users, peer, setLocals } = await open(t, kind);
      let number = 0;
      /** Sends a packet over IPv4 and one over IPv6, which comes: whether the other one does too. */
      const hasFour = async (): Promise<boolean> => {
        const frames = ([4, 6] as const).map((family) => frameToUs(family, { inner: innerPacket(number) }));
        const [four, six] = frames.map((frame) => hex(frame.subarray(14)));
        number++;
        peer.send(...frames);
        const packets: string[] = [];
        for (let turn = 0; !packets.includes(six!) && turn < 300; turn++)
          packets.push(...(await receive(users, 1, 20)));
        return packets.includes(four!);
      };
      t.ok(await hasFour());
      // It takes a moment until the package knows its addresses.
      for (const [locals, expected] of [
        [LOCALS.slice(1), false],
        [LOCALS, true],
      ] as const) {
        setLocals(locals);
        let found = !expected;
        for (let turn = 0; found !== expected && turn < 300; turn++) found = await hasFour();
        t.equal(found, expected);
      }
    });
  }

  test('cap: an interface that goes down and comes back', { skip: skips.cap }, async (t) => {
    const { users, peer } = await open(t, 'cap');
    linkDown();
    await sleep(200);
    linkUp();
    let packets: string[] = [];
    for (let turn = 0; turn < 300 && packets.length === 0; turn++) {
      await sleep(100);
      peer.send(frameToUs(4));
      packets = await receive(users, 0);
      packets.push(...users[0]!.receiveAll().map(hex));
    }
    t.equal(packets[0], hex(frameToUs(4).subarray(14)), 'the helper process is there again');
  });

  test('why it does not start', { skip: skips.cap }, async (t) => {
    const options = {
      name: 'under',
      workers: 1,
      locals: LOCALS,
      adjacencies: Adjacencies.create([]).share(),
    };
    const nothing = { ...interfaceOf('c0'), name: 'nothing0' };
    await t.rejects(openCapPackage({ ...options, interfaces: [nothing] }), {
      name: 'PackageError',
      message: /^underlay cap on nothing0: No such device/,
    });
    await t.rejects(openCapPackage(options), /at least one interface/);
  });

  test('packages live and end with their parent', { skip: skips['raw-socket'] }, async (t) => {
    const { close } = await open(t, 'raw-socket', 3);
    const children = (): string =>
      execFileSync('ps', ['-o', 'args=', '--ppid', String(process.pid)], {
        encoding: 'utf8',
        // Without the sanitizer's library, under which it hangs now and then.
        env: { PATH: process.env['PATH'] },
      });
    t.match(children(), /helper-process/);
    await close();
    t.notMatch(children(), /helper-process/);
  });

  test('a helper whose parent is gone ends', { skip: skips['raw-socket'] }, async (t) => {
    const script = fileURLToPath(new URL('../../src/device/fallback/helper-process.js', import.meta.url));
    const settings = { package: 'raw-socket', interface: null, mac: null, locals: [], workers: 1 };
    const args = [script, JSON.stringify(settings)];
    const orphan = spawn(process.execPath, args, { stdio: 'ignore' });
    t.strictSame(await once(orphan, 'exit'), [0, null], 'gone before it listens');

    const addon = loadAddon();
    const [ours, theirs] = addon.openSocketPair();
    const helper = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'ignore', 'ipc', theirs] });
    addon.closeDescriptor(theirs);
    t.match(await once(helper, 'message'), [{ kind: 'started' }]);
    addon.closeDescriptor(ours);
    t.strictSame(await once(helper, 'exit'), [0, null], 'its channel is closed');
  });
}

if (enteredNamespace() === null) {
  test('shares of any bytes', async (t) => {
    for (const workers of [1, 2, 7, 64]) {
      for (let length = 20; length < 120; length++) {
        for (const first of [0x45, 0x4f, 0x60]) {
          const packet = Uint8Array.from({ length }, (_, i) => (i === 0 ? first : (i * 37 + length) & 0xff));
          const share = flowShare(packet, workers);
          if (!(share >= 0 && share < workers && share === flowShare(packet, workers))) t.fail('share');
        }
      }
    }
    t.pass();
  });

  test('a missing package is named', async (t) => {
    const hidden = `
      import { register } from 'node:module';
      register('data:text/javascript,' + encodeURIComponent(\`
        export async function resolve(name, context, next) {
          if (name !== 'raw-socket' && name !== 'cap') return next(name, context);
          throw Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' });
        }\`));
      const { loadRawSocket } = await import('./dist/src/device/fallback/raw-socket-backend.js');
      const { CapBackend } = await import('./dist/src/device/fallback/cap-backend.js');
      for (const open of [() => loadRawSocket(), () => CapBackend.open('c0', '', () => {})])
        await open().catch((error) => console.log(error.name + ': ' + error.message));`;
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', hidden], {
      encoding: 'utf8',
    });
    t.match(stdout, /PackageError: underlay raw-socket needs the optional package raw-socket \(npm install/);
    t.match(stdout, /PackageError: underlay cap on c0: live capture needs the optional package cap/, stderr);
  });
  runInside(test, import.meta.url, 'pkg', prepareLab);
} else {
  tests();
}
