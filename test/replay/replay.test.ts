import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { LinkType } from '../../src/dataplane/link-type.js';
import { DROP_REASONS } from '../../src/dataplane/verdicts.js';
import { parseConfig } from '../../src/config/load.js';
import { replay, replayTables } from '../../src/replay/replay.js';
import { addressBytes, buildPacket, mssOption } from '../../src/wire/build.js';
import { route, tables, tunnel } from '../dataplane/harness.js';
import { CUSTOMER, fromTunnel, OURS, readFrames, toTunnel, writeFrames } from './captures.js';

const config = parseConfig(
  `
node: { name: fra-1 }
tunnels:
  - { name: acme, local: ${OURS}, remote: ${CUSTOMER}, key: 42, allowed_sources: [192.0.2.0/24] }
  - { name: idle, local: ${OURS}, remote: 203.0.113.11 }
routes:
  - { prefix: 192.0.2.0/24, nexthop: acme }
`,
  'test.yaml',
);

const gre = { source: CUSTOMER, destination: OURS };

t.test('the result tells of every packet', async (t) => {
  const dir = t.testdir();
  const input = await writeFrames(join(dir, 'in.pcap'), [
    { bytes: fromTunnel(1) },
    { bytes: fromTunnel(2, { gre: { key: 43 } }) },
    { bytes: buildPacket(toTunnel(3)) },
    { bytes: buildPacket(toTunnel(4, { payload: 1472 })) },
    {
      bytes: buildPacket(
        toTunnel(5, {
          ip: { source: '192.88.99.7', destination: '192.0.2.9', dontFragment: true },
          payload: 1472,
        }),
      ),
    },
    { bytes: buildPacket(toTunnel(6, { ip: { source: '192.88.99.7', destination: '192.88.99.8' } })) },
    {
      bytes: buildPacket(
        toTunnel(7, { udp: undefined, tcp: { syn: true, options: mssOption(1460) }, payload: 0 }),
      ),
    },
    { bytes: fromTunnel(8).slice(0, 10) },
  ]);
  const result = await replay({ config, underlay: [input] });
  const { elapsed_ns, packets_per_second, dropped, ...rest } = result;
  t.ok(elapsed_ns > 0);
  t.ok(packets_per_second > 0);
  t.match(dropped, {
    total: 4,
    reasons: {
      gre_key_mismatch: 1,
      mtu_exceeded: 1,
      not_for_us: 1,
      frame_truncated: 1,
      no_route: 0,
      no_buffer: 0,
    },
  });
  t.equal(Object.keys(dropped.reasons).length, DROP_REASONS.length, 'all reasons are named');
  const none = { packets: 0, bytes: 0 };
  t.same(rest, {
    received: 8,
    delivered: { overlay: 1, underlay: 3 },
    answered: { echo: 0, keepalive: 0 },
    tunnels: {
      acme: {
        decapsulated: { packets: 1, bytes: 48 },
        encapsulated: { packets: 4, bytes: 48 + (1500 + 20) + 44 },
      },
      idle: { decapsulated: none, encapsulated: none },
    },
    mss_clamped: 1,
    mss_malformed: 0,
    fragmented: 1,
    fragments_created: 2,
    icmp_errors: 1,
    icmp_suppressed: 0,
    workers: 1,
    outputs: { overlay: null, underlay: null, dropped: null },
  });
});

t.test('outputs have the times and the order of the input', async (t) => {
  const dir = t.testdir();
  const time = { seconds: 1_600_000_000, nanoseconds: 123_456_789 };
  const input = await writeFrames(join(dir, 'in.pcap'), [
    { bytes: fromTunnel(1), ...time },
    { bytes: buildPacket(toTunnel(2, { payload: 1472 })), seconds: 1_600_000_001, nanoseconds: 1 },
    { bytes: fromTunnel(3, { gre: {} }), seconds: 1_500_000_000, nanoseconds: 2 },
    { bytes: fromTunnel(4), seconds: 1_600_000_002, nanoseconds: 3 },
  ]);
  const outputs = {
    overlay: join(dir, 'o.pcap'),
    underlay: join(dir, 'u.pcap'),
    dropped: join(dir, 'd.whatever'),
  };
  const result = await replay({ config, underlay: [input], outputs });
  const overlay = await readFrames(outputs.overlay);
  t.same(overlay.links, [LinkType.RAW]);
  t.match(overlay.packets, [time, { seconds: 1_600_000_002, nanoseconds: 3 }]);
  t.match(result.outputs.overlay, { packets: 2, bytes: 96 });

  const underlay = await readFrames(outputs.underlay);
  t.same(underlay.links, [LinkType.ETHERNET]);
  t.match(underlay.packets, [
    { seconds: 1_600_000_001, nanoseconds: 1 },
    { seconds: 1_600_000_001, nanoseconds: 1 },
  ]);
  t.match(result.outputs.underlay, { packets: 2, bytes: 2 * (14 + 28) + 1520 });

  const dropped = await readFrames(outputs.dropped);
  t.match(dropped.packets, [{ seconds: 1_500_000_000, nanoseconds: 2, linkType: LinkType.ETHERNET }]);
  t.same(dropped.packets[0]?.bytes, [...fromTunnel(3, { gre: {} })], 'as received');
  const comment = Buffer.from(dropped.packets[0]?.options[0]?.value ?? []).toString();
  t.match(comment, /^gre_key_mismatch: A tunnel has this source .* \(RFC 2890 §2.1\)$/);
});

t.test('frames cut off by the capture keep their original length among the dropped', async (t) => {
  const dir = t.testdir();
  const { createCapture } = await import('../../src/device/capture/capture-writer.js');
  const writer = await createCapture(join(dir, 'cut.pcap'));
  const bytes = fromTunnel(1);
  writer.write(1, 2000, writer.interfaceFor(LinkType.ETHERNET), bytes, 0, 50, bytes.length);
  writer.commit();
  const dropped = join(dir, 'd.pcapng');
  await replay({ config, underlay: [join(dir, 'cut.pcap')], outputs: { dropped } });
  const { packets } = await readFrames(dropped);
  t.match(packets, [{ originalLength: bytes.length, seconds: 1, nanoseconds: 2000 }]);
  t.equal(packets[0]?.bytes.length, 50);
});

t.test('link types of the outputs', async (t) => {
  const dir = t.testdir();
  const raw = buildPacket({ ...toTunnel(1), link: 'raw' });
  const inEthernet = await writeFrames(join(dir, 'e.pcap'), [{ bytes: buildPacket(toTunnel(1)) }]);
  const inRaw = await writeFrames(join(dir, 'r.pcap'), [{ bytes: raw, link: LinkType.RAW }]);
  const inCooked = await writeFrames(join(dir, 'c.pcap'), [
    { bytes: buildPacket({ ...toTunnel(1), link: 'sll2' }), link: LinkType.LINUX_SLL2 },
  ]);
  const in4 = await writeFrames(join(dir, '4.pcap'), [{ bytes: raw, link: LinkType.IPV4 }]);
  const pcap = join(dir, 'out.pcap');
  const pcapng = join(dir, 'out.pcapng');

  await t.test('an underlay pcap has the type of the first underlay input', async (t) => {
    for (const [first, others, link, headers] of [
      [inEthernet, [inRaw, inCooked, in4], LinkType.ETHERNET, 14],
      [inCooked, [inRaw, inEthernet], LinkType.LINUX_SLL2, 20],
      [inRaw, [inEthernet, in4], LinkType.RAW, 0],
      [in4, [], LinkType.IPV4, 0],
      [in4, [inEthernet], LinkType.RAW, 0],
    ] as const) {
      await replay({ config, underlay: [first, ...others], overlay: [inRaw], outputs: { underlay: pcap } });
      const { links, packets } = await readFrames(pcap);
      t.same(links, [link]);
      t.equal(packets.length, others.length + 2);
      t.ok(packets.every(({ bytes }) => bytes.length === headers + 28 + 48 && bytes[headers] === 0x45));
    }
  });

  await t.test('an underlay pcapng has an interface for each type', async (t) => {
    await replay({
      config,
      underlay: [inEthernet, inCooked],
      overlay: [inRaw],
      outputs: { underlay: pcapng },
    });
    const { packets } = await readFrames(pcapng);
    const found = packets.map(({ linkType }) => linkType).sort((a, b) => a - b);
    t.same(found, [LinkType.ETHERNET, LinkType.RAW, LinkType.LINUX_SLL2]);
  });

  await t.test('without an underlay input the underlay is raw IP', async (t) => {
    await replay({ config, overlay: [inEthernet], outputs: { underlay: pcap } });
    t.same((await readFrames(pcap)).links, [LinkType.RAW]);
  });

  await t.test('an IPv6 tunnel and a raw IPv4 input', async (t) => {
    const six = tables([tunnel('six', '2001:db8::1', '2001:db8::2')], [route('192.0.2.0/24', 0)]);
    await replayTables(six, { underlay: [in4], outputs: { underlay: pcap } });
    const { links, packets } = await readFrames(pcap);
    t.same(links, [LinkType.RAW]);
    t.equal(packets[0]?.bytes[0], 0x60);
  });
});

t.test('gretap: frames to the overlay', async (t) => {
  const dir = t.testdir();
  const tap = tunnel('tap', OURS, '203.0.113.20', { mode: 'gretap' });
  const plain = tunnel('plain', OURS, CUSTOMER, { key: 42 });
  const inner = {
    link: 'ethernet',
    ip: { source: '192.0.2.1', destination: '192.88.99.7' },
    udp: { sourcePort: 1, destinationPort: 2 },
  } as const;
  const arp = { link: 'ethernet', etherType: 0x0806, payload: 28 } as const;
  const frames = [inner, arp].map((frame) => ({
    bytes: buildPacket({ link: 'ethernet', ip: { ...gre, source: '203.0.113.20' }, gre: {}, inner: frame }),
  }));
  const input = await writeFrames(join(dir, 'in.pcap'), [...frames, { bytes: fromTunnel(1) }]);
  const pcap = join(dir, 'o.pcap');
  const pcapng = join(dir, 'o.pcapng');

  await replayTables(tables([tap, plain], []), { underlay: [input], outputs: { overlay: pcap } });
  const mixed = await readFrames(pcap);
  t.same(mixed.links, [LinkType.ETHERNET]);
  t.equal(mixed.packets[1]?.bytes[12], 0x08);
  t.equal(mixed.packets[1]?.bytes[13], 0x06, 'ARP as it came');
  t.same(
    mixed.packets[2]?.bytes.slice(0, 15),
    [...new Array<number>(12).fill(0), 8, 0, 0x45],
    'a made header',
  );

  await replayTables(tables([tap, plain], []), { underlay: [input], outputs: { overlay: pcapng } });
  const two = await readFrames(pcapng);
  t.same(
    two.packets.map(({ linkType }) => linkType),
    [LinkType.ETHERNET, LinkType.ETHERNET, LinkType.RAW],
  );

  await replayTables(tables([tap], []), { underlay: [input], outputs: { overlay: pcapng } });
  t.same((await readFrames(pcapng)).links, [LinkType.ETHERNET], 'only gretap: only Ethernet');
});

t.test('large packets and small MTUs: no vector runs out of room', async (t) => {
  const dir = t.testdir();
  const frames = Array.from({ length: 300 }, (_, i) => ({
    bytes: buildPacket(toTunnel(i, { payload: i % 3 === 0 ? 60_000 : 9000 })),
  }));
  const input = await writeFrames(join(dir, 'in.pcap'), frames);
  const small = tables([tunnel('small', OURS, CUSTOMER, { mtu: 576 })], [route('192.0.2.0/24', 0)]);
  const results = [];
  for (const workers of [0, 1, 3]) {
    const outputs = { underlay: join(dir, `${workers}.pcap`) };
    const result = await replayTables(small, { underlay: [input], workers, outputs });
    t.equal(result.delivered.underlay, 300);
    t.equal(result.outputs.underlay?.packets, result.fragments_created);
    results.push(result.fragments_created);
  }
  t.equal(new Set(results).size, 1);
});

t.test('the captures several times over', async (t) => {
  const dir = t.testdir();
  const input = await writeFrames(join(dir, 'in.pcap'), [
    { bytes: fromTunnel(1), seconds: 100, nanoseconds: 500_000_000 },
    { bytes: fromTunnel(2), seconds: 102, nanoseconds: 0 },
  ]);
  const overlay = join(dir, 'o.pcap');
  const result = await replay({ config, underlay: [input], loops: 3, outputs: { overlay } });
  t.equal(result.received, 6);
  const { packets } = await readFrames(overlay);
  t.same(
    packets.map(({ seconds, nanoseconds }) => seconds + nanoseconds / 1e9),
    [100.5, 102, 102, 103.5, 103.5, 105],
  );
});

t.test('progress', async (t) => {
  const dir = t.testdir();
  const bytes = fromTunnel(1);
  const frames = Array.from({ length: 20_000 }, () => ({ bytes, nanoseconds: 0 }));
  const input = await writeFrames(join(dir, 'in.pcap'), frames);
  let last = { packets: 0, bytesRead: 0, totalBytes: 0 as number | null };
  let calls = 0;
  await replay({
    config,
    underlay: [input],
    loops: 40,
    onProgress: (progress) => {
      calls++;
      t.ok(progress.packets >= last.packets && progress.bytesRead >= last.bytesRead);
      t.ok(progress.bytesRead <= (progress.totalBytes ?? 0));
      last = progress;
    },
  });
  t.ok(calls > 0);
});

t.test('options out of range', async (t) => {
  const underlay = ['x.pcap'];
  await t.rejects(replay({ config }), { name: 'RangeError', message: /no input/ });
  await t.rejects(replay({ config, underlay, workers: 65 }), RangeError);
  await t.rejects(replay({ config, underlay, workers: 1.5 }), RangeError);
  await t.rejects(replay({ config, underlay, loops: 0 }), RangeError);
  await t.rejects(replay({ config, underlay: ['-'], overlay: ['-'] }), RangeError);
  await t.rejects(replay({ config, underlay: ['-'], loops: 2 }), RangeError);
});

t.test('an input that is not there, one that is damaged, an output that cannot be', async (t) => {
  const dir = t.testdir();
  const good = await writeFrames(join(dir, 'good.pcap'), [{ bytes: fromTunnel(1) }]);
  const bad = join(dir, 'bad.pcap');
  const { readFileSync, writeFileSync } = await import('node:fs');
  writeFileSync(bad, readFileSync(good).subarray(0, -3));
  const outputs = { overlay: join(dir, 'o.pcap'), dropped: join(dir, 'd.pcapng') };
  await t.rejects(replay({ config, underlay: [join(dir, 'none.pcap')], outputs }), {
    message: /none\.pcap: cannot open/,
  });
  await t.rejects(replay({ config, underlay: [good, bad], outputs }), {
    message: /bad\.pcap: record 1 at byte 24: .*cut off/,
  });
  const nowhere = { ...outputs, underlay: join(dir, 'none', 'u.pcap') };
  await t.rejects(replay({ config, underlay: [good], outputs: nowhere }), {
    message: /u\.pcap: cannot write/,
  });
  t.same(readdirSync(dir).sort(), ['bad.pcap', 'good.pcap'], 'no output, no part of one');
});

t.test('clamped by the tunnel of arrival', async (t) => {
  const dir = t.testdir();
  const syn = {
    ip: { source: '192.0.2.1', destination: '192.88.99.7' },
    tcp: { syn: true, options: mssOption(1460) },
  };
  const input = await writeFrames(join(dir, 'in.pcap'), [{ bytes: fromTunnel(1, { inner: syn }) }]);
  const overlay = join(dir, 'o.pcap');
  await replay({ config, underlay: [input], outputs: { overlay } });
  const clamped = buildPacket({ ...syn, tcp: { syn: true, options: mssOption(1432) } });
  t.same((await readFrames(overlay)).packets[0]?.bytes, [...clamped]);
  t.same(addressBytes('192.0.2.1'), clamped.slice(12, 16));
  t.notOk(existsSync(join(dir, 'u.pcap')));
});
