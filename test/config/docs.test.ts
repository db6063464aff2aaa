import { readFileSync } from 'node:fs';
import t from 'tap';
import { parseConfig } from '../../src/config/load.js';
import { ConfigError } from '../../src/config/problem.js';
import { CONFIG_SCHEMA, type Schema } from '../../src/config/schema.js';
import { checkConfig } from '../../src/network/check.js';

const root = new URL('../../../', import.meta.url);
const document = readFileSync(new URL('docs/config.md', root), 'utf8');

function blocks(language: string): string[] {
  return [...document.matchAll(/^```(\w*)\n(.*?)^```/gms)].flatMap(([, name, text]) =>
    name === language ? [text ?? ''] : [],
  );
}

t.test('the examples hold, without warnings', async (t) => {
  const examples = blocks('yaml');
  t.equal(examples.length, 2);
  for (const example of examples) {
    const { findings } = checkConfig(parseConfig(example, 'docs/config.md'));
    t.strictSame(
      findings.filter(({ severity }) => severity !== 'info'),
      [],
    );
  }
});

t.test('the errors are the ones that come', async (t) => {
  const [, wrong = '', errors = ''] = blocks('text');
  try {
    parseConfig(wrong, 'grebe.yaml');
    t.fail('no error');
  } catch (error) {
    t.type(error, ConfigError);
    t.equal(error instanceof Error ? `${error.message}\n` : '', errors);
  }
});

function keysOf(schema: Schema): string[] {
  const inner = [schema.items ?? {}, ...(schema.anyOf ?? []), ...Object.values(schema.properties ?? {})];
  const names = Object.keys(schema.properties ?? {});
  return Object.keys(schema).length === 0 ? [] : [...names, ...inner.flatMap(keysOf)];
}

t.test('every key and every finding is in it', async (t) => {
  for (const key of keysOf(CONFIG_SCHEMA)) t.ok(document.includes(key), key);
  const codes = ['check-tunnels', 'check-routes'].flatMap((name) => {
    const source = readFileSync(new URL(`src/network/${name}.ts`, root), 'utf8');
    return [...source.matchAll(/'(error|warning|info)',\s*'(\w+)'/g)].map(([, severity, code]) => ({
      severity,
      code,
    }));
  });
  t.ok(codes.length > 20);
  for (const { severity = '', code = '' } of codes) {
    const row = document.split('\n').find((line) => line.includes(`\`${code}\``) && line.startsWith('| '));
    t.ok(row?.startsWith(`| ${severity} `), code);
  }
});
