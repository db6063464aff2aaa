/** deploy/grafana/grebe.json, as far as the tests look at it. */
import { read } from '../house/tree.js';

export interface Target {
  readonly refId: string;
  readonly expr: string;
  readonly legendFormat: string;
  readonly datasource: { readonly type: string; readonly uid: string };
}

export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly Target[];
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } };
}

export interface Variable {
  readonly name: string;
  readonly type: string;
  readonly query: string | { readonly query: string };
}

export interface Dashboard {
  readonly title: string;
  readonly uid: string;
  readonly schemaVersion: number;
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly Variable[] };
  readonly annotations: { readonly list: readonly { readonly name: string; readonly expr?: string }[] };
}

export const dashboard = JSON.parse(read('deploy/grafana/grebe.json')) as Dashboard;

/** All queries, with the panel or annotation that has them. */
export function queries(): { readonly where: string; readonly expr: string }[] {
  const { panels, annotations } = dashboard;
  return [
    ...panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ where: title, expr }))),
    ...annotations.list.flatMap(({ name, expr }) => (expr === undefined ? [] : [{ where: name, expr }])),
  ];
}

/** The query as Grafana sends it when everything is chosen. */
export function asSent(expr: string): string {
  return expr
    .replaceAll('$__rate_interval', '30s')
    .replaceAll('$__range', '1h')
    .replaceAll(/\$(node|instance|tunnel)\b/g, '.*');
}
