/** The control socket: HTTP over a Unix socket, for the owner of the daemon alone. docs/run.md has the paths. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { RouteSnapshot, Snapshot } from '../observability/snapshot.js';
import { claimSocketPath, removeSocket, restrictSocket } from './control-socket.js';
import { closeServer, listen, sendJson } from './http.js';
import type { PreviewResult, ReloadResult } from './supervisor.js';

/** What the daemon lets be done through the socket. */
export interface Controls {
  snapshot(): Snapshot;
  routes(): readonly RouteSnapshot[];
  config(): { readonly file: string; readonly text: string };
  reload(): Promise<ReloadResult>;
  /** What a reload would change. */
  preview(): Promise<PreviewResult>;
  /** Answers a request for captured packets, as a stream. */
  capture(query: URLSearchParams, response: ServerResponse): void;
  /** Makes a worker fail; false when it does not run. Only there for tests. */
  crash?(worker: number): boolean;
}

export interface ControlServer {
  readonly path: string;
  close(): Promise<void>;
}

/** Rights of files made while the socket is: none for group and others. */
const PRIVATE_MASK = 0o177;

/** @throws ControlSocketError */
export async function startControlServer(
  path: string,
  group: string | null,
  controls: Controls,
): Promise<ControlServer> {
  await claimSocketPath(path);
  const server = createServer((request, response) => {
    handle(request, response, controls).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else sendJson(response, 500, { problems: [{ message: String(error) }] });
    });
  });
  // A stream of captured packets may be silent for long.
  server.timeout = 0;
  await listenPrivately(server, path);
  try {
    restrictSocket(path, group);
  } catch (error) {
    await closeServer(server);
    throw error;
  }
  return {
    path,
    close: async () => {
      await closeServer(server);
      removeSocket(path);
    },
  };
}

/** From the first moment on nobody else may connect. */
async function listenPrivately(server: Server, path: string): Promise<void> {
  const mask = process.umask(PRIVATE_MASK);
  try {
    // The socket is made before this returns its promise.
    const listening = listen(server, { path });
    process.umask(mask);
    await listening;
  } finally {
    process.umask(mask);
  }
}

async function handle(request: IncomingMessage, response: ServerResponse, controls: Controls): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://grebe');
  switch (`${request.method ?? ''} ${url.pathname}`) {
    case 'GET /v1/snapshot':
      sendJson(response, 200, controls.snapshot());
      return;
    case 'GET /v1/routes':
      sendJson(response, 200, controls.routes());
      return;
    case 'GET /v1/config':
      sendJson(response, 200, controls.config());
      return;
    case 'POST /v1/reload': {
      const isDry = url.searchParams.get('dry_run') === 'true';
      const result = await (isDry ? controls.preview() : controls.reload());
      sendJson(response, result.ok ? 200 : 422, result);
      return;
    }
    case 'GET /v1/capture':
      controls.capture(url.searchParams, response);
      return;
    case 'POST /v1/debug/crash': {
      if (controls.crash === undefined) break;
      const ok = controls.crash(Number(url.searchParams.get('worker') ?? 0));
      sendJson(response, ok ? 200 : 409, { ok });
      return;
    }
  }
  sendJson(response, 404, {
    problems: [{ message: `${request.method ?? ''} ${url.pathname}: no such thing` }],
  });
}
