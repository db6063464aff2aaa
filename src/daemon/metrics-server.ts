/** HTTP for Prometheus and health checks: /metrics, /healthz, /readyz. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { formatListen, type ListenAddress } from '../config/daemon-config.js';
import type { Snapshot } from '../observability/snapshot.js';
import { closeServer, listen, sendJson, sendText } from './http.js';

/** The part of a prom-client registry that is served. */
export interface MetricsSource {
  readonly contentType: string;
  metrics(): Promise<string>;
}

export interface MetricsServer {
  /** The address that is listened on, with the port that was taken. */
  readonly address: ListenAddress;
  close(): Promise<void>;
}

const LISTEN_ERRORS: Record<string, string> = {
  EADDRINUSE: 'the port is in use',
  EADDRNOTAVAIL: 'this machine has no such address',
  EACCES: 'no permission for this port',
};

/** @throws Error with a sentence for people when the address cannot be listened on */
export async function startMetricsServer(
  { address, port }: ListenAddress,
  metrics: MetricsSource,
  snapshot: () => Pick<Snapshot, 'ready' | 'problems'>,
): Promise<MetricsServer> {
  const server = createServer((request, response) => {
    handle(request, response, metrics, snapshot).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else sendText(response, 500, 'text/plain; charset=utf-8', `${String(error)}\n`);
    });
  });
  try {
    await listen(server, { host: address, port });
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    const why = LISTEN_ERRORS[code] ?? message;
    throw new Error(`daemon.metrics.listen: cannot listen on ${formatListen({ address, port })}: ${why}`, {
      cause: error,
    });
  }
  return {
    address: { address, port: (server.address() as AddressInfo).port },
    close: () => closeServer(server),
  };
}

async function handle(
  request: IncomingMessage,
  response: ServerResponse,
  metrics: MetricsSource,
  snapshot: () => Pick<Snapshot, 'ready' | 'problems'>,
): Promise<void> {
  const { pathname } = new URL(request.url ?? '/', 'http://grebe');
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    sendJson(response, 405, { error: 'GET only' });
    return;
  }
  switch (pathname) {
    case '/metrics':
      sendText(response, 200, metrics.contentType, await metrics.metrics());
      return;
    case '/healthz':
      // Whoever answers is alive.
      sendJson(response, 200, { ok: true });
      return;
    case '/readyz': {
      const { ready, problems } = snapshot();
      sendJson(response, ready ? 200 : 503, { ready, problems });
      return;
    }
    default:
      sendJson(response, 404, { error: 'not found: there are /metrics, /healthz and /readyz' });
  }
}
