/** Made by scripts/write-validator.ts from schema.ts: the schema as a function. */
import type { ErrorObject } from 'ajv';

declare function validate(value: unknown): boolean;

declare namespace validate {
  /** Of the last call; null when the value was valid. */
  let errors: ErrorObject[] | null | undefined;
}

export default validate;
