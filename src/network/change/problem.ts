/** What is wrong with a change, or with the network that it would make. */
import { KIND_WORDS, type ResourceKind } from './change-set.js';

export interface NetworkProblem {
  /** `error`: the change is refused. `warning`: it is let in, and traffic is probably lost. */
  readonly severity: 'error' | 'warning';
  readonly kind: ResourceKind;
  /** Of the resource; that of a route is `prefix via nexthop`. */
  readonly name: string;
  /** As in `mss_clamp.to_tunnel`; null: the resource as a whole. */
  readonly field: string | null;
  readonly message: string;
}

/** A change that was refused: nothing of it is in effect. */
export class ChangeError extends Error {
  override readonly name = 'ChangeError';

  /** @param problems all that is wrong */
  constructor(readonly problems: readonly NetworkProblem[]) {
    super(problems.map(formatNetworkProblem).join('\n'));
  }
}

/** `tunnel acme_1: mtu: message`. */
export function formatNetworkProblem({ kind, name, field, message }: NetworkProblem): string {
  return `${KIND_WORDS[kind]} ${name}: ${field === null ? '' : `${field}: `}${message}`;
}

/** How many unknown names are compared with all known ones, which takes time with many of both. */
export const SUGGESTIONS = 100;

/** Collects problems. */
export class Problems {
  readonly list: NetworkProblem[] = [];

  error(kind: ResourceKind, name: string, field: string | null, message: string): void {
    this.list.push({ severity: 'error', kind, name, field, message });
  }

  warning(kind: ResourceKind, name: string, field: string | null, message: string): void {
    this.list.push({ severity: 'warning', kind, name, field, message });
  }
}
