/** A schema in words, for messages. */
import { nearest } from './problem.js';
import type { Schema } from './schema-parts.js';

export class SchemaWords {
  /** @param root the whole schema, whose definitions its parts refer to */
  constructor(private readonly root: Schema) {}

  /** What a schema expects, as a noun phrase. */
  expectedBy(schema: Schema): string {
    const { title, type, minimum, maximum } = schema;
    if (schema.$ref !== undefined) return this.expectedBy(this.definition(schema.$ref));
    if (title !== undefined && schema.$schema === undefined)
      return `${/^[aeiou]/i.test(title) ? 'an' : 'a'} ${title}`;
    if (schema.enum !== undefined)
      return schema.enum.length === 1 ? String(schema.enum[0]) : `one of ${schema.enum.join(', ')}`;
    if (schema.anyOf !== undefined) {
      const all = this.alternatives(schema);
      return `${all.slice(0, -1).join(', ')} or ${all.at(-1) ?? ''}`;
    }
    if (type === 'integer') return `an integer from ${minimum ?? ''} to ${maximum ?? ''}`;
    if (type === 'number') return `a number from ${minimum ?? ''} to ${maximum ?? ''}`;
    if (type === 'boolean') return 'true or false';
    if (type === 'array') return 'a list';
    return type === 'string' ? 'a string' : 'a mapping';
  }

  /** What usually went wrong, for the values that YAML reads otherwise than meant. */
  hint(schema: Schema, found: unknown): string {
    const branches = this.branchesOf(schema);
    const words = branches.flatMap((branch) => branch.enum?.map(String) ?? []);
    if (typeof found === 'number' || typeof found === 'boolean') {
      const { type, pattern = '' } = schema;
      const quoted = type === 'string' && words.length === 0 && new RegExp(pattern).test(String(found));
      return quoted ? ' (put it in quotes)' : '';
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

  /** What `anyOf` lets through. `const` is what other YAML writers make of a word in `enum`: not for people. */
  private alternatives(schema: Schema): string[] {
    return this.branchesOf(schema)
      .filter((branch) => branch.const === undefined)
      .flatMap((branch) => branch.enum?.map(String) ?? [this.expectedBy(branch)]);
  }

  /** The schema itself, or what `anyOf` and references in it lead to. */
  private branchesOf(schema: Schema): Schema[] {
    if (schema.$ref !== undefined) return this.branchesOf(this.definition(schema.$ref));
    return schema.anyOf?.flatMap((branch) => this.branchesOf(branch)) ?? [schema];
  }

  private definition(ref: string): Schema {
    return this.root.definitions?.[ref.slice('#/definitions/'.length)] ?? {};
  }
}
