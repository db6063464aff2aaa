import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { parseCidr, parseInterfaceAddress, addressText } from '../../src/device/netlink/address.js';
import { parseLink, writeLinkQuery } from '../../src/device/netlink/link.js';
import {
  MessageWriter,
  parseAttributes,
  parseMessages,
  readText,
  readUint32,
} from '../../src/device/netlink/message.js';
import { errorOf, errorText, NetlinkError } from '../../src/device/netlink/netlink-error.js';
import { isUsable, parseNeighbour, writeNeighbourUse } from '../../src/device/netlink/neighbour.js';
import { parseRoute, parseRoutePrefix, writeRoute, writeRouteQuery } from '../../src/device/netlink/route.js';

const decoders = [
  parseLink,
  parseInterfaceAddress,
  parseNeighbour,
  parseRoute,
  parseRoutePrefix,
  errorOf,
  errorText,
] as const;

t.test('a message is read as it was written', async (t) => {
  const writer = new MessageWriter();
  writer
    .begin(24, 5, 77)
    .uint8(1, 2, 3, 4)
    .text(3, 'grebe0')
    .attribute32(4, 4_000_000_000)
    .nested(8, (inner) => inner.attribute32(2, 1400).attribute(1, Uint8Array.of(9)));
  const [message, ...more] = parseMessages(writer.end());
  t.same(more, []);
  t.match(message, { type: 24, flags: 5, sequence: 77 });
  const attributes = parseAttributes(message!.payload, 4);
  t.equal(readText(attributes, 3), 'grebe0');
  t.equal(readUint32(attributes, 4), 4_000_000_000);
  const inner = parseAttributes(attributes.get(8)!);
  t.equal(readUint32(inner, 2), 1400);
  t.equal(readUint32(inner, 1), null, 'too short for a number');
  t.equal(readUint32(inner, 7), null);
});

t.test('requests are what rtnetlink(7) asks for', async (t) => {
  const hex = (write: (writer: MessageWriter) => void): string => {
    const writer = new MessageWriter().begin(0, 0, 0);
    write(writer);
    return Buffer.from(writer.end().subarray(16)).toString('hex');
  };
  const four = Uint8Array.of(192, 0, 2, 1);
  t.equal(
    hex((w) => writeRouteQuery(w, four, null)),
    '022000000000000000000000' + '08000100c0000201',
  );
  t.equal(
    hex((w) => writeNeighbourUse(w, 3, four)),
    '0200000003000000' + '00000100' + '08000100c0000201',
  );
  t.equal(
    hex((w) => writeRoute(w, 3, { address: four, length: 32 }, { mtu: 1476 })),
    '02200000fe04fd0100000000' + '08000100c0000201' + '0800040003000000' + '0c000880' + '08000200c4050000',
  );
  t.equal(
    hex((w) => writeLinkQuery(w, 0, 'a')),
    '00'.repeat(16) + '08001d0008000000' + '060003006100' + '0000',
  );
});

t.test("the kernel's refusals name the request", async (t) => {
  // NLMSG_ERROR: −EINVAL, the header of the request, then the text.
  const writer = new MessageWriter()
    .begin(2, 0x300, 1)
    .uint32(-22 >>> 0, 36, 0, 1, 0)
    .text(1, 'mtu too large');
  const message = parseMessages(writer.end())[0]!;
  t.equal(errorOf(message), 22);
  t.equal(errorText(message), 'mtu too large');
  const error = NetlinkError.fromKernel('set the MTU of a to 9', 22, errorText(message));
  t.match(error, { code: 'EINVAL', request: 'set the MTU of a to 9' });
  t.equal(error.message, 'cannot set the MTU of a to 9: EINVAL (invalid argument: mtu too large)');
  t.equal(NetlinkError.fromKernel('x', 9999, null).code, 'error 9999');
});

t.test('addresses as text', async (t) => {
  t.same(parseCidr('192.0.2.1/31'), { address: Uint8Array.of(192, 0, 2, 1), length: 31 });
  t.equal(parseCidr('2001:db8::1').length, 128);
  t.equal(addressText(parseCidr('2001:db8:0:0::1/64').address), '2001:db8::1');
  for (const text of ['', '192.0.2.1/33', 'x/3', '192.0.2.1/', '::1/129']) {
    t.throws(() => parseCidr(text), RangeError, text);
  }
});

t.test('a neighbour counts when its link address does', async (t) => {
  const address = Uint8Array.of(192, 0, 2, 1);
  const mac = Uint8Array.of(2, 0, 0, 0, 0, 1);
  const usable = [0x02, 0x04, 0x08, 0x10, 0x80];
  for (const state of [0, 1, 2, 4, 8, 0x10, 0x20, 0x40, 0x80]) {
    t.equal(isUsable({ interface: 1, address, mac, state }), usable.includes(state), `state ${state}`);
    t.notOk(isUsable({ interface: 1, address, mac: null, state }));
  }
});

t.test('any bytes at all are read without harm', async () => {
  const around = 64;
  // A guard behind the bytes: what a decoder returns comes from the bytes alone.
  const decodeAll = (bytes: Uint8Array, guard: number): unknown => {
    const memory = new Uint8Array(bytes.length + 2 * around).fill(guard);
    memory.set(bytes, around);
    const datagram = memory.subarray(around, around + bytes.length);
    const messages = parseMessages(datagram);
    return messages.map((message) => [message, ...decoders.map((decode) => decode(message))]);
  };
  const noise = fc.uint8Array({ maxLength: 300 });
  // Noise with a header that lets it pass for a message of each kind.
  const message = fc
    .tuple(
      fc.constantFrom(2, 3, 16, 20, 24, 28),
      fc.uint8Array({ maxLength: 200 }),
      fc.integer({ min: -8, max: 8 }),
    )
    .map(([type, payload, lie]) => {
      const bytes = new Uint8Array(16 + payload.length);
      const view = new DataView(bytes.buffer);
      view.setUint32(0, Math.max(0, bytes.length + lie), true);
      view.setUint16(4, type, true);
      view.setUint16(6, 0x300, true);
      bytes.set(payload, 16);
      return bytes;
    });
  // Attributes that begin well, so that the walk gets far.
  const attribute = fc
    .tuple(fc.nat(32), fc.uint8Array({ maxLength: 20 }), fc.constantFrom(0, 0, 0, 1, -1, 100))
    .map(([type, value, lie]) => {
      const bytes = new Uint8Array((4 + value.length + 3) & ~3);
      const view = new DataView(bytes.buffer);
      view.setUint16(0, Math.max(0, 4 + value.length + lie), true);
      view.setUint16(2, type, true);
      bytes.set(value, 4);
      return bytes;
    });
  const structured = fc
    .tuple(
      fc.constantFrom(16, 20, 24, 28),
      fc.constantFrom(2, 10),
      fc.constantFrom(8, 12, 16),
      fc.array(attribute, { maxLength: 8 }),
    )
    .map(([type, family, header, attributes]) => {
      const payload = Buffer.concat([Buffer.alloc(header, family), ...attributes]);
      const head = Buffer.alloc(16);
      head.writeUInt32LE(16 + payload.length, 0);
      head.writeUInt16LE(type, 4);
      return new Uint8Array(Buffer.concat([head, payload]));
    });
  fc.assert(
    fc.property(fc.oneof(noise, message, structured), (bytes) => {
      assert.deepEqual(decodeAll(bytes, 0x00), decodeAll(bytes, 0xff));
    }),
    { numRuns: 3000 },
  );
});
