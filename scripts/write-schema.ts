/** Writes grebe.schema.json and scenario.schema.json: `npm run build && node dist/scripts/write-schema.js`. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { CONFIG_SCHEMA, type Schema } from '../src/config/schema.js';
import { SCENARIO_SCHEMA } from '../src/simulator/scenario/schema.js';

await write(CONFIG_SCHEMA, '../../grebe.schema.json');
await write(SCENARIO_SCHEMA, '../../scenario.schema.json');

async function write(schema: Schema, file: string): Promise<void> {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const style = await resolveConfig(path);
  writeFileSync(path, await format(JSON.stringify(schema), { ...style, filepath: path }));
}
