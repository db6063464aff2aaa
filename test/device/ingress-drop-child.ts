/**
 * For ingress-drop.test.ts, in its namespace. `hold`: opens an AF_PACKET device on c0, says its description and
 * waits for the end. `send N`: sends N packets to us on c1, numbered by their identification.
 */
import { openAfPacket } from '../../src/device/af-packet/af-packet-device.js';
import { Adjacencies } from '../../src/device/underlay/adjacency.js';
import { frameToUs, interfaceOf, LOCALS, Peer } from './underlay-lab.js';

const [, , role, count] = process.argv;
if (role === 'hold') {
  const { description } = await openAfPacket({
    name: 'under',
    workers: 1,
    locals: LOCALS,
    interfaces: [interfaceOf('c0')],
    adjacencies: Adjacencies.create([]).share(),
  });
  process.stdout.write(`${description}\n`);
  setInterval(() => undefined, 1000);
} else {
  const peer = new Peer();
  for (let id = 0; id < Number(count); id++) peer.send(frameToUs(4, { ip: { id } }));
  peer.close();
}
