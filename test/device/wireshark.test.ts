/** Wireshark's tools read what grebe writes, and grebe reads what they write. */
import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { openCapture } from '../../src/device/capture/capture-reader.js';
import { createCapture } from '../../src/device/capture/capture-writer.js';
import { readAll, text } from './capture-bytes.js';

function skipWithout(...tools: string[]): { skip: string | false } {
  const missing = tools.filter((tool) => spawnSync(tool, ['--version']).status !== 0);
  return { skip: missing.length > 0 && `${missing.join(', ')} not installed (apt-get install tshark)` };
}

/** One line per packet: time, captured length, length on the wire, and more fields. */
function tshark(path: string, ...fields: string[]): string[][] {
  const args = ['-r', path, '-T', 'fields'];
  for (const field of ['frame.time_epoch', 'frame.cap_len', 'frame.len', ...fields]) args.push('-e', field);
  const output = execFileSync('tshark', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  return output
    .replace(/\n$/, '')
    .split('\n')
    .map((line) => line.split('\t'));
}

/** An IPv4 packet with a UDP payload. */
const udp = Uint8Array.from(
  Buffer.from(
    '450000240001000040117cc67f0000017f00000104d204d30010fe237061796c6f616421'.padEnd(72, '0'),
    'hex',
  ),
);
const ethernet = Uint8Array.from([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x08, 0x00, ...udp]);

test('tshark and capinfos read what is written', skipWithout('tshark', 'capinfos'), async (t) => {
  const dir = t.testdir();
  for (const [name, resolution] of [
    ['micro.pcap', 'micro'],
    ['nano.pcap', 'nano'],
    ['both.pcapng', 'nano'],
  ] as const) {
    const path = join(dir, name);
    const isNg = name.endsWith('ng');
    const writer = await createCapture(path, { resolution });
    const first = writer.addInterface({ linkType: 1, name: 'eth7' });
    const second = isNg ? writer.addInterface({ linkType: 101, snaplen: 96, name: 'tun0' }) : first;
    writer.write(
      1_700_000_000,
      123_456_789,
      first,
      ethernet,
      0,
      ethernet.length,
      1400,
      'dropped: endpoint_unknown',
    );
    writer.write(4_294_967_295, 999_999_999, second, isNg ? udp : ethernet, 0, 50 - 14, 36);
    writer.commit();

    const fraction = (nanos: string): string => (resolution === 'micro' ? `${nanos.slice(0, 6)}000` : nanos);
    const lines = tshark(path, 'frame.encap_type', 'frame.comment', 'frame.interface_name', 'ip.src');
    t.strictSame(
      lines[0]!.slice(0, 4),
      [`1700000000.${fraction('123456789')}`, String(ethernet.length), '1400', '1'],
      name,
    );
    t.strictSame(
      lines[1]!.slice(0, 4),
      [`4294967295.${fraction('999999999')}`, '36', '36', isNg ? '7' : '1'],
      name,
    );
    if (isNg) {
      t.strictSame(lines[0]!.slice(4), ['dropped: endpoint_unknown', 'eth7', '127.0.0.1']);
      t.strictSame(lines[1]!.slice(4), ['', 'tun0', '127.0.0.1']);
    }
    const info = execFileSync('capinfos', ['-M', '-c', '-t', '-E', path], { encoding: 'utf8' });
    t.match(info, /Number of packets: *2\b/);
    t.match(info, isNg ? /pcapng/ : resolution === 'nano' ? /nsecpcap/ : /: *pcap\b/);
  }
});

test(
  'what editcap and mergecap write is read as tshark reads it',
  skipWithout('tshark', 'editcap', 'mergecap'),
  async (t) => {
    const dir = t.testdir();
    const path = join(dir, 'source.pcapng');
    const other = join(dir, 'other.pcap');
    const writer = await createCapture(path);
    const id = writer.interfaceFor(1);
    for (let i = 0; i < 50; i++) {
      const length = (i * 7) % ethernet.length;
      writer.write(
        1_700_000_000 + i,
        (i * 20_000_003) % 1e9,
        id,
        ethernet,
        0,
        length,
        60 + i,
        `comment ${i}`,
      );
    }
    writer.commit();
    const raw = await createCapture(other);
    raw.write(1_700_000_010, 5000, raw.interfaceFor(101), udp, 0, udp.length, udp.length);
    raw.commit();

    const made: string[] = [];
    for (const format of ['pcap', 'nsecpcap', 'pcapng', 'modpcap']) {
      const target = join(dir, `made.${format}`);
      execFileSync('editcap', ['-F', format, path, target], { stdio: 'ignore' });
      made.push(target);
    }
    const merged = join(dir, 'merged.pcapng');
    execFileSync('mergecap', ['-w', merged, path, other], { stdio: 'ignore' });
    const zipped = join(dir, 'zipped.pcapng.gz');
    writeFileSync(zipped, execFileSync('gzip', ['-c', merged]));
    made.push(merged, zipped);
    for (const file of made) {
      const reader = await openCapture(file);
      const packets = await readAll(reader);
      await reader.close();
      const lines = packets.map((packet) => [
        `${packet.seconds}.${String(packet.nanoseconds).padStart(9, '0')}`,
        String(packet.bytes.length),
        String(packet.originalLength),
        String(packet.linkType === 101 ? 7 : packet.linkType),
        Buffer.from(packet.options.find(({ code }) => code === 1)?.value ?? []).toString(),
      ]);
      t.strictSame(tshark(file, 'frame.encap_type', 'frame.comment'), lines, file.slice(dir.length + 1));
    }
  },
);

test('a capture that is cut off: both say so', skipWithout('tshark'), async (t) => {
  const path = join(t.testdir(), 'cut.pcap');
  const writer = await createCapture(path);
  const id = writer.interfaceFor(1);
  for (let i = 0; i < 3; i++) writer.write(i, 0, id, text('0123456789abcdef'), 0, 16, 16);
  writer.commit();
  execFileSync('truncate', ['-s', '-3', path]);
  const { stderr, stdout } = spawnSync('tshark', ['-r', path], { encoding: 'utf8' });
  t.match(stderr, /cut short in the middle of a packet/);
  t.equal(stdout.trim().split('\n').length, 2);
  await t.rejects(readAll(await openCapture(path)), {
    message: /record 3 at byte 88: .*cut off in the middle of a packet/,
  });
});
