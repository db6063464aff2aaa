/** Validation by the schema, its errors told in the words of the file. */
import type { ErrorObject } from 'ajv';
import { describe, nearest, quote, suggest, type ConfigPath } from './problem.js';
import { CONFIG_SCHEMA, type Schema } from './schema.js';
import validate from './schema-validator.js';
import type { Source } from './source.js';

/**
 * Reports to `source` all that the schema says against its value, and takes out of the value what is wrong,
 * so that what is left can be checked further.
 *
 * @returns false when nothing is left to check
 */
export function validateBySchema(source: Source): boolean {
  const root = source.value;
  if (validate(root)) return true;
  const wrong = new Map<string, ConfigPath>();
  for (const error of relevant(validate.errors ?? [])) {
    const path = pathOf(error.instancePath, root);
    if (error.keyword === 'required') {
      reportMissing(source, path, error);
    } else if (error.keyword === 'additionalProperties') {
      reportUnknown(source, path, error, wrong);
    } else if (!wrong.has(error.instancePath)) {
      const schema = error.parentSchema as Schema;
      source.mismatch(path, describe(error.data), expectedBy(schema) + hint(schema, error.data));
      wrong.set(error.instancePath, path);
    }
  }
  if (wrong.has('')) return false;
  for (const path of wrong.values()) remove(root, path);
  return true;
}

/** What a schema expects, as a noun phrase. */
export function expectedBy(schema: Schema): string {
  const { title, type, minimum, maximum } = schema;
  if (schema.$ref !== undefined) return expectedBy(definition(schema.$ref));
  if (schema.enum !== undefined)
    return schema.enum.length === 1 ? String(schema.enum[0]) : `one of ${schema.enum.join(', ')}`;
  if (schema.anyOf !== undefined) {
    const all = alternatives(schema);
    return `${all.slice(0, -1).join(', ')} or ${all.at(-1) ?? ''}`;
  }
  if (title !== undefined && schema.$schema === undefined)
    return `${/^[aeiou]/i.test(title) ? 'an' : 'a'} ${title}`;
  if (type === 'integer') return `an integer from ${minimum ?? ''} to ${maximum ?? ''}`;
  if (type === 'number') return `a number from ${minimum ?? ''} to ${maximum ?? ''}`;
  if (type === 'boolean') return 'true or false';
  if (type === 'array') return 'a list';
  return type === 'string' ? 'a string' : 'a mapping';
}

/** What `anyOf` lets through. `const` is what other YAML writers make of a word in `enum`: not for people. */
function alternatives(schema: Schema): string[] {
  return branchesOf(schema)
    .filter((branch) => branch.const === undefined)
    .flatMap((branch) => branch.enum?.map(String) ?? [expectedBy(branch)]);
}

/** The schema itself, or what `anyOf` and references in it lead to. */
function branchesOf(schema: Schema): Schema[] {
  if (schema.$ref !== undefined) return branchesOf(definition(schema.$ref));
  return schema.anyOf?.flatMap(branchesOf) ?? [schema];
}

function definition(ref: string): Schema {
  return CONFIG_SCHEMA.definitions?.[ref.slice('#/definitions/'.length)] ?? {};
}

/** What usually went wrong, for the values that YAML reads otherwise than meant. */
function hint(schema: Schema, found: unknown): string {
  const branches = branchesOf(schema);
  const words = branches.flatMap((branch) => branch.enum?.map(String) ?? []);
  if (typeof found === 'number' || typeof found === 'boolean') {
    return schema.type === 'string' && words.length === 0 ? ' (put it in quotes)' : '';
  }
  if (found === null && schema.type === 'array') return ' (an empty one is [])';
  if (typeof found !== 'string') return '';
  const isNumber = /^[+-]?\d+$/.test(found);
  if (isNumber && branches.some(({ type }) => type === 'integer' || type === 'number'))
    return ' (without quotes)';
  const isBoolean = /^(yes|no|on|off|y|n)$/i.test(found);
  if (isBoolean && schema.type === 'boolean') return ' (YAML 1.2 has no other words for it)';
  return nearest(found, words);
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
    if (error.schemaPath.includes('/allOf/')) return false;
    const choice = choices.get(error.instancePath);
    if (choice === undefined || error.keyword === 'additionalProperties') return true;
    return choice === error && !entered.has(error.instancePath);
  });
}

/** The path of the mapping or list in which the error lies. */
function parentOfError({ keyword, instancePath }: ErrorObject): string {
  return keyword === 'additionalProperties'
    ? instancePath
    : instancePath.slice(0, instancePath.lastIndexOf('/'));
}

function reportMissing(source: Source, path: ConfigPath, error: ErrorObject): void {
  const { missingProperty } = error.params as { missingProperty: string };
  const schema = (error.parentSchema as Schema).properties?.[missingProperty] ?? {};
  source.mismatch([...path, missingProperty], 'nothing', expectedBy(schema));
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
