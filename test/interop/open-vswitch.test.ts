/** Open vSwitch's own GRE (user space) on the other side: IP packets with each option, and Ethernet frames. */
import { test } from 'tap';
import { Netns, requireRoot } from '../support/netns.js';
import { eventually, missingOf, ping, tryExecute } from './command.js';
import { ALL_OPTIONS, asConfiguration, type GreOptions } from './gre-options.js';
import { GrebeProcess } from './grebe-process.js';
import { iperfResult } from './iperf.js';
import { missingForOpenVSwitch, OpenVSwitch } from './open-vswitch.js';
import { WireCapture } from './wire-capture.js';

const ALL_ARRIVED = / 0% packet loss/;
/** Link address of the inner bridge, and of everything behind its tunnels. */
const BRIDGE_MAC = '02:00:00:00:0b:01';
const FAR_MAC = '02:00:00:00:0b:02';
const FRAME_TUNNEL = 20;

interface Link {
  readonly name: string;
  readonly options: GreOptions;
  /** grebe's outer address; Open vSwitch has one for all. */
  readonly local: string;
  /** Inside the tunnel; and the host behind grebe. */
  readonly ours: string;
  readonly theirs: string;
  readonly host: string;
}

function link(name: string, number: number, options: GreOptions): Link {
  return {
    ...{ name, options, local: `192.0.2.${10 + number}` },
    ...{ ours: `10.100.${number}.0`, theirs: `10.100.${number}.1`, host: `10.1.${number}.1` },
  };
}

const LINKS = ALL_OPTIONS.map((options) => link(options.name, options.number, options));
const PLAIN = LINKS[0]!;
const FRAMES = link('frames', FRAME_TUNNEL, { ...ALL_OPTIONS[1]!, key: 77 });

/** Open vSwitch 3.1 changes the sequence number behind the checksum that it has made. */
function isSpoilt({ options }: Link): boolean {
  return options.checksum && options.sequence;
}

const REMOTE = '192.0.2.2';
const tunnelOf = ({ name, options, local, ours }: Link): object => ({
  ...{ name, local, remote: REMOTE, interface_address: `${ours}/31`, ...asConfiguration(options) },
});

/** Adds a GRE port to a bridge; answers its OpenFlow number. */
async function addPort(ovs: OpenVSwitch, bridge: string, { name, local, options }: Link, ...more: string[]) {
  const { key, checksum, sequence } = options;
  await ovs.control(
    ...['add-port', bridge, name, '--', 'set', 'interface', name, 'type=gre', `options:remote_ip=${local}`],
    ...[`options:csum=${checksum}`, `options:seq=${sequence}`],
    ...(key === null ? [] : [`options:key=${key}`]),
    ...more,
  );
  return eventually(`port ${name}`, async () => {
    const number = Number(await ovs.control('get', 'interface', name, 'ofport'));
    return number > 0 && number;
  });
}

/** An inner bridge whose own interface is reached through the tunnels, all link addresses known beforehand. */
async function addInnerBridge(
  ovs: OpenVSwitch,
  side: Netns,
  name: string,
  links: readonly Link[],
): Promise<void> {
  await ovs.control('add-br', name, '--', 'set', 'bridge', name, 'datapath_type=netdev');
  await ovs.control('set', 'bridge', name, `other-config:hwaddr=${BRIDGE_MAC}`);
  side.exec('ip', 'link', 'set', name, 'address', BRIDGE_MAC, 'mtu', '1450', 'up');
  for (const { theirs, ours, host } of links) {
    side.exec('ip', 'addr', 'add', `${theirs}/31`, 'dev', name);
    side.exec('ip', 'route', 'add', host, 'dev', name, 'src', theirs);
    for (const address of [ours, host]) {
      side.exec('ip', 'neigh', 'replace', address, 'lladdr', FAR_MAC, 'dev', name, 'nud', 'permanent');
    }
  }
}

const skip = requireRoot() || missingForOpenVSwitch() || missingOf('ping', 'iperf3', 'tcpdump', 'tshark');

test('Open vSwitch as the peer', { skip, timeout: 1_200_000 }, async (t) => {
  const here = Netns.create('ioa');
  const there = Netns.create('iob');
  t.teardown(() => [here, there].forEach((namespace) => namespace.delete()));
  const outer = [...LINKS, FRAMES].map(({ local }) => `${local}/24`);
  Netns.connect(here, 'wire', there, 'cable', { addresses: [outer, []] });
  const ovs = await OpenVSwitch.start(t, there);
  await ovs.control('add-br', 'outer', '--', 'set', 'bridge', 'outer', 'datapath_type=netdev');
  await ovs.control('set', 'bridge', 'outer', 'other-config:hwaddr=02:00:00:00:0b:00');
  await ovs.control('add-port', 'outer', 'cable');
  there.exec('ip', 'addr', 'add', `${REMOTE}/24`, 'dev', 'outer');
  there.exec('ip', 'link', 'set', 'outer', 'up');

  const wire = await WireCapture.start(t, here, 'wire');
  /** The first packets are lost while Open vSwitch asks for the next hop's link address. */
  const firstContact = (side: Netns, { name }: Link, to: string): Promise<unknown> =>
    eventually(`${name}: ${to} answers`, async () => {
      const { status } = await tryExecute(side, ['ping', '-c', '1', '-W', '1', to]);
      return status === 0;
    });

  await t.test('IP packets', async (t) => {
    await addInnerBridge(ovs, there, 'inner', LINKS);
    const flows: string[] = [];
    for (const one of LINKS) {
      const port = await addPort(ovs, 'inner', one, 'options:packet_type=legacy_l3');
      flows.push(
        `in_port=${port},actions=set_field:${BRIDGE_MAC}->eth_dst,LOCAL`,
        `in_port=LOCAL,ip,nw_dst=${one.ours},actions=output:${port}`,
        `in_port=LOCAL,ip,nw_dst=${one.host},actions=output:${port}`,
      );
    }
    await ovs.flows('inner', ...flows);
    const grebe = await GrebeProcess.start(t, here, {
      tunnels: LINKS.map(tunnelOf),
      daemon: { overlay: { type: 'tun', name: 'grebe0', addresses: LINKS.map(({ host }) => `${host}/32`) } },
    });

    for (const one of LINKS.filter((link) => !isSpoilt(link))) {
      const { name, ours, theirs, host } = one;
      await firstContact(here, one, theirs);
      const before = (await grebe.snapshot()).verdicts;
      t.match(await ping(here, 2, theirs), ALL_ARRIVED, `${name}: from here`);
      t.match(await ping(there, 2, host), ALL_ARRIVED, `${name}: from there`);
      t.match(await ping(there, 2, ours), ALL_ARRIVED, `${name}: grebe answers`);
      const after = (await grebe.snapshot()).verdicts;
      t.equal(after.answered_echo - before.answered_echo, 2);
      t.equal(after.delivered_overlay - before.delivered_overlay, 4);
    }

    const sane = await grebe.snapshot();
    t.equal(sane.verdicts.gre_bad_checksum, 0, 'every checksum was right');
    for (const { name, host } of LINKS.filter(isSpoilt)) {
      const before = await grebe.verdict('gre_bad_checksum');
      // The first packet of a port is right.
      const { stdout } = await tryExecute(there, ['ping', '-c', '5', '-i', '0.2', '-W', '1', host]);
      t.match(stdout, /[01] received/, name);
      const isCounted = async (): Promise<boolean> => (await grebe.verdict('gre_bad_checksum')) - before >= 3;
      t.ok(await eventually('wrong checksums are counted', isCounted));
    }
    await wire.stop();
    t.strictSame(await wire.faults('ip.dst == 192.0.2.2'), [], 'what grebe sent was right');

    // Not as fast as grebe can: its packets would outrun Open vSwitch.
    for (const way of ['-4', '-R']) {
      const server = there.spawn('iperf3', ['-s', '-1'], { stdio: 'ignore' });
      const line = ['iperf3', '-J', '-c', PLAIN.theirs, '-n', '8M', '-b', '100M', way];
      const { bytes, retransmits, bitsPerSecond } = await eventually('iperf3', async () =>
        iperfResult((await tryExecute(here, line)).stdout),
      );
      server.kill();
      t.ok(bytes > 100_000, `TCP ${way}: ${bytes} bytes`);
      t.comment(`${(bitsPerSecond / 1e6).toFixed(0)} Mbit/s, ${retransmits} segments sent again`);
    }

    t.equal(await grebe.stop(), 0);
  });

  await t.test('Ethernet frames', async (t) => {
    await addInnerBridge(ovs, there, 'frames0', [FRAMES]);
    const port = await addPort(ovs, 'frames0', FRAMES);
    await ovs.flows('frames0', `in_port=${port},actions=LOCAL`, `in_port=LOCAL,actions=output:${port}`);
    const grebe = await GrebeProcess.start(t, here, {
      tunnels: [{ ...tunnelOf(FRAMES), mode: 'gretap' }],
      daemon: { overlay: { type: 'tap', name: 'grebe0', addresses: [`${FRAMES.host}/32`] } },
    });
    // grebe routes IP: it does not carry questions for link addresses.
    here.exec('ip', 'link', 'set', 'grebe0', 'address', FAR_MAC);
    here.exec('ip', 'neigh', 'add', FRAMES.theirs, 'lladdr', BRIDGE_MAC, 'dev', 'grebe0', 'nud', 'permanent');
    await firstContact(here, FRAMES, FRAMES.theirs);
    t.match(await ping(here, 2, FRAMES.theirs), ALL_ARRIVED, 'from here');
    t.match(await ping(there, 2, FRAMES.host), ALL_ARRIVED, 'from there');
    t.match(
      await ping(there, 2, FRAMES.ours),
      ALL_ARRIVED,
      'its kernel answers for the address of the TAP device',
    );
    t.equal(await grebe.verdict('answered_echo'), 0);
    t.equal(await grebe.stop(), 0);
  });
});
