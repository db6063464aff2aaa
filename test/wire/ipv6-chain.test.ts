import t from 'tap';
import { Ipv6Chain } from '../../src/wire/ipv6-chain.js';
import { buildPacket, type FrameSpec } from '../../src/wire/build.js';

const ip = { source: '2001:db8::1', destination: '2001:db8::2' };
const chain = new Ipv6Chain();

function walk(spec: FrameSpec, throughAh = false): Ipv6Chain {
  const bytes = buildPacket({ link: 'raw', ...spec });
  chain.walk(bytes, 0, bytes.length, throughAh);
  return chain;
}

void t.test('the transport header behind any extension headers', (t) => {
  t.match(walk({ ip, udp: {} }), { protocol: 17, offset: 40, fragment: false });
  t.match(
    walk({ ip: { ...ip, extensions: [{ header: 0 }, { header: 60, size: 16 }, { header: 43 }] }, udp: {} }),
    {
      protocol: 17,
      offset: 72,
    },
  );
  const ah: FrameSpec = { ip: { ...ip, extensions: [{ header: 51 }] }, udp: {} };
  t.match(walk(ah), { protocol: 51, offset: 40 }, 'an authentication header is passed only on request');
  t.match(walk(ah, true), { protocol: 17, offset: 64 });
  t.end();
});

void t.test('fragments', (t) => {
  const fragment = (offset: number, more: boolean): FrameSpec => ({
    ip: { ...ip, extensions: [{ header: 44, offset, more }] },
    udp: {},
  });
  t.match(walk(fragment(0, false)), { protocol: 17, fragment: false }, 'atomic (RFC 6946)');
  t.match(walk(fragment(0, true)), {
    protocol: 17,
    fragment: true,
    laterFragment: false,
    fragmentProtocol: 17,
  });
  t.match(walk(fragment(64, false)), {
    protocol: -1,
    fragment: true,
    laterFragment: true,
    fragmentProtocol: 17,
  });
  t.end();
});

void t.test('a chain that runs out of the packet, or has no end', (t) => {
  const options: FrameSpec = { ip: { ...ip, extensions: [{ header: 0, lengthField: 200 }] }, udp: {} };
  t.equal(walk(options).protocol, -1);
  const short = buildPacket({ link: 'raw', ip: { ...ip, extensions: [{ header: 60 }] }, udp: {} });
  for (let length = 40; length < 48; length++) {
    chain.walk(short, 0, length, false);
    t.equal(chain.protocol, -1, `${length} bytes`);
  }
  const nine = Array.from({ length: 9 }, () => ({ header: 60 }));
  t.equal(walk({ ip: { ...ip, extensions: nine }, udp: {} }).protocol, -1, 'nine headers');
  t.equal(walk({ ip: { ...ip, extensions: nine.slice(1) }, udp: {} }).protocol, 17, 'eight headers');
  t.end();
});
