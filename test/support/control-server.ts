/** A stand-in for the daemon's control socket: answers with what a test says. */
import { createServer, type Server } from 'node:http';
import type { Test } from 'tap';

export interface Answer {
  readonly status?: number;
  readonly body: unknown;
}

/** Listens on the Unix socket `path` until the test ends. @param answers by method and path, `GET /v1/snapshot` */
export async function controlServer(
  t: Test,
  path: string,
  answers: Readonly<Record<string, () => Answer>>,
): Promise<Server> {
  const server = createServer((request, response) => {
    const make = answers[`${request.method} ${request.url}`];
    const { status = 200, body } = make?.() ?? { status: 404, body: { error: `nothing at ${request.url}` } };
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  });
  await new Promise<void>((resolve, reject) => {
    server.on('error', reject).listen(path, resolve);
  });
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return server;
}
