import t from 'tap';
import { Place } from '../../src/daemon/place.js';
import { checkBooks, configText, startDaemon, until, writeConfig } from './support.js';

t.test('a worker that fails comes back, and the others go on', async (t) => {
  const daemon = await startDaemon(t, writeConfig(t, configText({ workers: 3 })));
  const worker = (i: number) => daemon.snapshot().workers[i]!;
  await until('it runs', () => worker(1).received > 1000);
  const others = worker(0).received + worker(2).received;
  const start = performance.now();
  t.ok(daemon.supervisor.crash(1));
  await until('it has failed', () => worker(1).state !== 'running');
  t.notOk(daemon.snapshot().ready);
  t.match(daemon.snapshot().problems, [/^worker 1 is (failed|starting), after: made to fail by a test$/]);
  const then = worker(1).received;
  await until('it forwards again', () => worker(1).received > then);
  t.comment(`back after ${(performance.now() - start).toFixed(0)} ms`);
  t.ok(worker(0).received + worker(2).received > others, 'the others went on');
  t.match(worker(1), { state: 'running', restarts: 1, lastError: 'made to fail by a test' });
  t.equal(worker(0).restarts, 0);
  t.ok(daemon.snapshot().ready);
  await daemon.close();
  t.ok(daemon.snapshot().workerLost > 0, 'what it had in hand is counted');
  checkBooks(t, daemon.snapshot());
});

t.test('a worker that failed is replaced by a reload too', async (t) => {
  const daemon = await startDaemon(t, writeConfig(t, configText()));
  daemon.supervisor.crash(0);
  daemon.supervisor.crash(1);
  t.match(await daemon.reload(), { ok: true });
  await until('all run', () => daemon.snapshot().workers.every(({ state }) => state === 'running'));
  t.notOk(daemon.supervisor.crash(7), 'there is no such worker');
  await until('they forward', () => daemon.snapshot().counters.received_packets > 500);
  await daemon.close();
  checkBooks(t, daemon.snapshot());
});

t.test('a worker that is stopped by force is started again', async (t) => {
  const daemon = await startDaemon(t, writeConfig(t, configText({ workers: 1 })));
  const { current, places } = daemon.supervisor;
  const { tables } = current;
  const reader = places[0]!.thread!.reader;
  const added = t.capture(tables, 'addReader', tables.addReader.bind(tables));
  const removed = t.capture(tables, 'removeReader', tables.removeReader.bind(tables));
  await until('it reads tables', () => Atomics.load(reader.words, reader.at) !== 0);
  void places[0]?.thread?.terminate('it hangs');
  await until('it runs again', () => daemon.snapshot().workers[0]?.restarts === 1);
  t.equal(daemon.snapshot().workers[0]?.lastError, 'it hangs');
  const [gone] = removed();
  const [come] = added();
  t.equal(gone?.args[0], reader, 'it holds no buckets of next hops any more');
  t.equal(come?.args[0], places[0]?.thread?.reader, 'its successor may');
});

t.test('who fails again and again is started later and later', async (t) => {
  const place = new Place(0);
  const waits = Array.from({ length: 10 }, () => place.fail(new Error('no')));
  t.equal(waits[0], 0);
  t.strictSame(waits.slice(1, 4), [100, 200, 400]);
  t.equal(waits[9], 10_000);
});

t.test('a heartbeat that stands still is counted by looks', async (t) => {
  const place = new Place(0);
  t.strictSame(
    [1, 2, 2, 2, 3, 3].map((heartbeat) => place.heartbeatStill(heartbeat)),
    [0, 0, 1, 2, 0, 1],
  );
});
