// `npm run prebuild`: compiles the addon for machines like this one into native/prebuilds, from where `npm pack`
// takes it into the package: whoever installs that needs no compiler.
import { statSync } from 'node:fs';
import { compileAddon, findCompiler } from './compile-addon.js';
import { addonSources, prebuiltPath, WARNINGS } from './addon-sources.js';

/** Optimised for any processor of the architecture; without symbols that nobody asks for. */
const FLAGS = ['-O2', '-s'];

const compiler = findCompiler();
if (process.platform !== 'linux') throw new Error('the native addon is for Linux');
if (compiler === null) throw new Error('no C compiler (cc, gcc, clang or $CC)');
const target = prebuiltPath();
compileAddon(compiler, { sources: addonSources(), flags: [...WARNINGS, ...FLAGS], target });
console.log(`${target}: ${statSync(target).size} bytes, ${compiler.version}`);
