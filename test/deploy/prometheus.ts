/** A Prometheus of the test's own, on loopback, that scrapes the address it is given each second. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Test } from 'tap';
import { parse, stringify } from 'yaml';
import { createMetrics } from '../../src/observability/metrics.js';
import type { Snapshot } from '../../src/observability/snapshot.js';
import { root } from '../house/tree.js';

/** A port of loopback that nobody listens on. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Serves the metrics of these snapshots until the test ends; answers `host:port`. */
export async function serveMetrics(t: Test, snapshot: () => Snapshot): Promise<string> {
  const registry = createMetrics({ snapshot });
  const server = createServer((_, response) => {
    void registry.metrics().then((text) => {
      response.setHeader('content-type', registry.contentType);
      response.end(text);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

interface Answer {
  readonly status: string;
  readonly error?: string;
  readonly data: unknown;
}

export class Prometheus {
  private constructor(private readonly url: string) {}

  /** Starts it with deploy/prometheus, scraping `target`; it ends with the test. */
  static async start(t: Test, target: string): Promise<Prometheus> {
    const folder = mkdtempSync(join(tmpdir(), 'grebe-prometheus-'));
    const config = parse(readFileSync(join(root, 'deploy/prometheus/prometheus.yml'), 'utf8')) as {
      global: Record<string, string>;
      rule_files: string[];
      scrape_configs: { static_configs: { targets: string[] }[] }[];
    };
    config.global = { scrape_interval: '1s', evaluation_interval: '1s' };
    config.rule_files = [join(root, 'deploy/prometheus/grebe-rules.yml')];
    config.scrape_configs[0]!.static_configs = [{ targets: [target] }];
    writeFileSync(join(folder, 'prometheus.yml'), stringify(config));
    const port = await freePort();
    const child = spawn(
      'prometheus',
      [
        `--config.file=${join(folder, 'prometheus.yml')}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--log.level=error',
      ],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    );
    t.teardown(async () => {
      const ended = new Promise((resolve) => child.once('close', resolve));
      child.kill('SIGKILL');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    });
    return new Prometheus(`http://127.0.0.1:${port}`);
  }

  /** What a path of its API answers; waits for Prometheus to come up. */
  async get(path: string, parameters: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const url = `${this.url}${path}?${new URLSearchParams(parameters).toString()}`;
    for (let attempt = 0; ; attempt++) {
      try {
        const response = await fetch(url);
        return (await response.json()) as Answer;
      } catch (error) {
        if (attempt === 300) throw error;
        await setTimeout(100);
      }
    }
  }

  /** The series that a query gives now. @throws Error with what Prometheus says of it */
  async query(query: string): Promise<readonly { metric: Record<string, string> }[]> {
    const { status, error, data } = await this.get('/api/v1/query', { query });
    if (status !== 'success') throw new Error(`${query}: ${error ?? status}`);
    return (data as { result: { metric: Record<string, string> }[] }).result;
  }

  /** Waits until a query gives something. */
  async until(query: string, seconds = 60): Promise<void> {
    const end = Date.now() + seconds * 1000;
    while (Date.now() < end) {
      if ((await this.query(query).catch(() => [])).length > 0) return;
      await setTimeout(200);
    }
    throw new Error(`nothing after ${seconds} s: ${query}`);
  }
}
