/** A trace as text, in the manner of `vppctl show trace`: a block for each node, a line for each field. */
import type { SentTraceFrame, Trace, TraceFrame, TraceNode } from './trace.js';

const NODE_COLUMN = 10;
const DUMP_LINE = 16;
/** Bytes of a dump that are shown. */
const DUMP_LIMIT = 160;

const KIND_NAMES: Record<SentTraceFrame['kind'], string> = {
  packet: 'packet',
  fragment: 'fragment',
  icmp_error: 'ICMP error',
  echo_reply: 'echo reply',
  keepalive: 'keepalive',
};

/** Lines for the whole trace, without a heading for the packet itself. */
export function traceText(trace: Trace): string {
  const nodes = trace.nodes.map(nodeText);
  const sent = trace.sent.map((frame, i) => {
    const number = trace.sent.length > 1 ? ` ${i + 1} of ${trace.sent.length}` : '';
    return frameText('sent', `${KIND_NAMES[frame.kind]}${number} to the ${frame.side}`, frame);
  });
  return [
    frameText('received', `on the ${trace.frame.side}`, trace.frame),
    ...nodes,
    ...sent,
    verdictText(trace),
  ].join('\n\n');
}

function nodeText({ node, title, fields }: TraceNode): string {
  const names = Math.max(0, ...fields.map(({ name }) => name.length));
  const lines = fields.map(({ name, value, offset, length, note, wrong }) => {
    const place =
      offset === null ? '' : `${offset}${length === null || length < 2 ? '' : `-${offset + length - 1}`}`;
    const mark = wrong ? '!' : ' ';
    return `${mark} ${place.padEnd(NODE_COLUMN - 2)}${name.padEnd(names)}  ${value}${note === null ? '' : `  (${note})`}`;
  });
  return [`${node.padEnd(NODE_COLUMN)}${title}`, ...lines].join('\n');
}

function verdictText({ verdict, dropped }: Trace): string {
  const { name, stage, explanation, rfc } = verdict;
  const where = dropped ? `dropped at ${stage}: ` : '';
  const source = rfc === '' ? '' : ` (${rfc})`;
  return `${'verdict'.padEnd(NODE_COLUMN)}${where}${name}\n${' '.repeat(NODE_COLUMN)}${explanation}${source}`;
}

function frameText(head: string, what: string, frame: TraceFrame): string {
  const title = `${head.padEnd(NODE_COLUMN)}${what}: ${frame.link}, ${frame.length} bytes`;
  return [title, `${' '.repeat(NODE_COLUMN)}${frame.summary}`, ...dump(frame)].join('\n');
}

/** Offset, bytes in hexadecimal and as characters, sixteen a line. */
function dump({ headers, length }: TraceFrame): string[] {
  const bytes = Buffer.from(headers, 'hex').subarray(0, DUMP_LIMIT);
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += DUMP_LINE) {
    const part = bytes.subarray(at, at + DUMP_LINE);
    const digits = Array.from(part, (byte) => byte.toString(16).padStart(2, '0'));
    const left = digits.slice(0, 8).join(' ');
    const right = digits.slice(8).join(' ');
    const text = Array.from(part, (byte) =>
      byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.',
    ).join('');
    const hex = `${left}  ${right}`.padEnd(3 * DUMP_LINE);
    lines.push(`${' '.repeat(NODE_COLUMN)}${at.toString(16).padStart(4, '0')}  ${hex}  ${text}`);
  }
  const rest = length - bytes.length;
  if (rest > 0) lines.push(`${' '.repeat(NODE_COLUMN)}and ${rest} bytes more`);
  return lines;
}
