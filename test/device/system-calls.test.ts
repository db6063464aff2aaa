import { spawnSync } from 'node:child_process';
import { closeSync } from 'node:fs';
import { constants } from 'node:os';
import { Worker } from 'node:worker_threads';
import t from 'tap';
import { loadAddon } from '../../src/device/native/addon.js';
import { requireRoot } from '../support/netns.js';

const addon = loadAddon();
const addonUrl = new URL('../../src/device/native/addon.js', import.meta.url).href;
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits for the event loop to bring something about. */
async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 60_000 && !condition(); turn++) await sleep(1);
}

t.test('an eventfd is readable from signal to clear', async (t) => {
  const fd = addon.eventfd();
  t.teardown(() => closeSync(fd));
  const isReadable = (): boolean => addon.poll(Int32Array.of(fd), 0) === 1;
  t.notOk(isReadable());
  addon.eventfdSignal(fd);
  addon.eventfdSignal(fd);
  t.ok(isReadable());
  addon.eventfdClear(fd);
  t.notOk(isReadable());
  addon.eventfdClear(fd);
  t.throws(() => addon.eventfdSignal(-1), { code: 'EBADF', syscall: 'write' });
});

t.test('another thread wakes one that waits in poll', async (t) => {
  const fd = addon.eventfd();
  t.teardown(() => closeSync(fd));
  const worker = new Worker(
    `import('${addonUrl}').then(({ loadAddon }) => {
      const { workerData, parentPort } = require('node:worker_threads');
      parentPort.postMessage('waits');
      parentPort.postMessage(loadAddon().poll(Int32Array.of(workerData), 60_000));
    })`,
    { eval: true, workerData: fd },
  );
  const answer = await new Promise((resolve) => {
    worker.on('message', (message) => {
      if (message === 'waits') setTimeout(() => addon.eventfdSignal(fd), 20);
      else resolve(message);
    });
  });
  t.equal(answer, 1);
});

t.test('a descriptor on the event loop', async (t) => {
  const fd = addon.eventfd();
  t.teardown(() => closeSync(fd));
  let calls = 0;
  const watch = addon.watchReadable(fd, () => {
    calls++;
    addon.eventfdClear(fd);
  });
  for (let n = 1; n <= 3; n++) {
    addon.eventfdSignal(fd);
    await until(() => calls === n);
    t.equal(calls, n);
  }
  addon.unwatch(watch);
  addon.unwatch(watch);
  addon.eventfdSignal(fd);
  await sleep(10);
  t.equal(calls, 3, 'not after its end');
  addon.unwatch(watch);
  let ended = 0;
  const again = addon.watchReadable(fd, () => {
    ended++;
    addon.unwatch(again);
  });
  await until(() => ended > 0);
  await sleep(10);
  t.equal(ended, 1, 'ended from within its own call');
});

t.test('many come and go', async (t) => {
  const fds = Array.from({ length: 50 }, () => addon.eventfd());
  for (let round = 0; round < 20; round++) {
    let calls = 0;
    const watches = fds.map((fd) => addon.watchReadable(fd, () => calls++));
    addon.eventfdSignal(fds[round]!);
    await until(() => calls > 0);
    watches.forEach((watch) => addon.unwatch(watch));
    await sleep(0);
    addon.eventfdClear(fds[round]!);
    if (calls === 0) t.fail('was not called');
  }
  fds.forEach((fd) => closeSync(fd));
});

t.test('what is not a descriptor or not a watch', async (t) => {
  t.throws(() => addon.watchReadable(9999, () => undefined), { code: 'EBADF' });
  const hostile = addon as unknown as Record<string, (...values: unknown[]) => unknown>;
  t.throws(() => hostile['watchReadable']!(0, 1), TypeError);
  for (const value of [{}, null, 1, Object.create(null)])
    t.throws(() => hostile['unwatch']!(value), TypeError);
});

t.test('it keeps the process alive until its end, and throws where everyone sees it', async (t) => {
  const run = (script: string) =>
    spawnSync(
      process.execPath,
      [
        '--input-type=module',
        '-e',
        `import { loadAddon } from '${addonUrl}';
      const addon = loadAddon(); const fd = addon.eventfd(); ${script}`,
      ],
      { encoding: 'utf8', timeout: 60_000 },
    );
  const alive =
    run(`const watch = addon.watchReadable(fd, () => { addon.unwatch(watch); console.log('called'); });
    setTimeout(() => addon.eventfdSignal(fd), 50).unref();`);
  t.equal(alive.stdout, 'called\n');
  t.equal(alive.status, 0, 'and it ends');
  const thrown = run(`addon.eventfdSignal(fd); addon.watchReadable(fd, () => { throw new Error('seen'); });`);
  t.not(thrown.status, 0);
  t.match(thrown.stderr, /Error: seen/);
  const caught =
    run(`process.on('uncaughtException', (error) => { console.log(error.message); process.exit(); });
    addon.eventfdSignal(fd); addon.watchReadable(fd, () => { throw new Error('seen'); });`);
  t.equal(caught.stdout, 'seen\n');
  t.equal(run('addon.watchReadable(fd, () => {}); process.exit(3);').status, 3);
});

t.test('a thread may end with one open', async (t) => {
  for (const end of ['process.exit()', 'setTimeout(() => process.exit(), 20)', '0']) {
    const worker = new Worker(
      `import('${addonUrl}').then(({ loadAddon }) => {
        const addon = loadAddon();
        const fd = addon.eventfd();
        addon.eventfdSignal(fd);
        const watch = addon.watchReadable(fd, () => addon.eventfdClear(fd));
        ${end === '0' ? 'addon.unwatch(watch)' : end};
      })`,
      { eval: true },
    );
    t.equal(await new Promise((resolve) => worker.once('exit', resolve)), 0);
  }
  const worker = new Worker(
    `import('${addonUrl}').then(({ loadAddon }) => {
      const addon = loadAddon();
      addon.watchReadable(addon.eventfd(), () => {});
      require('node:worker_threads').parentPort.postMessage('open');
    })`,
    { eval: true },
  );
  await new Promise((resolve) => worker.once('message', resolve));
  t.equal(await worker.terminate(), 1);
});

t.test('sockets of the kernel', { skip: requireRoot() }, async (t) => {
  const buffer = new Uint8Array(64);
  for (const fd of [addon.netlinkOpen(65_536), addon.icmpOpen(4, 65_536), addon.icmpOpen(6, 65_536)]) {
    t.equal(addon.receiveMessage(fd, buffer), -constants.errno.EAGAIN);
    closeSync(fd);
    t.throws(() => addon.receiveMessage(fd, buffer), { code: 'EBADF', syscall: 'recvfrom' });
  }
  const fd = addon.netlinkOpen(65_536);
  t.teardown(() => closeSync(fd));
  t.throws(() => addon.netlinkSend(fd, buffer, 65), RangeError);
  t.throws(() => addon.netlinkJoin(fd, 9999), { code: 'EINVAL' });
  // RTM_GETLINK of everything: more than 64 bytes.
  const dump = new Uint8Array(32);
  new DataView(dump.buffer).setUint32(0, 32, true);
  new DataView(dump.buffer).setUint32(4, 18 | (0x301 << 16), true);
  addon.netlinkSend(fd, dump, 32);
  t.equal(addon.receiveMessage(fd, buffer), -constants.errno.EMSGSIZE);
});

t.test('settings of interfaces', async (t) => {
  t.type(addon.ethtoolValue('lo', 0x2b), 'number');
  t.throws(() => addon.ethtoolValue('lo', 0x2c), RangeError, 'only what is read');
  t.throws(() => addon.ethtoolValue('none', 0x2b), { code: 'ENODEV', syscall: 'ioctl' });
  t.throws(() => addon.ethtoolValue('a name that is too long', 0x2b), TypeError);
});
