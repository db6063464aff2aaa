/**
 * A Linux kernel in a virtual machine, as a GRE peer that others wrote. It has one network card (eth0), the
 * other end of which is a TAP device in a namespace; commands go over its serial line. Software emulation:
 * slow (some hundred Mbit/s), and right.
 */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Netns } from '../support/netns.js';
import { makeGuestImage, type GuestImage } from './initramfs.js';

const BOOT_MS = 300_000;
const COMMAND_MS = 240_000;
const DONE = /(?:^|\n)guest-done (\d+)\n/;

export interface LinuxGuestOptions {
  /** Where the other end of the guest's network card is made. */
  readonly namespace: Netns;
  /** Name of that end, made here. */
  readonly tap: string;
  /** Addresses of the other end, CIDR. */
  readonly addresses: readonly string[];
  /** Addresses of eth0 in the guest, CIDR. */
  readonly guestAddresses: readonly string[];
}

export class LinuxGuest {
  private output = '';
  private readonly waiters = new Set<() => void>();
  private queue: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly process: ChildProcess,
    private readonly image: GuestImage,
  ) {
    process.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.output += text.replaceAll('\r', '');
      for (const wake of this.waiters) wake();
    });
    process.on('exit', () => {
      for (const wake of this.waiters) wake();
    });
  }

  /** Boots a guest and configures its network card, all offloads off so that packets look as on a wire. */
  static async start(options: LinuxGuestOptions): Promise<LinuxGuest> {
    const { namespace, tap, addresses, guestAddresses } = options;
    namespace.exec('ip', 'tuntap', 'add', tap, 'mode', 'tap');
    for (const address of addresses) namespace.exec('ip', 'addr', 'add', address, 'dev', tap, 'nodad');
    namespace.exec('ip', 'link', 'set', tap, 'up');
    const image = makeGuestImage();
    const off = 'csum=off,gso=off,guest_csum=off,guest_tso4=off,guest_tso6=off,host_tso4=off,host_tso6=off';
    const child = namespace.spawn(
      'qemu-system-x86_64',
      [
        ...['-machine', 'pc,accel=tcg', '-m', '256'],
        ...['-nodefaults', '-no-reboot', '-display', 'none', '-serial', 'stdio'],
        ...['-kernel', image.kernel, '-initrd', image.initramfs],
        ...[
          '-append',
          'console=ttyS0 quiet loglevel=1 panic=-1 mitigations=off tsc=unstable clocksource=acpi_pm nokaslr',
        ],
        ...['-netdev', `tap,id=n,ifname=${tap},script=no,downscript=no`],
        ...['-device', `virtio-net-pci,netdev=n,mac=02:00:00:00:67:01,romfile=,${off}`],
      ],
      { stdio: ['pipe', 'pipe', 'inherit'] },
    );
    const guest = new LinuxGuest(child, image);
    await guest.waitFor(/guest-ready\n/, BOOT_MS, 'boot');
    await guest.run('ip link set eth0 up');
    for (const address of guestAddresses) await guest.run(`ip addr add ${address} dev eth0 nodad`);
    return guest;
  }

  /**
   * Runs a line of shell in the guest and answers what it printed, errors included.
   *
   * @throws Error when it ends with another status than 0 or not in time
   */
  async run(command: string, timeoutMs = COMMAND_MS): Promise<string> {
    const { status, text } = await this.tryRun(command, timeoutMs);
    if (status !== 0) throw new Error(`guest: ${command}: status ${status}: ${text}`);
    return text;
  }

  /** As `run`, with the status answered. */
  tryRun(command: string, timeoutMs = COMMAND_MS): Promise<{ status: number; text: string }> {
    const answer = this.queue.then(async () => {
      this.output = '';
      this.process.stdin?.write(`${command}\n`);
      const match = await this.waitFor(DONE, timeoutMs, command);
      return { status: Number(match[1]), text: this.output.slice(0, match.index).trim() };
    });
    this.queue = answer.catch(() => undefined);
    return answer;
  }

  async stop(): Promise<void> {
    if (this.process.exitCode === null && this.process.signalCode === null) {
      const exit = once(this.process, 'exit');
      this.process.kill('SIGKILL');
      await exit;
    }
    this.image.remove();
  }

  private async waitFor(pattern: RegExp, timeoutMs: number, what: string): Promise<RegExpExecArray> {
    const end = Date.now() + timeoutMs;
    for (;;) {
      const match = pattern.exec(this.output);
      if (match !== null) return match;
      const left = end - Date.now();
      if (left <= 0 || this.process.exitCode !== null || this.process.signalCode !== null) {
        const why = left <= 0 ? 'no answer in time' : 'the guest has ended';
        throw new Error(`guest: ${what}: ${why}: ${this.output.slice(-2000)}`);
      }
      let wake: () => void = () => undefined;
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        wake = resolve;
        this.waiters.add(wake);
        timer = setTimeout(resolve, left);
      });
      clearTimeout(timer);
      this.waiters.delete(wake);
    }
  }
}
