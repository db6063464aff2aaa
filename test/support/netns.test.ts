import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { test } from 'tap';
import { enteredNamespace, Netns, requireRoot, runInside } from './netns.js';

const entered = enteredNamespace();

if (entered === null) {
  test('two namespaces and a cable', { skip: requireRoot() }, async (t) => {
    const a = Netns.create('nst');
    const b = Netns.create('nst');
    t.teardown(() => Netns.deleteAll());
    Netns.connect(a, 'a0', b, 'b0', {
      mtu: 1400,
      addresses: [
        ['10.9.0.1/24', 'fd09::1/64'],
        ['10.9.0.2/24', 'fd09::2/64'],
      ],
      macs: ['02:00:00:00:09:01', '02:00:00:00:09:02'],
    });
    t.equal(a.mac('a0'), '02:00:00:00:09:01');
    // Only a machine that was reached refuses.
    t.throws(() => a.exec('bash', '-c', 'true < /dev/tcp/10.9.0.2/9'), /refused/);
    t.throws(() => b.exec('bash', '-c', 'true < /dev/tcp/fd09::1/9'), /refused/);
    t.match(b.exec('ip', 'link', 'show', 'b0'), /mtu 1400/);
    t.throws(() => a.exec('ip', 'link', 'show', 'nothing'), /nothing/);
    const child = a.spawn('sleep', ['100']);
    const exit = once(child, 'exit');
    a.delete();
    a.delete();
    t.match(await exit, [null, 'SIGKILL'], 'what runs inside ends with the namespace');
  });
  runInside(test, import.meta.url, 'nst', (namespace) => {
    Netns.connect(namespace, 'c0', namespace, 'c1');
  });
} else {
  test('this process is inside', async (t) => {
    t.match(entered, /^nst-/);
    t.strictSame(readdirSync('/sys/class/net'), ['c0', 'c1', 'lo']);
  });
}
