/** `client -> web:443`, as the schema lets it through. */

export interface Flow {
  readonly from: string;
  readonly to: string;
  readonly port: number | null;
}

export function flowOf(text: string): Flow {
  const [from = '', target = ''] = text.split(/ *(?:->|→) */);
  const [to = '', port] = target.split(':');
  return { from, to, port: port === undefined ? null : Number(port) };
}
