/**
 * Compiles src/wire/payload.wat into src/wire/payload-wasm.ts, which is committed, so that an installation
 * needs no WebAssembly tools. Run it after a change of the .wat: `node dist/scripts/build-wasm.js`.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';
import wabt from 'wabt';

const source = new URL('../../src/wire/payload.wat', import.meta.url);
const target = new URL('../../src/wire/payload-wasm.ts', import.meta.url);

/** The text that payload-wasm.ts should have. */
export async function compilePayloadWasm(): Promise<string> {
  const compiler = await wabt();
  const module = compiler.parseWat('payload.wat', readFileSync(source, 'utf8'), {
    simd: true,
    threads: true,
  });
  const base64 = Buffer.from(module.toBinary({}).buffer).toString('base64');
  module.destroy();
  const lines = (base64.match(/.{1,100}/g) ?? []).map((line) => `  '${line}'`);
  return [
    '/** payload.wat as a binary, in base64. Made by scripts/build-wasm.ts: change the .wat, not this file. */',
    'export const payloadWasm =',
    `${lines.join(' +\n')};\n`,
  ].join('\n');
}

if (argv[1] === fileURLToPath(import.meta.url)) writeFileSync(target, await compilePayloadWasm());
