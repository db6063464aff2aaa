/** Writes docs/verdicts.md from src/dataplane/verdicts.ts; part of `npm run generated`. */
import { writeFileSync } from 'node:fs';
import { verdictsDocument } from './verdicts-document.js';

writeFileSync(new URL('../../docs/verdicts.md', import.meta.url), verdictsDocument());
