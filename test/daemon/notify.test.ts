import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import t from 'tap';
import { notifyServiceManager } from '../../src/daemon/notify.js';
import { missing } from '../support/program.js';
import { shortDirectory } from './support.js';

/** Prints the datagrams that come to a Unix socket. */
const RECEIVER = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
path = sys.argv[1]
s.bind('\\0' + path[1:] if path[0] == '@' else path)
print('bound', flush=True)
print(s.recv(1000), flush=True)
`;

t.test('the service manager is told', { skip: missing('python3') }, async (t) => {
  const before = process.env['NOTIFY_SOCKET'];
  t.teardown(() => {
    if (before === undefined) Reflect.deleteProperty(process.env, 'NOTIFY_SOCKET');
    else process.env['NOTIFY_SOCKET'] = before;
  });
  for (const path of [join(shortDirectory(t), 'notify'), `@grebe-test-${process.pid}`]) {
    const child = spawn('python3', ['-c', RECEIVER, path], { stdio: ['ignore', 'pipe', 'inherit'] });
    const lines = createInterface(child.stdout);
    await once(lines, 'line');
    process.env['NOTIFY_SOCKET'] = path;
    notifyServiceManager('READY=1', 'STATUS=2 workers');
    const [received] = (await once(lines, 'line')) as [string];
    t.equal(received, "b'READY=1\\nSTATUS=2 workers'", path);
  }
  process.env['NOTIFY_SOCKET'] = '/nowhere/at/all';
  notifyServiceManager('STOPPING=1');
  Reflect.deleteProperty(process.env, 'NOTIFY_SOCKET');
  notifyServiceManager('STOPPING=1');
});
