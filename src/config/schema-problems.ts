/** Validation by the schema, its errors told in the words of the file. */
import type { ErrorObject } from 'ajv';
import { describe, quote, suggest, type ConfigPath } from './problem.js';
import type { Schema } from './schema-parts.js';
import { SchemaWords } from './schema-words.js';
import type { Source } from './source.js';

/** A schema, and the function that `npm run build` makes of it. */
export interface CompiledSchema {
  readonly schema: Schema;
  readonly validate: Validate;
}

export interface Validate {
  (value: unknown): boolean;
  /** Of the last call; null when the value was valid. */
  errors?: ErrorObject[] | null | undefined;
}

/**
 * Reports to `source` all that the schema says against its value, and takes out of the value what is wrong,
 * so that what is left can be checked further.
 *
 * @returns false when nothing is left to check
 */
export function validateBySchema(source: Source, { schema: whole, validate }: CompiledSchema): boolean {
  const root = source.value;
  const words = new SchemaWords(whole);
  if (validate(root)) return true;
  const wrong = new Map<string, ConfigPath>();
  for (const error of relevant(validate.errors ?? [])) {
    const path = pathOf(error.instancePath, root);
    if (error.keyword === 'required') {
      reportMissing(source, path, error, words);
    } else if (error.keyword === 'additionalProperties') {
      reportUnknown(source, path, error, wrong);
    } else if (error.keyword === 'propertyNames') {
      reportName(source, path, error, words, wrong);
    } else if (!wrong.has(error.instancePath)) {
      const schema = error.parentSchema as Schema;
      source.mismatch(path, describe(error.data), words.expectedBy(schema) + words.hint(schema, error.data));
      wrong.set(error.instancePath, path);
    }
  }
  if (wrong.has('')) return false;
  for (const path of wrong.values()) remove(root, path);
  return true;
}

/**
 * The errors to show. `anyOf` gives one for each branch and one for itself: where a branch fits the value's
 * type and fails further inside, its errors are the ones that help; else that of the outermost `anyOf`. The
 * rule that a tunnel has each endpoint under one of two names is told better in tunnel.ts.
 */
function relevant(errors: readonly ErrorObject[]): ErrorObject[] {
  // Ajv gives the errors of a branch in front of that of its `anyOf`: the last one is the outermost.
  const choices = new Map(errors.filter((e) => e.keyword === 'anyOf').map((e) => [e.instancePath, e]));
  const entered = new Set<string>();
  for (const error of errors) {
    for (let path = parentOfError(error); path !== ''; path = path.slice(0, path.lastIndexOf('/'))) {
      if (choices.has(path)) entered.add(path);
    }
  }
  return errors.filter((error) => {
    if (error.schemaPath.includes('/allOf/') || error.propertyName !== undefined) return false;
    const choice = choices.get(error.instancePath);
    if (choice === undefined || isAboutKeys(error)) return true;
    return choice === error && !entered.has(error.instancePath);
  });
}

/** Errors whose path is that of the mapping, and not of what is wrong in it. */
function isAboutKeys({ keyword }: ErrorObject): boolean {
  return keyword === 'additionalProperties' || keyword === 'propertyNames' || keyword === 'required';
}

/** The path of the mapping or list in which the error lies. */
function parentOfError(error: ErrorObject): string {
  const { instancePath } = error;
  return isAboutKeys(error) ? instancePath : instancePath.slice(0, instancePath.lastIndexOf('/'));
}

function reportMissing(source: Source, path: ConfigPath, error: ErrorObject, words: SchemaWords): void {
  const { missingProperty } = error.params as { missingProperty: string };
  const schema = (error.parentSchema as Schema).properties?.[missingProperty] ?? {};
  source.mismatch([...path, missingProperty], 'nothing', words.expectedBy(schema));
}

function reportUnknown(
  source: Source,
  path: ConfigPath,
  error: ErrorObject,
  wrong: Map<string, ConfigPath>,
): void {
  const { additionalProperty } = error.params as { additionalProperty: string };
  const at = [...path, additionalProperty];
  const known = Object.keys((error.parentSchema as Schema).properties ?? {});
  const found = `key ${quote(additionalProperty)}`;
  const message = `unknown ${found}${suggest(additionalProperty, known)}`;
  source.report(at, message, { of: 'key', found, expected: `one of ${known.join(', ')}` });
  wrong.set(`${error.instancePath}/${additionalProperty}`, at);
}

/** A key that names something, and is no name. */
function reportName(
  source: Source,
  path: ConfigPath,
  error: ErrorObject,
  words: SchemaWords,
  wrong: Map<string, ConfigPath>,
): void {
  const { propertyName } = error.params as { propertyName: string };
  const at = [...path, propertyName];
  const found = `key ${quote(propertyName)}`;
  const expected = words.expectedBy((error.parentSchema as Schema).propertyNames ?? {});
  source.report(at, `found ${found}, expected ${expected}`, { of: 'key', found, expected });
  wrong.set(`${error.instancePath}/${propertyName}`, at);
}

/** The path that a JSON Pointer (RFC 6901) names in `root`. */
function pathOf(pointer: string, root: unknown): ConfigPath {
  const path: (string | number)[] = [];
  let value = root;
  for (const part of pointer.split('/').slice(1)) {
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~');
    path.push(Array.isArray(value) ? Number(name) : name);
    value = (value as Record<string, unknown>)[name];
  }
  return path;
}

/** Takes a value out of its mapping; in a list, leaves `undefined` in its place. */
function remove(root: unknown, path: ConfigPath): void {
  let parent = root as Record<string | number, unknown>;
  for (const segment of path.slice(0, -1)) {
    const next = parent[segment];
    if (typeof next !== 'object' || next === null) return;
    parent = next as Record<string | number, unknown>;
  }
  const last = path.at(-1) ?? '';
  if (Array.isArray(parent)) parent[Number(last)] = undefined;
  else Reflect.deleteProperty(parent, last);
}
