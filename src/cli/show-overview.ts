/** `grebe show` without a section: the node and its tunnels, a block each, in the manner of `wg show`. */
import { DROP_REASONS, type VerdictName } from '../dataplane/verdicts.js';
import type {
  DeviceSnapshot,
  Snapshot,
  TunnelHealthSnapshot,
  TunnelSnapshot,
} from '../observability/snapshot.js';
import { count, plural } from './format.js';
import { totalDropped } from './show-counters.js';
import type { Growing, Interval } from './show-interval.js';
import type { Paint } from './show-paint.js';
import { choose, moreTunnels } from './show-tunnels.js';
import { ago, bitRate, byteCount, percent, timeSpan, packetRate } from './show-units.js';
import { busyText } from './show-workers.js';

/** Reasons that the line about drops names; `grebe show drops` has all. */
const REASONS = 3;

/** @param lines that there is room for */
export function overview(interval: Interval, lines: number, paint: Paint): string {
  const node = nodeBlock(interval, paint);
  // A tunnel: a blank line, its name, four lines, one more for its health, and one for the rates.
  const isProbed = interval.now.tunnels.some(({ health }) => health !== null);
  const each = 6 + (isProbed ? 1 : 0) + (interval.hasEarlier ? 1 : 0);
  const { tunnels, more } = choose(interval, lines - node.split('\n').length, { each, note: 2 });
  const blocks = [node, ...tunnels.map((tunnel) => tunnelBlock(tunnel, paint))];
  if (more > 0) blocks.push(moreTunnels(more));
  return blocks.join('\n\n');
}

type Line = readonly [key: string, text: string, isBad?: boolean];

function block(heading: string, name: string, lines: readonly Line[], paint: Paint): string {
  const head = `${paint.heading(heading)}: ${paint.heading(name)}`;
  const rest = lines.map(
    ([key, text, isBad]) => `  ${paint.key(key)}: ${isBad === true ? paint.bad(text) : text}`,
  );
  return [head, ...rest].join('\n');
}

function nodeBlock(interval: Interval, paint: Paint): string {
  const { now } = interval;
  const { config } = now;
  const loaded = ago((Date.parse(now.takenAt) - Date.parse(config.loadedAt)) / 1000);
  const lines: Line[] = [
    ['grebe', `${now.version}, pid ${now.pid}, up ${timeSpan(now.uptimeSeconds)}`],
    ['configuration', `${config.file}, generation ${config.generation}, loaded ${loaded}`],
    ...(config.lastError === null ? [] : [['last reload refused', config.lastError, true] as const]),
    ...now.problems.map((problem): Line => ['not ready', problem, true]),
    ...now.devices.map((device): Line => [device.side, deviceText(device)]),
    ...workerLines(interval),
    ['packets', packetsText(now)],
    ...dropLines(now),
    ...nowLines(interval),
  ];
  return block('node', now.node, lines, paint);
}

function deviceText({ name, kind, mtu, description }: DeviceSnapshot): string {
  return `MTU ${mtu}, ${description === '' ? `${kind} ${name}` : description}`;
}

function workerLines(interval: Interval): Line[] {
  const states = new Map<string, number>();
  for (const { state } of interval.now.workers) states.set(state, (states.get(state) ?? 0) + 1);
  const restarts = interval.now.workers.reduce((sum, worker) => sum + worker.restarts, 0);
  const parts = [
    ...Array.from(states, ([state, workers]) => `${count(workers)} ${state}`),
    `busy ${interval.workers.map(busyText).join(', ')}`,
    ...(restarts === 0 ? [] : [`restarted ${plural(restarts, 'time')}`]),
  ];
  const isBad = states.size > 1 || !states.has('running');
  const errors = interval.now.workers.flatMap(({ index, state, lastError }): Line[] =>
    state === 'running' || lastError === null ? [] : [[`worker ${index}`, lastError, true]],
  );
  return [['workers', parts.join(', '), isBad], ...errors];
}

function packetsText(snapshot: Snapshot): string {
  const { verdicts, counters, workerLost } = snapshot;
  const dropped = totalDropped(snapshot);
  const answered = verdicts.answered_echo + verdicts.answered_keepalive;
  const parts = [
    `${count(counters.received_packets)} received`,
    `${count(verdicts.delivered_overlay)} to the overlay`,
    `${count(verdicts.delivered_underlay)} to the underlay`,
    ...(answered === 0 ? [] : [`${count(answered)} answered`]),
    `${count(dropped)} dropped${dropped === 0 ? '' : ` (${percent(dropped, counters.received_packets)})`}`,
    ...(workerLost === 0 ? [] : [`${count(workerLost)} lost in failed workers`]),
  ];
  return parts.join(', ');
}

function dropLines({ verdicts }: Snapshot): Line[] {
  const reasons = DROP_REASONS.map(({ name }) => [name, verdicts[name as VerdictName]] as const)
    .filter(([, packets]) => packets > 0)
    .sort(([, a], [, b]) => b - a);
  if (reasons.length === 0) return [];
  const named = reasons.slice(0, REASONS).map(([name, packets]) => `${name} ${count(packets)}`);
  const rest = reasons.length - named.length;
  return [['drops', [...named, ...(rest === 0 ? [] : [plural(rest, 'more reason')])].join(', ')]];
}

function nowLines(interval: Interval): Line[] {
  if (!interval.hasEarlier) return [];
  const packets = interval.rate(({ counters }) => counters.received_packets)!;
  const bytes = interval.rate(({ counters }) => counters.received_bytes)!;
  const dropped = interval.rate(totalDropped)!;
  return [['now', `${packetRate(packets)}, ${bitRate(bytes)} received, ${packetRate(dropped)} dropped`]];
}

function tunnelBlock(tunnel: Growing<TunnelSnapshot>, paint: Paint): string {
  const { name, mode, local, remote, key, mtu, effectiveMtu, lastReceivedSeconds, health } = tunnel.now;
  const { decapsulated, encapsulated } = tunnel.now;
  const options = [...(key === null ? [] : [`key ${key}`]), ...(mode === 'gre' ? [] : [mode])];
  const lowered = effectiveMtu < mtu ? `${effectiveMtu} (path MTU; configured: ${mtu})` : String(mtu);
  const lines: Line[] = [
    ['endpoints', [`${local} -> ${remote}`, ...options].join(', ')],
    ['mtu', lowered],
    ...healthLine(health),
    ['latest packet', lastReceivedSeconds === null ? 'none yet' : ago(lastReceivedSeconds)],
    ['transfer', `${byteCount(decapsulated.bytes)} received, ${byteCount(encapsulated.bytes)} sent`],
    ...tunnelNow(tunnel),
  ];
  return block('tunnel', name, lines, paint);
}

function healthLine(health: TunnelHealthSnapshot | null): Line[] {
  if (health === null) return [];
  const { state, sinceSeconds, answered, lost } = health;
  const probes = `${count(answered)} probes answered, ${count(lost)} lost`;
  return [['health', `${state} for ${timeSpan(sinceSeconds)}, ${probes}`, state === 'down']];
}

function tunnelNow({ rate }: Growing<TunnelSnapshot>): Line[] {
  const received = rate(({ decapsulated }) => decapsulated.packets);
  if (received === null) return [];
  const receivedBytes = rate(({ decapsulated }) => decapsulated.bytes)!;
  const sent = rate(({ encapsulated }) => encapsulated.packets)!;
  const sentBytes = rate(({ encapsulated }) => encapsulated.bytes)!;
  const text = (packets: number, bytes: number): string => `${bitRate(bytes)} (${packetRate(packets)})`;
  return [['now', `${text(received, receivedBytes)} received, ${text(sent, sentBytes)} sent`]];
}
