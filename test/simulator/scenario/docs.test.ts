import { readFileSync } from 'node:fs';
import t from 'tap';
import { ConfigError } from '../../../src/config/problem.js';
import { SIMULATOR_DROPS } from '../../../src/simulator/core/drop-reasons.js';
import { cityOf, delayBetween } from '../../../src/simulator/scenario/geography.js';
import { parseScenario, warningsOf } from '../../../src/simulator/scenario/load.js';
import type { Coordinates } from '../../../src/simulator/scenario/scenario.js';

const document = readFileSync(new URL('../../../../docs/scenario.md', import.meta.url), 'utf8');

function blocks(language: string): string[] {
  return [...document.matchAll(/^```(\w*)\n(.*?)^```/gms)].flatMap(([, name, text]) =>
    name === language ? [text ?? ''] : [],
  );
}

t.test('the example holds, without warnings', async (t) => {
  const [example = '', ...others] = blocks('yaml');
  t.strictSame(others, []);
  t.strictSame(warningsOf(parseScenario(example, 'docs/scenario.md')), []);
});

t.test('the errors are the ones that come', async (t) => {
  const [wrong = '', errors = ''] = blocks('text');
  try {
    parseScenario(wrong, 'typo.yaml');
    t.fail('no error');
  } catch (error) {
    t.type(error, ConfigError);
    t.equal(error instanceof Error ? `${error.message}\n` : '', errors);
  }
});

t.test('all drop reasons of the simulator are in it, and the delays are right', async (t) => {
  for (const [reason] of SIMULATOR_DROPS) t.ok(document.includes(`| \`${reason}\` |`), reason);
  const at = (code: string): Coordinates => {
    const city = cityOf(code);
    return city === null ? [0, 0] : [city[2], city[3]];
  };
  const milliseconds = (to: string): string => (delayBetween(at('cdg'), at(to)) / 1e6).toPrecision(2);
  t.match(
    document,
    `${milliseconds('fra')} ms\nfrom Paris to Frankfurt, ${milliseconds('iad')} ms to Washington`,
  );
});
