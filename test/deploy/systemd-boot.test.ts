import t, { type Test } from 'tap';
import { parse } from 'yaml';
import type { Snapshot } from '../../src/observability/snapshot.js';
import { read } from '../house/tree.js';
import { tryExecute, eventually } from '../interop/command.js';
import { GrebeProcess, type Configuration } from '../interop/grebe-process.js';
import { Netns } from '../support/netns.js';
import { BootedMachine, cannotBoot } from './booted-machine.js';

const FILE = '/etc/grebe/grebe.yaml';
const DROP_INS = '/etc/systemd/system/grebe.service.d';
const INSTALLED = '/usr/local/lib/node_modules/grebe';
const LEFT = read('deploy/examples/two-boxes/left.yaml');

/** The lines of docs/deploy.md for systemd, after that with which npm has installed grebe. */
function installation(): readonly string[] {
  const [, block = ''] = /## systemd\n\n```text\n([^`]*)```/.exec(read('docs/deploy.md')) ?? [];
  const lines = block.trim().split('\n');
  return lines.slice(lines.findIndex((line) => line.startsWith('npm install')) + 1);
}

/** A machine that is `left` of the two boxes in deploy/examples, with `right` at the other end of its cable. */
async function bootLeft(t: Test): Promise<{ machine: BootedMachine; left: Netns; right: Netns }> {
  const [left, right] = [Netns.create('deploy'), Netns.create('deploy')];
  t.teardown(() => [left, right].forEach((namespace) => namespace.delete()));
  Netns.connect(left, 'wan', right, 'wan');
  for (const [namespace, own, far, host] of [
    [left, '192.0.2.1', '203.0.113.1', '10.1.0.1'],
    [right, '203.0.113.1', '192.0.2.1', '10.2.0.1'],
  ] as const) {
    namespace.exec('ip', 'address', 'add', own, 'peer', far, 'dev', 'wan');
    namespace.exec('ip', 'address', 'add', `${host}/32`, 'dev', 'lo');
  }
  await GrebeProcess.start(t, right, parse(read('deploy/examples/two-boxes/right.yaml')) as Configuration);
  const machine = await BootedMachine.boot(t, left);
  return { machine, left, right };
}

/** Waits until a host on the right answers the machine on the left through the tunnel. */
async function waitForTunnel(left: Netns): Promise<void> {
  await eventually('ping goes through the tunnel', async () => {
    const ping = await tryExecute(left, ['ping', '-c', '1', '-W', '1', '-I', '10.1.0.1', '10.2.0.1']);
    return ping.status === 0;
  });
}

/** Makes a worker fail, and waits until there is another in its place. */
async function crashWorker(machine: BootedMachine): Promise<void> {
  const call = '{ socketPath: "/run/grebe/grebe.sock", path: "/v1/debug/crash", method: "POST" }';
  await machine.run('node', '-e', `require("http").request(${call}).end()`);
  await eventually('a worker runs in its place', async () => {
    const { workers } = JSON.parse(await machine.run('grebe', 'show', '--json')) as Snapshot;
    return workers[0]?.restarts === 1 && workers[0].state === 'running';
  });
}

const skip = cannotBoot();

t.test('the unit under systemd, installed as the manual says', { skip }, async (t) => {
  const { machine, left, right } = await bootLeft(t);
  await machine.write('/root/left.yaml', LEFT);
  await machine.write(`${DROP_INS}/hooks.conf`, '[Service]\nEnvironment=GREBE_TEST_HOOKS=1\n');
  // One shell for all lines: some of them change to a folder.
  const script = ['set -e', `npm() { echo ${INSTALLED.replace('/grebe', '')}; }`, ...installation()].join(
    '\n',
  );
  await machine.run('env', 'EDITOR=cp /root/left.yaml', 'sh', '-c', script);
  const processId = (): Promise<string> => machine.property('grebe', 'MainPID');
  const links = (): string => left.exec('ip', '-brief', 'link');

  await t.test('it forwards, with two capabilities and what the sandbox leaves', async (t) => {
    t.equal(await machine.property('grebe', 'ActiveState'), 'active');
    await waitForTunnel(left);
    t.match(links(), /^grebe0 /m);
    const status = await machine.run('cat', `/proc/${await processId()}/status`);
    for (const set of ['CapPrm', 'CapEff', 'CapBnd'])
      t.match(status, new RegExp(`^${set}:\t0{12}3000$`, 'm'));
    t.match(status, /^NoNewPrivs:\t1$/m);
    t.match(status, /^Seccomp:\t2$/m);
    const ready = 'fetch("http://127.0.0.1:9786/readyz").then((r) => console.log(r.status))';
    t.equal(await machine.run('node', '-e', ready), '200\n');
  });

  await t.test('root sees it without further ado, and can capture', async (t) => {
    t.match(await machine.run('grebe', 'show'), /^node: left$/m);
    const ping = right.spawn('ping', ['-i', '0.2', '-I', '10.2.0.1', '10.1.0.1'], { stdio: 'ignore' });
    const seen = await machine.run('grebe', 'capture', '--count', '4');
    ping.kill();
    t.match(
      seen,
      /GRE, key 42: IPv4 10\.2\.0\.1 > 10\.1\.0\.1: ICMP echo request.* delivered_overlay \(right\)/,
    );
  });

  await t.test('reload takes a good configuration and refuses a bad one', async (t) => {
    await machine.write(FILE, LEFT.replace('node: { name: left }', 'node: { name: west }'));
    await machine.run('systemctl', 'reload', 'grebe');
    t.match(await machine.run('grebe', 'show'), /^node: west$/m);
    await machine.write(FILE, LEFT.replace('remote: 203.0.113.1', 'remote: 203.0.113.999'));
    t.not((await machine.tryRun('systemctl', 'reload', 'grebe')).status, 0);
    await eventually('the journal says why', async () =>
      (await machine.journal('grebe')).includes('remote: found "203.0.113.999"'),
    );
    t.match(await machine.run('grebe', 'show'), /^node: west$/m);
    await waitForTunnel(left);
    await machine.write(FILE, LEFT);
    await machine.run('systemctl', 'reload', 'grebe');
  });

  await t.test('a worker that fails comes back', async (t) => {
    t.match(await machine.run('grebe', 'show'), /af_packet on wan/);
    await crashWorker(machine);
    await waitForTunnel(left);
  });

  await t.test('it comes back after a crash, however often', async (t) => {
    const before = await processId();
    await machine.run('kill', '-KILL', before);
    await eventually('it runs again', async () => {
      const state = await machine.run('systemctl', 'show', '--property=MainPID,ActiveState', 'grebe');
      return state.includes('ActiveState=active') && !state.includes(`MainPID=${before}\n`);
    });
    await waitForTunnel(left);
    t.equal(await machine.property('grebe', 'NRestarts'), '1');
    t.equal(await machine.property('grebe', 'StartLimitIntervalUSec'), '0');
  });

  const show = (group: string): ReturnType<BootedMachine['tryRun']> =>
    machine.tryRun(
      ...['setpriv', '--reuid=65534', '--regid=65534', `--groups=${group}`],
      ...['grebe', 'show', '--socket', '/run/grebe/grebe.sock'],
    );

  await t.test('with the drop-in it has what AF_XDP needs', async (t) => {
    t.match(await show('grebe'), { status: 1, stderr: /no permission/ });
    await machine.write(`${DROP_INS}/af-xdp.conf`, read('deploy/systemd/af-xdp.conf'));
    const more = 'daemon:\n  underlay: { type: af_xdp }\n  control: { group: grebe }\n';
    await machine.write(FILE, LEFT.replace('daemon:\n', more));
    await machine.run('systemctl', 'daemon-reload');
    await machine.run('systemctl', 'restart', 'grebe');
    t.match(await machine.run('grebe', 'show'), /af_xdp on wan/);
    await waitForTunnel(left);
    await crashWorker(machine);
    await waitForTunnel(left);
  });

  await t.test('the group may use the socket where the configuration says so', async (t) => {
    t.match(await show('grebe'), { status: 0, stdout: /^node: left$/m });
    t.match(await show('nogroup'), { status: 1, stderr: /no permission/ });
  });

  await t.test('a configuration that is wrong is not tried again', async (t) => {
    await machine.write(FILE, LEFT.replace('remote: 203.0.113.1', 'remote: 203.0.113.999'));
    t.not((await machine.tryRun('systemctl', 'restart', 'grebe')).status, 0);
    t.equal(await machine.property('grebe', 'ActiveState'), 'failed');
    t.equal(await machine.property('grebe', 'ExecMainStatus'), '2');
  });

  await t.test('stop leaves nothing behind', async (t) => {
    await machine.write(FILE, LEFT);
    await machine.run('systemctl', 'start', 'grebe');
    await waitForTunnel(left);
    await machine.run('systemctl', 'stop', 'grebe');
    t.equal(await machine.property('grebe', 'Result'), 'success');
    t.notMatch(links(), /grebe0/);
    t.not((await machine.tryRun('test', '-e', '/run/grebe')).status, 0);
  });
});
