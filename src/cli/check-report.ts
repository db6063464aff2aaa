/** What `grebe check` prints for people. */
import type { CheckReport, RouteReport, TunnelReport } from '../network/check.js';
import type { Finding } from '../network/finding.js';
import type { MssPair } from '../network/mss.js';
import { plural, table, wrap } from './format.js';

/** `path`: the configuration, as the user named it. */
export function checkReport(path: string, report: CheckReport): string {
  const sections = [
    headline(path, report),
    tunnels(report.tunnels),
    advice(report.tunnels),
    routes(report.routes),
    findings(report.findings),
    verdict(report),
  ];
  return sections.filter((section) => section !== '').join('\n\n');
}

function headline(path: string, { node, tunnels, routes }: CheckReport): string {
  const places = [node.colo, node.region].filter((place) => place !== null).join(', ');
  const where = places === '' ? '' : ` (${places})`;
  return `${path}: node ${node.name}${where}, ${plural(tunnels.length, 'tunnel')}, ${plural(routes.length, 'route')} in use`;
}

function tunnels(reports: readonly TunnelReport[]): string {
  if (reports.length === 0) return '';
  const rows = reports.map((tunnel) => [
    tunnel.name,
    tunnel.mode,
    tunnel.key === null ? '-' : String(tunnel.key),
    String(tunnel.overhead.total),
    String(tunnel.mtu),
    mss(tunnel.mss_clamp.from_tunnel),
    mss(tunnel.mss_clamp.to_tunnel),
    `${tunnel.cloudflare_gre_endpoint} -> ${tunnel.customer_gre_endpoint}`,
  ]);
  return table(
    [
      { head: 'tunnel' },
      { head: 'mode' },
      { head: 'key', align: 'right' },
      { head: 'overhead', align: 'right' },
      { head: 'MTU', align: 'right' },
      { head: 'MSS from', align: 'right' },
      { head: 'MSS to', align: 'right' },
      { head: 'endpoints', wraps: true },
    ],
    rows,
  );
}

/** IPv4 and IPv6, as in `1436/1416`. */
function mss({ v4, v6 }: MssPair): string {
  return v4 === 0 && v6 === 0 ? 'off' : `${v4 === 0 ? 'off' : v4}/${v6 === 0 ? 'off' : v6}`;
}

/** Where else the MSS has to be clamped; tunnels of which the same is to be said stand together. */
function advice(reports: readonly TunnelReport[]): string {
  const names = new Map<string, string[]>();
  for (const { name, mss_advice } of reports) {
    const lines = [`  DSR: ${mss_advice.dsr}`, `  with egress: ${mss_advice.with_egress}`];
    const text = lines.map((line) => wrap(line, 4)).join('\n');
    names.set(text, [...(names.get(text) ?? []), name]);
  }
  return Array.from(names, ([text, group]) => `${wrap(`MSS, ${group.join(', ')}`, 4)}\n${text}`).join('\n');
}

function routes(reports: readonly RouteReport[]): string {
  if (reports.length === 0) return '';
  const rows = reports.map(({ prefix, priority, nexthops, backups }) => [
    prefix,
    String(priority),
    nexthops
      .map(({ tunnel, percent }) => (nexthops.length === 1 ? tunnel : `${tunnel} ${percent} %`))
      .join(', ') +
      (backups.length === 0
        ? ''
        : `; backup: ${backups.map((b) => `${b.nexthop} (${b.priority})`).join(', ')}`),
  ]);
  return table(
    [{ head: 'route' }, { head: 'priority', align: 'right' }, { head: 'next hops', wraps: true }],
    rows,
  );
}

function findings(list: readonly Finding[]): string {
  return list
    .map(({ severity, code, path, file, line, column, message }) => {
      const place = file === null ? '' : `${file}:${line ?? 1}:${column ?? 1}: `;
      return `${place}${severity}: ${path === '' ? '' : `${path}: `}${message} [${code}]`;
    })
    .join('\n');
}

function verdict({ counts }: CheckReport): string {
  const { error, warning, info } = counts;
  return `${error === 0 ? 'ok' : 'not ok'}: ${plural(error, 'error')}, ${plural(warning, 'warning')}, ${info} for information`;
}
