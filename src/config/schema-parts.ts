/** Pieces of which the schema of the configuration is made. */

/** The part of JSON Schema that is used here. */
export interface Schema {
  $schema?: string;
  $ref?: string;
  title?: string;
  description?: string;
  type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';
  const?: unknown;
  enum?: readonly unknown[];
  default?: unknown;
  examples?: readonly unknown[];
  pattern?: string;
  minimum?: number;
  maximum?: number;
  items?: Schema;
  minItems?: number;
  maxItems?: number;
  properties?: Record<string, Schema>;
  required?: readonly string[];
  additionalProperties?: false | Schema;
  propertyNames?: Schema;
  anyOf?: readonly Schema[];
  oneOf?: readonly Schema[];
  allOf?: readonly Schema[];
  definitions?: Record<string, Schema>;
}

const OCTET = '(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
export const IPV4 = `${OCTET}(\\.${OCTET}){3}`;
export const IPV6 = '[0-9A-Fa-f]*:[0-9A-Fa-f:.]*';

export function integer([minimum, maximum]: readonly [number, number], rest: Schema): Schema {
  return { type: 'integer', minimum, maximum, ...rest };
}

export function flag(description: string, byDefault = false): Schema {
  return { type: 'boolean', default: byDefault, description };
}

/** A mapping with these keys and no others. */
export function mapping(description: string, properties: Record<string, Schema>): Schema {
  return { type: 'object', description, additionalProperties: false, properties };
}
