import { appendFileSync, writeFileSync } from 'node:fs';
import t from 'tap';
import type { Snapshot } from '../../src/observability/snapshot.js';
import { checkBooks, configText, startDaemon, until, writeConfig } from './support.js';

/** All numbers of a snapshot that only ever grow. */
function totals({ verdicts, counters, devices, tunnels, workers }: Snapshot): Record<string, number> {
  const values: Record<string, number> = { ...verdicts, ...counters };
  for (const { side, counters: counted } of devices) {
    for (const [name, value] of Object.entries(counted)) values[`${side} ${name}`] = value;
  }
  for (const { name, decapsulated, encapsulated } of tunnels) {
    values[`${name} in`] = decapsulated.packets;
    values[`${name} out`] = encapsulated.packets;
  }
  for (const { index, received, vectors, busySeconds } of workers) {
    Object.assign(values, { [`${index} received`]: received, [`${index} vectors`]: vectors });
    values[`${index} busy`] = busySeconds;
  }
  return values;
}

function fallen(before: Record<string, number>, after: Record<string, number>): string[] {
  return Object.keys(after).filter((name) => after[name]! < (before[name] ?? 0));
}

t.test('100 reloads under load lose nothing', { timeout: 800_000 }, async (t) => {
  const texts = [configText(), configText({ tunnels: ['b', 'a', 'c'] })];
  const file = writeConfig(t, texts[0]!);
  const daemon = await startDaemon(t, file);
  let before = totals(daemon.snapshot());
  const startedAt = performance.now();
  const gaps: number[] = [];
  const fell = new Set<string>();
  for (let i = 1; i <= 100; i++) {
    writeFileSync(file, texts[i % 2]!);
    const result = await daemon.reload();
    if (!result.ok) throw new Error(JSON.stringify(result.problems));
    gaps.push(result.gapMs);
    const now = totals(daemon.snapshot());
    for (const name of fallen(before, now)) if (!name.startsWith('c ')) fell.add(name);
    before = now;
  }
  t.strictSame([...fell], [], 'no number falls');
  t.match(daemon.snapshot().config, { generation: 101, reloads: 100, failedReloads: 0 });
  await daemon.close();
  const last = daemon.snapshot();
  checkBooks(t, last);
  t.equal(last.workerLost, 0);
  t.strictSame(
    last.workers.map(({ restarts }) => restarts),
    [0, 0],
  );
  gaps.sort((a, b) => a - b);
  t.comment(`nobody forwarded for ${gaps[50]!.toFixed(1)} ms (median), ${gaps[99]!.toFixed(1)} ms (longest)`);
  t.comment(`a reload took ${((performance.now() - startedAt) / 100).toFixed(0)} ms`);
});

t.test('a configuration that does not hold is refused whole', async (t) => {
  const file = writeConfig(t, configText());
  const daemon = await startDaemon(t, file);
  appendFileSync(file, '  workres: 3\n');
  const refused = await daemon.reload();
  t.match(refused, { ok: false, problems: [{ path: 'daemon.workres', message: /did you mean "workers"/ }] });
  const { config, ready } = daemon.snapshot();
  t.match(config, { generation: 1, reloads: 0, failedReloads: 1, lastError: /workres/ });
  t.ok(ready);
  const then = daemon.snapshot().counters.received_packets;
  await until('it goes on', () => daemon.snapshot().counters.received_packets > then + 1000);
  writeFileSync(file, configText({ tunnels: ['a', 'b', 'c'] }));
  t.match(await daemon.reload(), { ok: true, generation: 2 });
  t.equal(daemon.snapshot().config.lastError, null);
  t.strictSame(
    daemon.snapshot().tunnels.map(({ name }) => name),
    ['a', 'b', 'c'],
  );
});

/** ICMP "fragmentation needed" (RFC 1191) about a packet of 1,500 bytes to 203.0.113.`host`, GRE without options. */
function fragmentationNeeded(host: number, mtu: number): Uint8Array {
  const quoted = [0x45, 0, 0x05, 0xdc, 0, 0, 0x40, 0, 64, 47, 0, 0, 198, 51, 100, 1, 203, 0, 113, host];
  return Uint8Array.of(3, 4, 0, 0, 0, 0, mtu >> 8, mtu & 0xff, ...quoted, 0, 0, 8, 0, 0x45, 0, 0, 0);
}

t.test('what was learned and counted stays with the tunnel', async (t) => {
  const file = writeConfig(t, configText({ tunnels: ['a', 'b', 'c', 'd'] }));
  const daemon = await startDaemon(t, file);
  const { supervisor } = daemon;
  await until('numbers were used', () => supervisor.current.tables.shared.sequences[3]! > 50);
  supervisor.pathMtu.learn(fragmentationNeeded(3, 1300 + 24), 4);
  t.equal(daemon.snapshot().tunnels[2]?.effectiveMtu, 1300, 'learned');
  const used = supervisor.current.tables.shared.sequences[3]!;
  writeFileSync(file, configText({ tunnels: ['x', 'b', 'c', 'd'] }));
  t.match(await daemon.reload(), { ok: true });
  t.ok(supervisor.current.tables.shared.sequences[3]! >= used, 'the sequence goes on');
  t.equal(supervisor.current.tables.effectiveMtu(2), 1300, 'the path is the same');
  t.equal(daemon.snapshot().tunnels[2]?.effectiveMtu, 1300);
});

t.test('another number of workers, another device', async (t) => {
  const file = writeConfig(t, configText({ workers: 1 }));
  const daemon = await startDaemon(t, file);
  for (const workers of [3, 2]) {
    writeFileSync(file, configText({ workers }));
    t.match(await daemon.reload(), { ok: true });
    t.equal(daemon.snapshot().workers.length, workers);
    const then = daemon.snapshot().workers.map(({ received }) => received);
    await until('all forward', () =>
      daemon.snapshot().workers.every(({ received }, i) => received > then[i]! + 200),
    );
  }
  writeFileSync(file, configText({ workers: 2, overlay: '{ type: synthetic, name: other }' }));
  t.match(await daemon.reload(), { ok: true });
  t.equal(daemon.snapshot().devices[1]?.name, 'other');
});

t.test('reloads that come together are done one after the other', async (t) => {
  const daemon = await startDaemon(t, writeConfig(t, configText()));
  const results = await Promise.all([daemon.reload(), daemon.reload(), daemon.reload()]);
  t.match(results, [
    { ok: true, generation: 2 },
    { ok: true, generation: 3 },
    { ok: true, generation: 4 },
  ]);
  const ending = daemon.close();
  t.match(await daemon.reload(), { ok: false, problems: [{ message: 'the daemon is ending' }] });
  await ending;
});
