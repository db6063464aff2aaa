/** `grebe sim` as a user runs it: verdicts, exit codes, files, and the same bytes whatever the number of workers. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { Results } from '../../src/simulator/run/results.js';
import { circuits, oneTunnel } from '../simulator/run/scenarios.js';
import { grebe, inProcess } from './run.js';

const GOOD = oneTunnel(['{ reach: pings }', '{ health: one, is: healthy }']);
const BAD = oneTunnel(['{ reach: pings, name: pings get through }'], ['{ at: 10s, fail: r1.isp }']);

function folder(t: Test, files: Record<string, string>): string {
  return t.testdir(files);
}

function read(dir: string, file: string): string {
  return readFileSync(join(dir, file), 'utf8');
}

t.test('exit codes: 0 all hold, 1 one failed, 2 wrong usage or scenario', async (t) => {
  const dir = folder(t, {
    'good.yaml': GOOD,
    'bad.yaml': BAD,
    'wrong.yaml': GOOD.replace('nexthop: one', 'nexthop: two'),
  });
  const good = await grebe(['sim', 'run', 'good.yaml'], { cwd: dir });
  t.equal(good.code, 0);
  t.equal(good.stderr, '');
  t.match(good.stdout, /^good\.yaml: one-tunnel, 20 s, seed 1/);
  t.match(good.stdout, /1 scenario; 2 expectations, all hold\n$/);

  const bad = await inProcess(t, ['sim', 'run', 'bad.yaml'], dir);
  t.equal(bad.code, 1);
  t.match(bad.stdout, /FAILED {2}pings get through/);
  t.match(
    bad.stdout,
    /bad\.yaml:\d+:\d+: expected: at least 100 % of the questions of pings are answered\n {4}found: 100 of 200/,
  );
  t.match(bad.stdout, /1 scenario, 1 failed; 1 expectation, 1 failed\n$/);

  const wrong = await inProcess(t, ['sim', 'run', 'good.yaml', 'wrong.yaml', 'none.yaml'], dir);
  t.equal(wrong.code, 2);
  t.equal(wrong.stdout, '', 'nothing runs');
  t.match(wrong.stderr, /wrong\.yaml:\d+:\d+: .*two/);
  t.match(wrong.stderr, /none\.yaml/);

  for (const args of [
    ['good.yaml', 'bad.yaml', '--pcap', 'r1.isp=x.pcapng'],
    ['good.yaml', '--pcap', 'r9.isp=x.pcapng'],
    ['good.yaml', '--pcap', 'r1.isp'],
    ['good.yaml', '--until', '10'],
    ['good.yaml', '--until', '0s'],
    ['good.yaml', '--workers', '0'],
    ['good.yaml', '--junit', 'good.yaml'],
    ['good.yaml', '--report', '-'],
    ['good.yaml', '--junit', '-'],
    [],
  ]) {
    t.equal((await inProcess(t, ['sim', 'run', ...args], dir)).code, 2, args.join(' '));
  }
  const unwritten = ['good.yaml', '--report', 'x.html', '--junit', 'no/x.xml'];
  t.equal((await inProcess(t, ['sim', 'run', ...unwritten], dir)).code, 1);
  t.notOk(existsSync(join(dir, 'x.html')), 'and no other file');
});

t.test('the same seed gives the same bytes, with any number of workers', async (t) => {
  const dir = folder(t, {
    'good.yaml': GOOD,
    'bad.yaml': BAD,
    'circuits.yaml': circuits(['{ reach: pings }']),
  });
  const files = ['good.yaml', 'bad.yaml', 'circuits.yaml'];
  const outputs = await Promise.all(
    ['1', '2', '3'].map(async (workers) => {
      const [junit, report] = [`${workers}.xml`, `${workers}.html`];
      const { stdout } = await grebe(
        ['sim', 'run', ...files, '--json', '--workers', workers, '--junit', junit, '--report', report],
        { cwd: dir },
      );
      return { stdout, ...{ junit: read(dir, junit), report: read(dir, report) } };
    }),
  );
  t.same(outputs[1], outputs[0]);
  t.same(outputs[2], outputs[0]);
  const { passed, results } = JSON.parse(outputs[0]!.stdout) as { passed: boolean; results: Results[] };
  t.equal(passed, false);
  t.same(
    results.map(({ scenario }) => scenario.file),
    files,
    'in the order given',
  );
  // One scenario alone runs in the main thread.
  const alone = await inProcess(t, ['sim', 'run', 'good.yaml', '--json'], dir);
  t.same((JSON.parse(alone.stdout) as { results: Results[] }).results[0], results[0]);

  for (const name of ['a', 'b']) {
    const outputs = ['--pcap', `r1.isp=${name}.pcapng`, '--report', `${name}.html`];
    await inProcess(t, ['sim', 'run', 'good.yaml', '--workers', '2', ...outputs], dir);
  }
  t.ok(readFileSync(join(dir, 'a.pcapng')).equals(readFileSync(join(dir, 'b.pcapng'))));
  t.equal(read(dir, 'a.html'), read(dir, 'b.html'));
  t.match(read(dir, 'a.html'), /^<!doctype html>/i);
});

t.test('another seed, and an earlier end', async (t) => {
  const dir = folder(t, { 'good.yaml': GOOD });
  const { stdout, code } = await inProcess(
    t,
    ['sim', 'run', 'good.yaml', '--seed', '9', '--until', '2s', '--json'],
    dir,
  );
  t.equal(code, 0);
  const [results] = (JSON.parse(stdout) as { results: Results[] }).results;
  t.equal(results!.scenario.seed, 9);
  t.equal(results!.scenario.duration, 2);
});

t.test('a signal ends a run, and no half of a capture stays', async (t) => {
  const dir = folder(t, { 'long.yaml': GOOD.replace('20s', '20h').replace('100ms', '1ms') });
  const args = ['sim', 'run', 'long.yaml', '--pcap', 'r1.isp=x.pcapng'];
  const ran = await grebe(args, { cwd: dir, kill: { signal: 'SIGTERM', afterMs: 2500 } });
  t.equal(ran.signal, 'SIGTERM');
  t.notOk(existsSync(join(dir, 'x.pcapng')));
});

t.test('a capture that is not there is told with its place, before anything runs', async (t) => {
  const text = GOOD.replace('traffic:', 'traffic:\n  attack: { capture: none.pcap, from: client }');
  const dir = folder(t, {
    'good.yaml': GOOD,
    'attack.yaml': text,
    'text.yaml': text.replace('none.pcap', 'good.yaml'),
  });
  const line = text.slice(0, text.indexOf('none.pcap')).split('\n').length;
  const none = await inProcess(t, ['sim', 'run', 'good.yaml', 'attack.yaml'], dir);
  t.equal(none.code, 2);
  t.equal(none.stdout, '');
  t.match(
    none.stderr,
    `attack.yaml:${line}:22: traffic.attack.capture: "none.pcap": cannot open the file: no such file`,
  );
  const check = await inProcess(t, ['sim', 'check', 'text.yaml'], dir);
  t.equal(check.code, 2);
  t.match(check.stdout, `text.yaml:${line}:22: traffic.attack.capture: "good.yaml": `);
});

t.test('explain, check, list', async (t) => {
  const dir = folder(t, { 'good.yaml': GOOD, 'wrong.yaml': 'name: [', 'note.txt': '' });
  const there = await inProcess(
    t,
    ['sim', 'explain', 'good.yaml', '--flow', 'client->web', '--at', '5s'],
    dir,
  );
  t.equal(there.code, 0);
  t.match(there.stdout, /It arrives, and so does its answer\.\n$/);
  const args = [
    'sim',
    'explain',
    'good.yaml',
    '--flow',
    'client->web',
    '--protocol',
    'icmp',
    '--size',
    '1500',
    '--df',
  ];
  const not = await inProcess(t, [...args, '--json'], dir);
  t.equal(not.code, 1);
  t.equal((JSON.parse(not.stdout) as { arrived: boolean }).arrived, false);
  t.equal((await inProcess(t, ['sim', 'explain', 'good.yaml', '--flow', 'x->web'], dir)).code, 2);
  t.equal((await inProcess(t, ['sim', 'explain', 'good.yaml'], dir)).code, 2);

  const check = await inProcess(t, ['sim', 'check', 'good.yaml', 'wrong.yaml'], dir);
  t.equal(check.code, 2);
  t.match(check.stdout, /good\.yaml: ok/);
  t.match(check.stdout, /wrong\.yaml: not ok, 1 problem/);
  t.equal((await inProcess(t, ['sim', 'check', 'good.yaml', '--json'], dir)).code, 0);

  const list = await inProcess(t, ['sim', 'list', '.'], dir);
  t.match(list.stdout, /^good\.yaml\n.*\nwrong\.yaml\n {4}not valid: /);
  t.match((await inProcess(t, ['sim', '--help'], dir)).stdout, /Exit codes: 0 all expectations hold/);
  t.match((await inProcess(t, ['sim', 'run', '--help'], dir)).stdout, /Examples:/);
});
