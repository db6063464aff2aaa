/**
 * Writes dist/src/config/schema-validator.js from src/config/schema.ts, and that of scenarios; part of `npm run
 * build`. Compiling a schema takes longer than all else that is done with a small file, and a daemon reads each in a
 * new thread.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import standalone from 'ajv/dist/standalone/index.js';
import { CONFIG_SCHEMA, type Schema } from '../src/config/schema.js';
import { SCENARIO_SCHEMA } from '../src/simulator/scenario/schema.js';

write(CONFIG_SCHEMA, '../src/config/schema-validator.js');
write(SCENARIO_SCHEMA, '../src/simulator/scenario/schema-validator.js');

function write(schema: Schema, file: string): void {
  const ajv = new Ajv({ allErrors: true, verbose: true, strict: true, code: { source: true, esm: true } });
  const code = standalone.default(ajv, ajv.compile(schema));
  const path = new URL(file, import.meta.url);
  // Left alone when it is the same: somebody may be running it.
  if (!existsSync(path) || readFileSync(path, 'utf8') !== code) writeFileSync(path, code);
}
