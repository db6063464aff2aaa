/** The other end of the control socket: for `grebe show`, `grebe reload` and others. */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { controlSocketPath } from './control-path.js';

export { controlSocketPath } from './control-path.js';

/** The daemon cannot be reached, or refuses: a sentence for people. */
export class ControlError extends Error {
  override readonly name = 'ControlError';

  /** @param answer what the daemon answered, when it did */
  constructor(
    message: string,
    readonly answer: ControlAnswer | null = null,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

export interface ControlAnswer {
  readonly status: number;
  /** The parsed JSON. */
  readonly body: unknown;
}

/** A daemon that is reached and says nothing is given up after so many milliseconds. */
const SILENCE_MS = 30_000;
const FIRST_REFUSAL = 400;

/**
 * One request; answers the parsed JSON.
 *
 * @throws ControlError when the daemon cannot be reached, does not answer in JSON, or refuses (a status from
 * 400 on)
 */
export async function request(socketPath: string, method: string, path: string): Promise<unknown> {
  const response = await open(socketPath, method, path, SILENCE_MS);
  return bodyOf(response, socketPath);
}

/**
 * One request whose answer comes as a stream.
 *
 * @throws ControlError when the daemon cannot be reached, or refuses
 */
export async function requestStream(
  socketPath: string,
  method: string,
  path: string,
): Promise<IncomingMessage> {
  const response = await open(socketPath, method, path, 0);
  if ((response.statusCode ?? 0) >= FIRST_REFUSAL) await bodyOf(response, socketPath);
  return response;
}

async function bodyOf(response: IncomingMessage, socketPath: string): Promise<unknown> {
  const status = response.statusCode ?? 0;
  const received = await text(response);
  let body: unknown;
  try {
    body = JSON.parse(received);
  } catch (error) {
    const message = `${socketPath} does not answer as grebe does: ${received.slice(0, 80)}`;
    throw new ControlError(message, null, { cause: error });
  }
  if (status < FIRST_REFUSAL) return body;
  const { problems = [] } = body as { problems?: readonly { message: string }[] };
  const why = problems.map(({ message }) => message).join('; ');
  throw new ControlError(`${socketPath} answers ${status}${why === '' ? '' : `: ${why}`}`, { status, body });
}

function open(socketPath: string, method: string, path: string, timeout: number): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest({ socketPath, method, path, timeout, agent: false }, resolve);
    sent.on('timeout', () => {
      sent.destroy(new Error(`no answer in ${timeout / 1000} s`));
    });
    sent.on('error', (error: NodeJS.ErrnoException) => {
      reject(new ControlError(reasonOf(error, socketPath), null, { cause: error }));
    });
    sent.end();
  });
}

function reasonOf(error: NodeJS.ErrnoException, socketPath: string): string {
  const hint =
    socketPath === controlSocketPath() ? ' (another socket is given with --socket or GREBE_SOCKET)' : '';
  switch (error.code) {
    case 'ENOENT':
    case 'ECONNREFUSED':
      return `no daemon listens at ${socketPath}${hint}`;
    case 'EACCES':
    case 'EPERM':
      return `no permission to use ${socketPath}: it belongs to another user`;
    default:
      return `${socketPath}: ${error.message}`;
  }
}
