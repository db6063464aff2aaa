/** Metrics of the tunnels; the number of labels is bounded. */
import { HEALTH_STATES, HEALTH_VALUES } from '../network/health/health-state.js';
import type { Families } from './metrics-families.js';
import { seconds } from './metrics-time.js';
import type { PacketsAndBytes, Snapshot } from './snapshot.js';
import { TunnelLabels, type LabelledTunnels } from './tunnel-labels.js';

/** Label of all tunnels that have none of their own (and of one that is really called so). */
const OTHER = '_other';

export function tunnelMetrics(families: Families, maxLabels: number): void {
  const divided = onceForEach((snapshot) => labels.divide(snapshot.tunnels));
  const labels = new TunnelLabels(maxLabels);
  const traffic = (name: string, help: string, unit: keyof PacketsAndBytes): void => {
    families.counter({
      name,
      help,
      labels: ['tunnel', 'direction'],
      read: (snapshot, set) => {
        const { named, otherTraffic } = divided(snapshot);
        for (const { name: tunnel, decapsulated, encapsulated } of named) {
          set(decapsulated[unit], { tunnel, direction: 'decapsulated' });
          set(encapsulated[unit], { tunnel, direction: 'encapsulated' });
        }
        if (otherTraffic === null) return;
        set(otherTraffic.decapsulated[unit], { tunnel: OTHER, direction: 'decapsulated' });
        set(otherTraffic.encapsulated[unit], { tunnel: OTHER, direction: 'encapsulated' });
      },
    });
  };
  traffic(
    'grebe_tunnel_packets_total',
    'Packets out of (decapsulated) and into (encapsulated) a tunnel.',
    'packets',
  );
  traffic('grebe_tunnel_bytes_total', 'Bytes of the inner packets of these.', 'bytes');
  families.gauge({
    name: 'grebe_tunnel_mtu_bytes',
    help: 'Configured MTU of a tunnel: largest inner packet.',
    labels: ['tunnel'],
    read: (snapshot, set) => {
      for (const { name: tunnel, mtu } of divided(snapshot).named) set(mtu, { tunnel });
    },
  });
  families.gauge({
    name: 'grebe_tunnel_path_mtu_bytes',
    help: 'MTU in effect: lower than configured when path MTU discovery says so.',
    labels: ['tunnel'],
    read: (snapshot, set) => {
      for (const { name: tunnel, effectiveMtu } of divided(snapshot).named) set(effectiveMtu, { tunnel });
    },
  });
  families.gauge({
    name: 'grebe_tunnel_last_received_timestamp_seconds',
    help: 'Unix time at which a packet last came out of a tunnel; absent while none has.',
    labels: ['tunnel'],
    read: (snapshot, set) => {
      const now = seconds(snapshot.takenAt);
      for (const { name: tunnel, lastReceivedSeconds } of divided(snapshot).named) {
        if (lastReceivedSeconds !== null) set(now - lastReceivedSeconds, { tunnel });
      }
    },
  });
  families.gauge({
    name: 'grebe_tunnel_health',
    help: 'What health checks say of a tunnel: 1 healthy, 0.5 degraded, 0 down; absent where there are none.',
    labels: ['tunnel'],
    read: (snapshot, set) => {
      for (const { name: tunnel, health } of divided(snapshot).named) {
        if (health !== null) set(HEALTH_VALUES[HEALTH_STATES.indexOf(health.state)]!, { tunnel });
      }
    },
  });
  families.counter({
    name: 'grebe_tunnel_probes_total',
    help: 'Health probes through a tunnel that were answered in time, and that were not (lost).',
    labels: ['tunnel', 'result'],
    read: (snapshot, set) => {
      for (const { name: tunnel, health } of divided(snapshot).named) {
        if (health === null) continue;
        set(health.answered, { tunnel, result: 'answered' });
        set(health.lost, { tunnel, result: 'lost' });
      }
    },
  });
  families.gauge({
    name: 'grebe_tunnels_without_label',
    help: 'Tunnels beyond the limit of labels, summed under tunnel="_other".',
    read: (snapshot, set) => set(divided(snapshot).others, {}),
  });
}

/** The families look at the same snapshot one after the other; only the first of them has the work. */
function onceForEach(make: (snapshot: Snapshot) => LabelledTunnels): (snapshot: Snapshot) => LabelledTunnels {
  const made = new WeakMap<Snapshot, LabelledTunnels>();
  return (snapshot) => {
    const known = made.get(snapshot) ?? make(snapshot);
    made.set(snapshot, known);
    return known;
  };
}
