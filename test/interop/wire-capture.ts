/** What passes an interface, recorded by tcpdump and judged by Wireshark: readers that others wrote. */
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import type { Test } from 'tap';
import type { Netns } from '../support/netns.js';
import { ended, eventually, executeHere, type Ended } from './command.js';

const CHECKS = ['ip', 'tcp', 'udp'].flatMap((protocol) => ['-o', `${protocol}.check_checksum:TRUE`]);
/** A port that is taken at random may be another protocol's: Wireshark would find iperf's bytes malformed there. */
const ANY_PORT = ['tcp', 'udp'].flatMap((protocol) => ['-d', `${protocol}.port==1-65535,data`]);

/**
 * Warnings are left out: Wireshark warns of what TCP does in normal operation. So are TCP checksums of 0xffff in place of
 * 0, which Linux sends where it sums in software (skb_checksum_help): one packet of 65,536, and any receiver takes it.
 */
const FAULTS = [
  '_ws.malformed',
  '(tcp.checksum.status == "Bad" and not tcp.checksum.ffff)',
  ...['ip', 'udp', 'icmp', 'icmpv6', 'gre'].map((protocol) => `${protocol}.checksum.status == "Bad"`),
  '_ws.expert.severity == "Error"',
].join(' or ');

export class WireCapture {
  private readonly end: Promise<Ended>;

  private constructor(
    private readonly child: ChildProcess,
    private readonly path: string,
  ) {
    this.end = ended(child, 1_200_000);
  }

  /** Records what passes an interface until `stop`, or the end of the test; `filter` is one of tcpdump's. */
  static async start(t: Test, namespace: Netns, device: string, filter = ''): Promise<WireCapture> {
    const path = join(t.testdir(), `${device}.pcap`);
    const words = filter === '' ? [] : [filter];
    const options = ['-Z', 'root', '-U', '-B', '16384', '-s', '0', '-i', device, '-w', path];
    const child = namespace.spawn('tcpdump', [...options, ...words]);
    const capture = new WireCapture(child, path);
    t.teardown(() => child.kill('SIGKILL'));
    let said = '';
    child.stderr?.on('data', (text: string) => (said += text));
    await eventually('tcpdump listens', () => {
      if (child.exitCode !== null) throw new Error(said);
      return said.includes('listening on');
    });
    return capture;
  }

  /** Ends the recording. @throws Error when tcpdump had to leave packets out */
  async stop(): Promise<void> {
    this.child.kill('SIGINT');
    const { status, stderr } = await this.end;
    const lost = /(\d+) packets? dropped by kernel/.exec(stderr)?.[1];
    if (status !== 0 || lost !== '0') throw new Error(`tcpdump: ${stderr}`);
  }

  /** One line for each packet in which Wireshark finds a wrong checksum, a wrong length or any other error;
   * `among` is a display filter. */
  faults(among = ''): Promise<string[]> {
    return this.packets(among === '' ? FAULTS : `(${among}) and (${FAULTS})`);
  }

  /** One line for each packet that a display filter of Wireshark's takes, or the fields of it asked for. */
  async packets(filter: string, ...fields: string[]): Promise<string[]> {
    const columns = fields.length === 0 ? [] : ['-T', 'fields', ...fields.flatMap((field) => ['-e', field])];
    const line = ['tshark', ...CHECKS, ...ANY_PORT, '-r', this.path, '-Y', filter, ...columns];
    const { status, stdout, stderr } = await executeHere(line, '', 180_000);
    if (status !== 0) throw new Error(`tshark: ${stderr}`);
    return stdout.split('\n').filter((text) => text !== '');
  }
}
