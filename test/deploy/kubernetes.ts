/** deploy/kubernetes/grebe.yaml, as far as the tests look at it. */
import { parseAllDocuments } from 'yaml';
import { read } from '../house/tree.js';

interface SecurityContext {
  readonly runAsNonRoot?: boolean;
  readonly runAsUser?: number;
  readonly privileged?: boolean;
  readonly allowPrivilegeEscalation?: boolean;
  readonly readOnlyRootFilesystem?: boolean;
  readonly capabilities?: { readonly drop?: readonly string[]; readonly add?: readonly string[] };
}

export interface Container {
  readonly name: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly securityContext: SecurityContext;
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
  readonly startupProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly livenessProbe?: Probe;
}

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
}

export interface DaemonSet {
  readonly kind: string;
  readonly spec: {
    readonly selector: { readonly matchLabels: Record<string, string> };
    readonly template: {
      readonly metadata: {
        readonly labels: Record<string, string>;
        readonly annotations: Record<string, string>;
      };
      readonly spec: {
        readonly hostNetwork: boolean;
        readonly securityContext: SecurityContext;
        readonly initContainers: readonly Container[];
        readonly containers: readonly Container[];
        readonly volumes: readonly {
          readonly name: string;
          readonly hostPath?: { readonly path: string; readonly type: string };
        }[];
      };
    };
  };
}

interface ConfigMap {
  readonly kind: string;
  readonly data: Record<string, string>;
}

function find(kind: string): unknown {
  return parseAllDocuments(read('deploy/kubernetes/grebe.yaml'))
    .map((document) => {
      if (document.errors.length > 0) throw document.errors[0]!;
      return document.toJS() as { kind: string };
    })
    .find((document) => document.kind === kind);
}

export function daemonSet(): DaemonSet {
  return find('DaemonSet') as DaemonSet;
}

/** The configuration as the init container makes it. */
export function nodeConfig(node: string, hostAddress: string): string {
  const text = (find('ConfigMap') as ConfigMap).data['grebe.yaml']!;
  return text.replace('@NODE_NAME@', node).replace('@HOST_IP@', hostAddress);
}
