/** Types of compile-addon.js. */

/** A compiler that answered `--version`: its command and the first line of the answer. */
export interface Compiler {
  readonly command: string;
  readonly version: string;
}

/** The first of $CC, cc, gcc and clang that is there, or null. */
export function findCompiler(): Compiler | null;

/**
 * Compiles C sources to the Node-API addon `target`, which appears whole or not at all.
 * @throws Error with the compiler's messages when they do not compile
 */
export function compileAddon(
  compiler: Compiler,
  options: { sources: readonly string[]; flags: readonly string[]; target: string },
): void;
