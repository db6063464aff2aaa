/** A Linux kernel (ip_gre, ip6_gre) on the other side, with every set of GRE options, over IPv4 and IPv6. */
import { createHash, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { Netns, requireRoot } from '../support/netns.js';

import { eventually, execute, missingOf, ping, tryExecute } from './command.js';
import { GrebeProcess } from './grebe-process.js';
import { FRAMES, FRAMES_CONFIGURATION, FRAMES_MTU, setNeighboursHere, setUpFrames } from './linux-frames.js';
import { missingForGuest } from './initramfs.js';
import { iperfResult, type IperfResult } from './iperf.js';
import { LinuxGuest } from './linux-guest.js';
import { CONFIGURATION, LINKS, setRoutesHere, setUpGuest, TRIED_HARDER } from './linux-links.js';
import { WireCapture } from './wire-capture.js';

/** What may be dropped: packets made too large on purpose, and what the kernel here multicasts by itself. */
const EXPECTED_DROPS = ['mtu_exceeded', 'no_route'];
const ALL_ARRIVED = / 0% packet loss/;

const skip =
  requireRoot() || missingForGuest() || missingOf('tshark', 'tcpdump', 'ping', 'iperf3', 'busybox');

test('a Linux kernel as the peer', { skip, timeout: 1_200_000 }, async (t) => {
  const box = Netns.create('iok');
  t.teardown(() => box.delete());
  const guest = await LinuxGuest.start({
    ...{ namespace: box, tap: 'wire' },
    addresses: ['192.0.2.1/24', '2001:db8::1/64'],
    guestAddresses: ['192.0.2.2/24', '2001:db8::2/64'],
  });
  t.teardown(() => guest.stop());
  await setUpGuest(guest);
  const grebe = await GrebeProcess.start(t, box, CONFIGURATION);
  setRoutesHere(box);
  const wire = await WireCapture.start(t, box, 'wire');

  const pingHere = (count: number, words: string): Promise<string> =>
    guest.run(new Array<string>(count).fill(`ping -c 1 -W 20 ${words}`).join(' && '));
  const pingThere = (count: number, words: string): Promise<string> => ping(box, count, ...words.split(' '));

  await t.test('ping from here', async (t) => {
    for (const { name, there, theirs } of LINKS) {
      const before = await grebe.tunnel(name);
      t.match(await pingThere(2, there[0]), ALL_ARRIVED, name);
      t.match(await pingThere(2, there[1]), ALL_ARRIVED, `${name}, IPv6`);
      t.match(await pingThere(1, theirs), ALL_ARRIVED, `${name}, inside the tunnel`);
      const { encapsulated, decapsulated } = await grebe.tunnel(name);
      t.equal(encapsulated.packets - before.encapsulated.packets, 5, 'into the tunnel');
      t.equal(decapsulated.packets - before.decapsulated.packets, 5, 'out of it');
    }
  });

  await t.test('ping from there', async (t) => {
    for (const { name, here } of LINKS) {
      t.match(await pingHere(2, here[0]), ALL_ARRIVED, name);
      t.match(await pingHere(2, here[1]), ALL_ARRIVED, `${name}, IPv6`);
    }
  });

  await t.test('grebe answers for its interface address', async (t) => {
    for (const { name, ours } of LINKS) {
      const before = await grebe.verdict('answered_echo');
      t.match(await pingHere(2, ours), ALL_ARRIVED, name);
      t.equal((await grebe.verdict('answered_echo')) - before, 2);
    }
  });

  await t.test('the MSS that the other side sees', async (t) => {
    const filter = 'tcp[tcpflags] & (tcp-syn | tcp-ack) == tcp-syn';
    for (const { name, mtu, there, device } of LINKS) {
      await guest.run(
        `rm -f /tmp/err; (tcpdump -Z root -nlc 1 -i ${device} '${filter}' >/tmp/syn 2>/tmp/err &)`,
      );
      await guest.run('until grep -q listening /tmp/err; do sleep 0.1; done');
      // A guest that gets little time may miss what comes right after it says that it listens: then once more.
      const seen = await eventually(`a SYN on ${device}`, async () => {
        await execute(box, ['busybox', 'wget', '-qO-', `http://${there[0]}/syn`]);
        const { status, text } = await guest.tryRun(
          'n=50; until grep mss /tmp/syn || [ $((n -= 1)) = 0 ]; do sleep 0.1; done; grep -q mss /tmp/syn',
        );
        return status === 0 && text;
      });
      t.match(seen, new RegExp(`mss ${mtu - 40}\\b`), `${name}: ${mtu - 40}`);
    }
    t.ok(
      (await grebe.snapshot()).counters.mss_clamped >= LINKS.length - 1,
      'of grebe, but where it is the same',
    );
  });

  await t.test('fragments', async (t) => {
    for (const { name, here, there } of TRIED_HARDER) {
      const message = `${name}: in fragments made by the kernel or by grebe`;
      t.match(await pingThere(3, `-M dont -s 4000 ${there[0]}`), ALL_ARRIVED, message);
      t.match(await pingHere(3, `-M dont -s 4000 ${here[0]}`), ALL_ARRIVED, 'from there');
      // The first answer may be what tells the kernel here of the tunnel's MTU.
      await guest.tryRun(`ping -c 1 -W 2 -s 4000 ${here[1]}`);
      t.match(await pingHere(2, `-s 4000 ${here[1]}`), ALL_ARRIVED, 'IPv6');
    }
    t.ok((await grebe.snapshot()).counters.fragmented > 0, 'some of them of grebe');
  });

  await t.test('the largest packet passes, one byte more is told', async (t) => {
    for (const { name, mtu, here, there, device } of LINKS) {
      // 28 bytes of IPv4 and ICMP header.
      const size = mtu - 28;
      t.match(await pingThere(1, `-M do -s ${size} ${there[0]}`), ALL_ARRIVED, `${name}: ${mtu}`);
      // The first may be told by grebe; then the kernel knows.
      const tooLarge = ['ping', ...`-M do -c 2 -i 0.2 -W 20 -s ${size + 1} ${there[0]}`.split(' ')];
      const { status, stdout, stderr } = await tryExecute(box, tooLarge);
      t.equal(status, 1, `${name}: ${mtu + 1}`);
      t.match(stdout + stderr, new RegExp(`mtu ?= ?${mtu}\\b`));
      t.match(await guest.run(`cat /sys/class/net/${device}/mtu`), String(mtu), 'the kernel reckons alike');
      t.match(await pingHere(1, `-M do -s ${size} ${here[0]}`), ALL_ARRIVED, 'from there');
    }
  });

  await t.test('every byte of a file', async (t) => {
    const folder = t.testdir();
    const bytes = randomBytes(3_000_001);
    writeFileSync(join(folder, 'file'), bytes);
    const sum = createHash('sha256').update(bytes).digest('hex');
    const server = box.spawn('busybox', ['httpd', '-f', '-h', folder]);
    t.teardown(() => server.kill());
    for (const { name, here, there } of TRIED_HARDER) {
      await guest.run(`wget -qO /tmp/file http://${here[0]}/file`);
      t.match(await guest.run('sha256sum /tmp/file'), sum, `${name}: to there`);
      const fetched = `busybox wget -qO- http://${there[0]}/file | sha256sum`;
      t.match(await execute(box, ['sh', '-c', fetched]), sum, `${name}: to here`);
    }
  });

  await t.test('nothing on the wire is wrong', async (t) => {
    await wire.stop();
    t.strictSame(await wire.faults(), []);
  });

  await t.test('iperf3', async (t) => {
    const iperf = async (there: string, words: string): Promise<IperfResult> => {
      const line = ['iperf3', '-J', '-c', there, ...words.split(' ')];
      // The server may still be busy with the last client.
      return eventually(`iperf3 ${words}`, async () => iperfResult((await tryExecute(box, line)).stdout));
    };
    for (const { name, there } of TRIED_HARDER) {
      for (const [direction, way] of [
        ['to there', '-4'],
        ['to here', '-R'],
      ] as const) {
        const tcp = await iperf(there[0], `-n 4M ${way}`);
        t.ok(tcp.bytes > 100_000, `${name}: TCP ${direction}: ${tcp.bytes} bytes`);
        const udp = await iperf(there[0], `-u -b 4M -l 1000 -n 300K ${way}`);
        // How many of them a guest or a kernel that is busy loses is not grebe's affair: see what it dropped.
        t.ok(
          udp.packets > 200 && udp.lost < udp.packets,
          `${name}: UDP ${direction}: ${udp.packets} datagrams`,
        );
        const speed = `${(tcp.bitsPerSecond / 1e6).toFixed(0)} Mbit/s`;
        t.comment(
          `${name}, ${direction}: ${speed}, ${tcp.retransmits} segments again, ${udp.lost} datagrams lost`,
        );
      }
    }
  });

  await t.test('grebe dropped nothing but what was too large', async (t) => {
    const { verdicts, counters } = await grebe.snapshot();
    const drops = Object.entries(verdicts).filter(
      ([name, n]) => !/^(delivered|answered)_/.test(name) && n > 0,
    );
    t.comment(JSON.stringify(Object.fromEntries(drops)), JSON.stringify(counters));
    t.strictSame(
      drops.filter(([name]) => !EXPECTED_DROPS.includes(name)),
      [],
    );
    t.equal(await grebe.stop(), 0);
  });

  await t.test('Ethernet frames: gretap and ip6gretap', async (t) => {
    await setUpFrames(guest);
    const grebe = await GrebeProcess.start(t, box, FRAMES_CONFIGURATION);
    setNeighboursHere(box);
    for (const { name, ours, theirs } of FRAMES) {
      t.match(await pingThere(2, theirs), ALL_ARRIVED, `${name}: from here`);
      t.match(await pingThere(1, `-M do -s ${FRAMES_MTU - 28} ${theirs}`), ALL_ARRIVED, 'the largest');
      t.match(await pingHere(2, ours), ALL_ARRIVED, 'from there');
    }
    t.equal(await grebe.verdict('answered_echo'), 0, 'the owner of the TAP device answers');
    t.equal(await grebe.stop(), 0);
  });
});
