import t from 'tap';
import { DAEMON_DEFAULTS, formatListen, type DaemonConfig } from '../../src/config/daemon-config.js';
import { overlayMismatch } from '../../src/config/daemon.js';
import { parseConfig } from '../../src/config/load.js';
import { ConfigError } from '../../src/config/problem.js';
import { withTunnel } from './example.js';

function daemonOf(section: string): DaemonConfig {
  return parseConfig(`node: { name: n }\ndaemon: ${section}\n`, 'f').daemon;
}

/** Messages about a file whose line 2 is the section. */
function complaints(section: string): string[] {
  try {
    daemonOf(section);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.message.split('\n').map((line) => line.replace(/^f:2:/, ''));
  }
  return [];
}

t.test('defaults', async (t) => {
  t.strictSame(parseConfig('node: { name: n }', 'f').daemon, DAEMON_DEFAULTS);
  t.strictSame(daemonOf('{}'), DAEMON_DEFAULTS);
  t.strictSame(daemonOf('{ underlay: {}, overlay: {}, control: {}, metrics: {}, log: {} }'), DAEMON_DEFAULTS);
  t.equal(DAEMON_DEFAULTS.metrics.listen?.address, '127.0.0.1', 'listeners are loopback by default');
});

t.test('all keys', async (t) => {
  const daemon = daemonOf(
    '{ workers: 4, underlay: { type: raw, interface: [eth0, eth1, eth0], receive_buffer: 65536 },' +
      ' overlay: { type: tap, name: tap7, mtu: 9000, addresses: [192.0.2.1/24, "2001:DB8::1/64"],' +
      ' routes: [198.51.100.0/24], offload: false }, icmp_errors_per_second: 0, busy_poll: true,' +
      ' control: { socket: /run/g.sock, group: netops }, metrics: { listen: "[::1]:80", max_tunnels: 5 },' +
      ' log: { level: debug, format: json } }',
  );
  t.strictSame(daemon, {
    workers: 4,
    underlay: { type: 'raw', interface: ['eth0', 'eth1'], receive_buffer: 65536, synthetic: null },
    overlay: {
      type: 'tap',
      name: 'tap7',
      mtu: 9000,
      addresses: ['192.0.2.1/24', '2001:db8::1/64'],
      routes: ['198.51.100.0/24'],
      offload: false,
    },
    icmp_errors_per_second: 0,
    busy_poll: true,
    control: { socket: '/run/g.sock', group: 'netops' },
    metrics: { listen: { address: '::1', port: 80 }, max_tunnels: 5 },
    log: { level: 'debug', format: 'json' },
  });
  t.equal(formatListen({ address: '::1', port: 80 }), '[::1]:80');
  t.strictSame(daemonOf('{ underlay: { interface: eth0 } }').underlay.interface, ['eth0']);
  t.strictSame(daemonOf('{ underlay: { type: synthetic, faults: 0.5 } }').underlay.synthetic, {
    packets_per_second: 20_000,
    faults: 0.5,
    seed: 1,
  });
  t.equal(daemonOf('{ metrics: { listen: off } }').metrics.listen, null);
  t.equal(daemonOf('{ metrics: { listen: false } }').metrics.listen, null);
});

t.test('problems, each with its place', async (t) => {
  const cases: Record<string, string> = {
    '{ workers: 0 }': '20: daemon.workers: found 0, expected an integer from 1 to 64',
    '{ underlay: { type: afpacket } }':
      '29: daemon.underlay.type: found "afpacket", expected one of auto, af_packet, af_xdp, raw, raw-socket, cap, synthetic, did you mean "af_packet"?',
    '{ underlay: { faults: 0.1 } }':
      '23: daemon.underlay.faults: faults is for type synthetic only, and the type is auto',
    '{ underlay: { type: synthetic, faults: 2 } }':
      '48: daemon.underlay.faults: found 2, expected a number from 0 to 1',
    '{ underlay: { interface: [eth0, auto] } }':
      '41: daemon.underlay.interface[1]: found auto, expected the name of an interface in a list',
    '{ overlay: { mtu: 500 } }':
      '27: daemon.overlay.mtu: found 500, expected auto or an integer from 576 to 65535',
    '{ overlay: { addresses: [192.0.2.1] } }':
      '34: daemon.overlay.addresses[0]: found "192.0.2.1", expected an address with its length, such as 192.0.2.1/24',
    '{ overlay: { addresses: [224.0.0.1/24] } }':
      '34: daemon.overlay.addresses[0]: found "224.0.0.1/24", expected a unicast address with its length, such as 192.0.2.1/24',
    '{ overlay: { routes: [192.0.2.1/24] } }':
      '31: daemon.overlay.routes[0]: found "192.0.2.1/24", expected a prefix without host bits: 192.0.2.0/24 (or 192.0.2.1/32 for 192.0.2.1 alone)',
    '{ control: { socket: grebe.sock } }':
      '30: daemon.control.socket: found "grebe.sock", expected an absolute path of a Unix socket, or auto',
    '{ metrics: { listen: 9786 } }':
      '30: daemon.metrics.listen: found 9786, expected off or an address with port, such as 127.0.0.1:9786 or [::1]:9786',
    '{ metrics: { listen: 127.0.0.1:99999 } }':
      '30: daemon.metrics.listen: found "127.0.0.1:99999", expected an address with a port from 0 to 65535, such as 127.0.0.1:9786',
    '{ log: { level: loud } }':
      '25: daemon.log.level: found "loud", expected one of silent, fatal, error, warn, info, debug, trace',
    '{ wrokers: 2 }': '11: daemon.wrokers: unknown key "wrokers", did you mean "workers"?',
  };
  for (const [section, expected] of Object.entries(cases))
    t.strictSame(complaints(section), [expected], section);
});

t.test('gre tunnels need an overlay that carries packets', async (t) => {
  const text = (overlay: string) => withTunnel('    mode: gre\n', `daemon:\n  overlay: ${overlay}\n`);
  t.throws(() => parseConfig(text('{ type: tap }'), 'f'), {
    message:
      /^f:8:20: daemon\.overlay\.type: found tap, expected tun: the tunnel a is of mode gre and carries IP/,
  });
  for (const type of ['tun', 'discard', 'synthetic']) parseConfig(text(`{ type: ${type} }`), 'f');
});

t.test('tunnels of both modes fit no interface', async (t) => {
  const both = `    mode: gre\n  - { name: b, local: 198.51.100.1, remote: 203.0.113.9, mode: gretap }\n`;
  const text = (type: string) => withTunnel(both, `daemon:\n  overlay: { type: ${type} }\n`);
  for (const type of ['tun', 'tap']) {
    t.throws(() => parseConfig(text(type), 'f'), {
      message: new RegExp(
        `: found ${type}, expected tunnels of one mode, .*: b is of mode gretap .* a is of mode gre`,
      ),
    });
  }
  parseConfig(text('discard'), 'f');
});

t.test('gretap tunnels need an overlay that carries frames', async (t) => {
  const text = (overlay: string) => withTunnel('    mode: gretap\n', `daemon:\n  overlay: ${overlay}\n`);
  for (const overlay of ['{}', '{ type: tun }']) {
    t.throws(() => parseConfig(text(overlay), 'f'), {
      message: /^f:8:\d+: daemon\.overlay\.type: found tun, expected tap: the tunnel a is of mode gretap/,
    });
  }
  for (const type of ['tap', 'discard', 'synthetic']) parseConfig(text(`{ type: ${type} }`), 'f');
  const forReplay = parseConfig(withTunnel('    mode: gretap\n'), 'f');
  t.match(overlayMismatch(forReplay.daemon.overlay, forReplay.tunnels), 'tap: the tunnel a');
});
