/** What `grebe check` has to say about a configuration that can be loaded. */
import { formatPath, type ConfigPath, type Position } from '../config/problem.js';

/**
 * `error`: grebe does not start with this. `warning`: traffic is probably lost, or let through, against the
 * intention. `info`: follows from the configuration and may surprise.
 */
export const SEVERITIES = ['error', 'warning', 'info'] as const;
export type Severity = (typeof SEVERITIES)[number];

export interface Finding {
  readonly severity: Severity;
  /** Fixed word for programs, such as `outer_packet_too_large`; see docs/config.md. */
  readonly code: string;
  /** As in `tunnels[0].mtu`. */
  readonly path: string;
  /** Place in the configuration file; null for a configuration that no file gave. */
  readonly file: string | null;
  readonly line: number | null;
  readonly column: number | null;
  readonly message: string;
}

export class Findings {
  private readonly list: Finding[] = [];

  /** @param positionOf where something stands in the file; null: nowhere */
  constructor(private readonly positionOf: (path: ConfigPath) => Position | null) {}

  add(severity: Severity, code: string, path: ConfigPath, message: string): void {
    const { file, line, column } = this.positionOf(path) ?? { file: null, line: null, column: null };
    this.list.push({ severity, code, path: formatPath(path), file, line, column, message });
  }

  /** The gravest first, then in the order of the file. */
  sorted(): Finding[] {
    return this.list.toSorted(
      (a, b) =>
        SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity) ||
        (a.line ?? 0) - (b.line ?? 0) ||
        (a.column ?? 0) - (b.column ?? 0),
    );
  }
}
