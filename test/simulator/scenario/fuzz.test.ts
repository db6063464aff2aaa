/** Whatever the text: a Scenario, or a ConfigError that says where. */
import fc from 'fast-check';
import t from 'tap';
import { isMap, isScalar, isSeq, parseDocument, stringify, type Node } from 'yaml';
import { ConfigError, type ConfigProblem } from '../../../src/config/problem.js';
import { linkNames } from '../../../src/simulator/scenario/links.js';
import { parseScenario, warningsOf } from '../../../src/simulator/scenario/load.js';
import type { Scenario } from '../../../src/simulator/scenario/scenario.js';
import { EVERYTHING } from './example.js';

/** @throws for anything but a Scenario or a well-made ConfigError */
function tryParse(text: string): Scenario | null {
  try {
    const scenario = parseScenario(text, 'f');
    check(warningsOf(scenario), text);
    return scenario;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    if (error.problems.length === 0) throw new Error('nothing told', { cause: error });
    check(error.problems, text);
    return null;
  }
}

function check(problems: readonly ConfigProblem[], text: string): void {
  const odd = problems.find((problem) => !isWhole(problem, text));
  if (odd !== undefined) throw new Error(JSON.stringify(odd));
}

/** Whether the problem has a message and a place that is in the text. */
function isWhole({ file, line, column, message }: ConfigProblem, text: string): boolean {
  if (file !== 'f' || message === '' || line === null || column === null) return false;
  if (/undefined|NaN|\[object/.test(message)) return false;
  const length = text.split('\n')[line - 1]?.length;
  return length !== undefined && column >= 1 && column <= length + 1;
}

/** Numbers are numbers, and names name something. */
function useAll(scenario: Scenario): void {
  const text = JSON.stringify(scenario, (_, value: unknown) => {
    if (value === undefined || (typeof value === 'number' && !Number.isFinite(value)))
      throw new Error('a hole');
    return value;
  });
  const { pops } = scenario.edge;
  if (new Set(pops.map(({ name }) => name.toLowerCase())).size !== pops.length) throw new Error(text);
  const links = linkNames(scenario);
  if (new Set(links).size !== links.length) throw new Error(links.join());
}

function neverSurprises(text: string): void {
  const scenario = tryParse(text);
  if (scenario !== null) useAll(scenario);
}

const LINES = EVERYTHING.split('\n');

const piece = fc.oneof(
  fc.constantFrom(
    ...[
      '\n',
      ' ',
      ': ',
      '- ',
      '{',
      '}',
      '[',
      ']',
      ',',
      '"',
      '*a',
      '&a ',
      '<<: *one',
      '#',
      '~',
      'null',
      '-1',
      '0',
      '1e99',
    ],
    ...[
      '5s',
      '-5s',
      '99999d',
      '0%',
      '100%',
      '0bps',
      '1',
      'fra',
      'one',
      'cni_1',
      'r1.isp_one',
      'web',
      '__proto__',
      'x',
    ],
    ...[
      '192.0.2.0/24',
      '10.100.0.0/31',
      '203.0.113.10',
      '::1',
      '2001:db8::/48',
      'client -> web:443',
      'constructor: 1',
    ],
  ),
  fc.string({ maxLength: 3, unit: 'binary' }),
);

t.test('a good file with pieces cut out, put in and moved', async (t) => {
  t.not(tryParse(EVERYTHING), null);
  const edit = fc.record({
    at: fc.nat(EVERYTHING.length),
    cut: fc.nat(20),
    put: fc.array(piece, { maxLength: 2 }),
  });
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 3 }), (edits) => {
      let text = EVERYTHING;
      for (const { at, cut, put } of edits) text = text.slice(0, at) + put.join('') + text.slice(at + cut);
      neverSurprises(text);
    }),
    { numRuns: 200 },
  );
});

t.test('lines left out, doubled and swapped', async () => {
  const line = fc.nat(LINES.length - 1);
  fc.assert(
    fc.property(fc.subarray(LINES), (lines) => neverSurprises(lines.join('\n'))),
    { numRuns: 30 },
  );
  fc.assert(
    fc.property(line, line, fc.constantFrom('drop', 'double', 'swap'), (a, b, what) => {
      const lines = [...LINES];
      if (what === 'drop') lines.splice(a, 1);
      else if (what === 'double') lines.splice(b, 0, lines[a]!);
      else [lines[a], lines[b]] = [lines[b]!, lines[a]!];
      neverSurprises(lines.join('\n'));
    }),
    { numRuns: 100 },
  );
});

/** Every value in the tree, for one to be exchanged for another. */
function values(node: unknown, found: Node[] = []): Node[] {
  if (isMap(node)) for (const { value } of node.items) values(value, found);
  else if (isSeq(node)) for (const item of node.items) values(item, found);
  if (isScalar(node) || isSeq(node) || isMap(node)) found.push(node);
  return found;
}

t.test('values exchanged for others, of this file or not', async () => {
  const whole = parseDocument(
    EVERYTHING.replace('<<: *one, ', 'remote: 203.0.113.10, ').replace('&one\n    ', ''),
  );
  const count = values(whole.contents).length;
  const other = fc.oneof(
    fc.nat(count - 1).map((i) => values(whole.contents)[i]!.toJSON() as unknown),
    fc.constantFrom<unknown[]>(null, 0, -1, 1e300, true, '', 'fra', '5s', '1000d', [], {}, [null], ['fra'], {
      fra: {},
    }),
    fc.jsonValue({ maxDepth: 2 }),
  );
  fc.assert(
    fc.property(fc.nat(count - 1), other, (i, value) => {
      const document = whole.clone();
      const target = values(document.contents)[i]!;
      if (isScalar(target)) target.value = document.createNode(value);
      else if (isMap(target) || isSeq(target)) target.items = [];
      neverSurprises(stringify(document.toJSON()));
    }),
    { numRuns: 250 },
  );
});
