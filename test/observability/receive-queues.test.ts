import t from 'tap';
import { rawQueueBytes } from '../../src/observability/receive-queues.js';

const HEAD =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n';
const RAW = `${HEAD}   47: 00000000:002F 00000000:0000 07 00000000:00000A00 00:00000000 00000000     0        0 113 2 0 0
    1: 00000000:0001 00000000:0000 07 00000000:00000B00 00:00000000 00000000     0        0 114 2 0 0
   47: 00000000:002F 00000000:0000 07 00000000:00000C00 00:00000000 00000000     0        0 998 2 0 0
`;
const RAW6 = `${HEAD}   47: 00000000000000000000000000000000:002F 00000000000000000000000000000000:0000 07 00000000:00000100 00:00000000 00000000     0        0 115 2 0 0
`;

t.test('what waits in the sockets of this process, and in no other', async (t) => {
  const sockets = ['111', '112', '113', '114', '115'];
  const fd = Object.fromEntries(
    sockets.map((inode, i) => [String(i), t.fixture('symlink', `socket:[${inode}]`)]),
  );
  const proc = t.testdir({
    self: {
      fd: { ...fd, 9: t.fixture('symlink', '/dev/null'), 10: t.fixture('symlink', 'anon_inode:[eventpoll]') },
      net: { raw: RAW, raw6: RAW6 },
    },
  });
  t.same(rawQueueBytes(proc), 0xa00 + 0x100);
});

t.test('without tables, or without proc, there is nothing to tell', async (t) => {
  t.same(rawQueueBytes(t.testdir({ self: { fd: {} } })), 0);
  t.same(rawQueueBytes('/nonexistent'), 0);
  t.same(rawQueueBytes(), 0, 'this process has no such sockets');
});
