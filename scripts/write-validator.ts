/**
 * Writes dist/src/config/schema-validator.js from src/config/schema.ts; part of `npm run build`. Compiling the schema
 * takes longer than all else that is done with a small configuration, and a daemon reads each in a new thread.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import standalone from 'ajv/dist/standalone/index.js';
import { CONFIG_SCHEMA } from '../src/config/schema.js';

const ajv = new Ajv({ allErrors: true, verbose: true, strict: true, code: { source: true, esm: true } });
const code = standalone.default(ajv, ajv.compile(CONFIG_SCHEMA));
const path = new URL('../src/config/schema-validator.js', import.meta.url);
// Left alone when it is the same: somebody may be running it.
if (!existsSync(path) || readFileSync(path, 'utf8') !== code) writeFileSync(path, code);
