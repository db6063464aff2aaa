/** Writes grebe.schema.json from src/config/schema.ts: `npm run build && node dist/scripts/write-schema.js`. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { CONFIG_SCHEMA } from '../src/config/schema.js';

const path = fileURLToPath(new URL('../../grebe.schema.json', import.meta.url));
const style = await resolveConfig(path);
writeFileSync(path, await format(JSON.stringify(CONFIG_SCHEMA), { ...style, filepath: path }));
