/**
 * Opens a TUN in a process of its own, with `unprivileged` without CAP_NET_ADMIN: prints how that went, and
 * waits for the end of its input.
 */
import { argv, stdin, stdout } from 'node:process';
import { loadAddon } from '../../src/device/native/addon.js';
import { openTun } from '../../src/device/tun/open-tun.js';

const [, , name = 'grebe0', workers = '1', privileges = ''] = argv;

if (privileges === 'unprivileged') loadAddon().limitCapabilities(0, 0);

try {
  const device = await openTun({
    name,
    kind: 'tun',
    workers: Number(workers),
    mtu: 1400,
    addresses: ['192.0.2.77/32'],
    routes: [],
    offload: true,
  });
  stdout.write(JSON.stringify({ description: device.description, warnings: device.warnings }));
  stdin.resume();
  stdin.once('end', () => void device.close());
} catch (error) {
  stdout.write(JSON.stringify({ error: (error as Error).message }));
}
