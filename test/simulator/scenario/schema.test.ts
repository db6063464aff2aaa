import { readFileSync } from 'node:fs';
import { Ajv, type AnySchema } from 'ajv';
import t from 'tap';
import { parse } from 'yaml';
import type { Schema } from '../../../src/config/schema.js';
import { SCENARIO_SCHEMA } from '../../../src/simulator/scenario/schema.js';
import { EVERYTHING } from './example.js';

const root = new URL('../../../../', import.meta.url);
const published = JSON.parse(readFileSync(new URL('scenario.schema.json', root), 'utf8')) as AnySchema &
  Schema;

t.test('scenario.schema.json is what the source says', async (t) => {
  const source: unknown = JSON.parse(JSON.stringify(SCENARIO_SCHEMA));
  t.strictSame(published, source, 'else run dist/scripts/write-schema.js');
});

t.test('a JSON Schema by its own standard, in strict mode', async (t) => {
  const ajv = new Ajv({ strict: true, allErrors: true });
  t.equal(ajv.validateSchema(published), true);
  const validate = ajv.compile(published);
  t.equal(validate(parse(EVERYTHING, { merge: true })), true, JSON.stringify(validate.errors));
  t.equal(validate({ name: 'n', edge: { pops: ['fra'], pop: 1 } }), false);
});

function* keysOf(schema: Schema, path = ''): Generator<[string, Schema]> {
  for (const [name, key] of Object.entries(schema.properties ?? {})) {
    yield [`${path}.${name}`, key];
    yield* keysOf(key, `${path}.${name}`);
  }
  if (schema.items !== undefined) yield* keysOf(schema.items, path);
  if (typeof schema.additionalProperties === 'object')
    yield* keysOf(schema.additionalProperties, `${path}.*`);
  for (const branch of schema.anyOf ?? []) yield* keysOf(branch, path);
}

const document = readFileSync(new URL('docs/scenario.md', root), 'utf8');

t.test(
  'every key has a description, fitting examples and a fitting default, and is in the docs',
  async (t) => {
    const keys = [...keysOf(SCENARIO_SCHEMA)];
    t.ok(keys.length > 250);
    const config = readFileSync(new URL('docs/config.md', root), 'utf8');
    const definitions = SCENARIO_SCHEMA.definitions ?? {};
    const told = new Set<string>();
    for (const [path, schema] of keys) {
      const name = path.split('.').at(-1) ?? '';
      if (!told.has(name)) t.ok(new RegExp(`\\b${name}\\b`).test(`${document}${config}`), path);
      told.add(name);
      if (!/\.\*|\.dataplane$/.test(path)) t.type(schema.description, 'string', path);
      const values = [...(schema.examples ?? []), ...(schema.default === undefined ? [] : [schema.default])];
      // Resources in `put` are those of the file once more.
      if (values.length === 0 || path.includes('.put.')) continue;
      const validate = new Ajv({ strict: false }).compile({ ...schema, definitions });
      for (const value of values) t.ok(validate(value), `${path}: ${JSON.stringify(value)}`);
    }
  },
);
