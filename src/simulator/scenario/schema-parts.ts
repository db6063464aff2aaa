/** Pieces of which the schema of scenarios is made. */
import { LIMITS } from '../../config/config.js';
import { BIT_RATE, DURATION, SHARE, SIZE } from '../../config/quantities.js';
import { integer, IPV4, IPV6, type Schema } from '../../config/schema-parts.js';

export const NAME: Schema = {
  title: 'name of 1 to 32 letters, digits, - and _',
  type: 'string',
  pattern: '^[A-Za-z0-9_-]{1,32}$',
};

/** Text that is shown as it is: nothing in it that a terminal would act upon. */
export const LINE: Schema = {
  title: 'line of text without control characters',
  type: 'string',
  pattern: '^[^\\u0000-\\u001f\\u007f-\\u009f\\u2028-\\u202e\\u2066-\\u2069]*$',
};

/** The same with line ends. */
export const LINES: Schema = {
  title: 'piece of text without control characters',
  type: 'string',
  pattern: '^[^\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f\\u202a-\\u202e\\u2066-\\u2069]*$',
};

/** A mapping whose keys are names. */
export function named(description: string, of: Schema): Schema {
  return { type: 'object', description, propertyNames: NAME, additionalProperties: of };
}

/** A list of any length of names of something. */
export function namesOf(what: string): Schema {
  return { type: 'array', items: { ...NAME, title: `name of a ${what}` } };
}

/** An address, or several. */
export const ADDRESSES: Schema = {
  anyOf: [
    { title: 'IPv4 or IPv6 address', type: 'string', pattern: `^(${IPV4}|${IPV6})$` },
    {
      title: 'list of addresses',
      type: 'array',
      minItems: 1,
      items: { title: 'IPv4 or IPv6 address', type: 'string', pattern: `^(${IPV4}|${IPV6})$` },
    },
  ],
};

export const PREFIXES: Schema = { type: 'array', items: { $ref: '#/definitions/prefix' } };

export const LOCATION: Schema = {
  anyOf: [
    { title: 'IATA code of a city, such as fra', type: 'string', pattern: '^[A-Za-z]{3}$' },
    {
      title: 'list of degrees north and east, such as [50.1, 8.7]',
      type: 'array',
      minItems: 2,
      maxItems: 2,
      items: { type: 'number', minimum: -180, maximum: 180 },
    },
  ],
};

/** The keys of a PathSpec. */
export const PATH_KEYS: Record<string, Schema> = {
  delay: { ...DURATION, description: 'One way.', examples: ['20ms'] },
  jitter: {
    ...DURATION,
    description: 'Added to the delay at random, at most; keeps the order.',
    examples: ['1ms'],
  },
  loss: { ...SHARE, description: 'Packets lost at random.', examples: ['0.1%'] },
  reorder: { ...SHARE, description: 'Packets that overtake others.', examples: ['0.1%'] },
  rate: { ...BIT_RATE, description: 'Without it, no limit.', examples: ['1Gbps'] },
  queue: {
    ...SIZE,
    description: 'What waits for the rate. Without it, 50 ms of the rate and 64 KiB at least.',
    examples: ['1MB'],
  },
  mtu: integer(LIMITS.mtu, { description: 'Largest IP packet, bytes.', examples: [1500] }),
  too_big: {
    type: 'string',
    enum: ['send', 'filter'],
    description: 'Whether the router in front of it says when a packet is too large for it (ICMP).',
    examples: ['filter'],
  },
};

/** A path, with the same keys for each direction by itself. */
export const PATH_KEYS_BY_DIRECTION: Record<string, Schema> = {
  ...PATH_KEYS,
  down: direction('Where it is different towards the customer.'),
  up: direction('Where it is different from the customer.'),
};

function direction(description: string): Schema {
  return { type: 'object', description, additionalProperties: false, properties: PATH_KEYS };
}

/** `host -> host:port`. */
export const FLOW: Schema = {
  title: 'flow such as "client -> web", or "client -> web:443"',
  type: 'string',
  pattern: '^[A-Za-z0-9_-]{1,32} *(->|→) *[A-Za-z0-9_-]{1,32}(:\\d{1,5})?$',
};

export const COMMUNITIES: Schema = {
  type: 'array',
  items: {
    title: 'community of two numbers, such as "13335:60050"',
    type: 'string',
    pattern: '^\\d{1,5}:\\d{1,5}$',
  },
};
