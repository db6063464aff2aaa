import t from 'tap';
import { LinkType } from '../../src/dataplane/link-type.js';
import { Side } from '../../src/dataplane/packet-vector.js';
import { ipOffset, makeLinkHeader, MAX_MADE_HEADER } from '../../src/replay/link-header.js';
import { buildPacket } from '../../src/wire/build.js';
import { run, route, tables, tunnel } from '../dataplane/harness.js';

const spec = tables(
  [tunnel('a', '198.51.100.1', '203.0.113.1')],
  [route('192.0.2.0/24', 0), route('2001:db8::/32', 0)],
);
const packets = {
  4: buildPacket({ ip: { source: '192.88.99.1', destination: '192.0.2.1' }, udp: {} }),
  6: buildPacket({ ip: { source: '2001:2::1', destination: '2001:db8::1' }, udp: {} }),
};

t.test('the dataplane reads made headers of every link type', (t) => {
  for (const link of Object.values(LinkType)) {
    for (const version of [4, 6] as const) {
      if ((link === LinkType.IPV4 && version === 6) || (link === LinkType.IPV6 && version === 4)) continue;
      const header = new Uint8Array(MAX_MADE_HEADER);
      const length = makeLinkHeader(header, link, version);
      const frame = Uint8Array.from([...header.subarray(0, length), ...packets[version]]);
      t.equal(ipOffset(frame, 0, frame.length, link), length);
      const { outcomes } = run(spec, [{ bytes: frame, link, side: Side.UNDERLAY }]);
      t.equal(outcomes[0]?.verdict, 'delivered_underlay', `link type ${link}, IPv${version}`);
    }
  }
  t.end();
});

t.test('a frame that ends in its link header, and other link types', (t) => {
  const frame = new Uint8Array(32);
  t.equal(ipOffset(frame, 0, 13, LinkType.ETHERNET), -1);
  t.equal(ipOffset(frame, 0, 14, LinkType.ETHERNET), 14);
  frame.set([0x81, 0x00], 12);
  t.equal(ipOffset(frame, 0, 17, LinkType.ETHERNET), -1);
  t.equal(ipOffset(frame, 0, 18, LinkType.ETHERNET), 18);
  t.equal(ipOffset(frame, 0, 15, LinkType.LINUX_SLL), -1);
  t.equal(ipOffset(frame, 0, 32, 147), -1);
  t.end();
});
