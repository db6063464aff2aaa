import { readFileSync } from 'node:fs';
import { Ajv, type AnySchema } from 'ajv';
import t from 'tap';
import { parse } from 'yaml';
import { CONFIG_SCHEMA, type Schema } from '../../src/config/schema.js';
import { EXAMPLE } from './example.js';

const published = JSON.parse(
  readFileSync(new URL('../../../grebe.schema.json', import.meta.url), 'utf8'),
) as AnySchema & Schema;

t.test('grebe.schema.json is what the source says', async (t) => {
  t.strictSame(published, JSON.parse(JSON.stringify(CONFIG_SCHEMA)), 'else run dist/scripts/write-schema.js');
});

t.test('a JSON Schema by its own standard, in strict mode', async (t) => {
  const ajv = new Ajv({ strict: true, allErrors: true });
  t.equal(ajv.validateSchema(published), true);
  const validate = ajv.compile(published);
  t.equal(validate(parse(EXAMPLE)), true);
  t.equal(
    validate({ node: { name: 'n' }, tunnels: [{ name: 'a', local: '192.0.2.1' }] }),
    false,
    'no remote',
  );
  const both = { name: 'a', local: '192.0.2.1', remote: '192.0.2.2', customer_gre_endpoint: '192.0.2.2' };
  t.equal(validate({ node: { name: 'n' }, tunnels: [both] }), false, 'two names of one key');
});

/** Each schema that stands under `properties`, with its path. */
function* keysOf(schema: Schema, path = ''): Generator<[string, Schema]> {
  for (const [name, key] of Object.entries(schema.properties ?? {})) {
    yield [`${path}.${name}`, key];
    yield* keysOf(key, `${path}.${name}`);
  }
  if (schema.items !== undefined) yield* keysOf(schema.items, path);
  for (const branch of schema.anyOf ?? []) yield* keysOf(branch, path);
}

t.test('every key has a description, fitting examples and a fitting default', async (t) => {
  const keys = [...keysOf(CONFIG_SCHEMA)];
  t.ok(keys.length > 30);
  for (const [path, schema] of keys) {
    if (path !== '.dataplane') t.type(schema.description, 'string', path);
    const validate = new Ajv().compile({ ...schema, definitions: CONFIG_SCHEMA.definitions });
    const values = [...(schema.examples ?? []), ...(schema.default === undefined ? [] : [schema.default])];
    for (const value of values) t.ok(validate(value), `${path}: ${JSON.stringify(value)}`);
  }
});
