/**
 * `GET /v1/capture`: packets as they pass, streamed until the client goes away or has as many as it asked for.
 * As pcapng, or (format=json) as one JSON object a line with the frame in base64.
 */
import type { ServerResponse } from 'node:http';
import { PcapngWriter } from '../device/capture/pcapng-writer.js';
import type { CaptureSink } from '../device/capture/base-writer.js';
import { OptionCode } from '../device/capture/pcapng-format.js';
import { textOption, type CaptureOption } from '../device/capture/pcapng-options.js';
import {
  DIRECTIONS,
  verdictWord,
  type CapturedPacket,
  type CaptureFilter,
  type CaptureNames,
} from '../observability/capture-session.js';
import { sendJson } from './http.js';
import type { Supervisor } from './supervisor.js';

/** How often what was captured is sent on. */
const INTERVAL_MS = 50;
export const CAPTURE_SNAPLEN = 262_144;
/** epb_flags: inbound, outbound (pcapng, section "Enhanced Packet Block Flags Word"). */
const EPB_DIRECTION = { in: 1, out: 2 };
/** A client that reads so slowly that so many bytes wait for it gets no more until it has caught up: the rings fill, and count. */
const MOST_WAITING = 16 << 20;

const BUSY =
  'packets are captured already, and there is one capture at a time: end the other grebe capture or ' +
  'grebe trace --live first';

interface Request {
  readonly filter: CaptureFilter;
  readonly count: number;
  readonly json: boolean;
}

export function answerCapture(
  supervisor: Supervisor,
  query: URLSearchParams,
  response: ServerResponse,
): void {
  const names = (): CaptureNames => {
    const { number, plan } = supervisor.current;
    return { generation: number, names: plan.names };
  };
  const request = parse(query, names().names);
  if (typeof request === 'string') {
    sendJson(response, 400, { problems: [{ message: request }] });
    return;
  }
  const session = supervisor.captures.start(request.filter, names());
  if (session === null) {
    sendJson(response, 409, { problems: [{ message: BUSY }] });
    return;
  }
  const type = request.json ? 'application/x-ndjson' : 'application/x-pcapng';
  response.writeHead(200, { 'content-type': type });
  const output = request.json ? new JsonLines(response) : new PcapngStream(response);
  let left = request.count;
  const poll = (): void => {
    if (response.writableLength > MOST_WAITING) return;
    const packets = session.poll(names()).slice(0, left);
    left -= packets.length;
    output.add(packets);
    if (left === 0) response.end();
  };
  const timer = setInterval(poll, INTERVAL_MS);
  // The head goes out at once: whoever waits for it knows then that packets are taken.
  output.add([]);
  response.on('close', () => {
    clearInterval(timer);
    session.end();
  });
}

/** What the query asks for; a sentence when it cannot be had. */
function parse(query: URLSearchParams, tunnels: readonly string[]): Request | string {
  const tunnel = query.get('tunnel');
  const verdict = query.get('verdict');
  const direction = DIRECTIONS.find((name) => name === (query.get('direction') ?? 'both'));
  const snaplen = Number(query.get('snaplen') ?? CAPTURE_SNAPLEN);
  const count = Number(query.get('count') ?? Infinity);
  if (tunnel !== null && !tunnels.includes(tunnel)) return `there is no tunnel ${tunnel}`;
  if (verdictWord(verdict) === undefined) {
    return `${verdict ?? ''} is no verdict: see docs/verdicts.md, or use dropped or delivered`;
  }
  if (direction === undefined) return `direction is one of ${DIRECTIONS.join(', ')}`;
  if (!Number.isInteger(snaplen) || snaplen < 1 || snaplen > CAPTURE_SNAPLEN) {
    return `snaplen is a number from 1 to ${CAPTURE_SNAPLEN}`;
  }
  if (count !== Infinity && (!Number.isInteger(count) || count < 1)) return 'count is a number from 1 up';
  return { filter: { tunnel, verdict, direction, snaplen }, count, json: query.get('format') === 'json' };
}

class JsonLines {
  constructor(private readonly response: ServerResponse) {
    response.flushHeaders();
  }

  add(packets: readonly CapturedPacket[]): void {
    for (const packet of packets) {
      const bytes = Buffer.from(packet.bytes).toString('base64');
      this.response.write(`${JSON.stringify({ ...packet, bytes })}\n`);
    }
  }
}

class PcapngStream {
  private readonly writer: PcapngWriter;
  private readonly interfaces = new Map<string, number>();

  constructor(response: ServerResponse) {
    const sink: CaptureSink = {
      path: 'the control socket',
      write: (data, position, length) => void response.write(data.slice(position, position + length)),
      commit: () => undefined,
      abort: () => undefined,
    };
    this.writer = new PcapngWriter(sink, [textOption(OptionCode.SHB_USERAPPL, 'grebe')]);
  }

  add(packets: readonly CapturedPacket[]): void {
    for (const packet of packets) this.write(packet);
    this.writer.flush();
  }

  private write(packet: CapturedPacket): void {
    const { bytes, timeMs, originalLength } = packet;
    const seconds = Math.floor(timeMs / 1000);
    const nanoseconds = Math.min(999_999_999, Math.round((timeMs - seconds * 1000) * 1e6));
    const id = this.interfaceOf(packet);
    const comment = commentOf(packet);
    this.writer.write(
      ...([
        seconds,
        nanoseconds,
        id,
        bytes,
        0,
        bytes.length,
        originalLength,
        comment,
        optionsOf(packet),
      ] as const),
    );
  }

  /** One for each side and link type: a kernel interface has one link type too. */
  private interfaceOf({ side, linkType }: CapturedPacket): number {
    const key = `${side} ${linkType}`;
    let id = this.interfaces.get(key);
    if (id === undefined) {
      id = this.writer.addInterface({ linkType, name: side });
      this.interfaces.set(key, id);
    }
    return id;
  }
}

/** Such as "delivered_underlay, from tunnel acme, into tunnel globex". */
function commentOf({ verdict, tunnelIn, tunnelOut }: CapturedPacket): string {
  const from = tunnelIn === null ? '' : `, from tunnel ${tunnelIn}`;
  return `${verdict}${from}${tunnelOut === null ? '' : `, into tunnel ${tunnelOut}`}`;
}

function optionsOf({ direction, lost }: CapturedPacket): CaptureOption[] {
  const flags = { code: OptionCode.EPB_FLAGS, value: Uint8Array.of(EPB_DIRECTION[direction], 0, 0, 0) };
  if (lost === 0) return [flags];
  const value = new Uint8Array(8);
  new DataView(value.buffer).setUint32(0, lost, true);
  return [flags, { code: OptionCode.EPB_DROPCOUNT, value }];
}
