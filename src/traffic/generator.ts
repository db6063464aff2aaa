/**
 * The traffic generator: packets one after the other, each made into the same piece of memory. What it
 * makes follows from the network and the options alone, so the same seed gives the same capture anywhere.
 * Memory does not grow with packets, flows or tunnels: flow i follows from the seed and i.
 */
import type { VerdictName } from '../dataplane/verdicts.js';
import { LinkType } from '../dataplane/link-type.js';
import { writeFrame, type FrameSpec } from '../wire/build.js';
import { FAULTS, type Fault } from './faults.js';
import { makeFlow, type Flow, type FlowMix, type TrafficKind } from './flow.js';
import type { TrafficNetwork } from './network.js';
import { frameOf, type TrafficLink } from './packet.js';
import { Random } from './random.js';
import type { SizeModel } from './sizes.js';

export const GENERATE_KINDS = ['tunnel', 'internet', 'overlay', 'mixed'] as const;
export type GenerateKind = (typeof GENERATE_KINDS)[number];

export interface TrafficOptions {
  /** `mixed`: what arrives on the underlay, two tunnel packets for one from the Internet. */
  readonly kind: GenerateKind;
  readonly link: TrafficLink;
  /** Number of flows, 1 to 2^32. */
  readonly flows: number;
  readonly sizes: SizeModel;
  /** Shares are from 0 to 1, of all packets (transit: of the flows out of tunnels). */
  readonly synShare: number;
  readonly ipv6Share: number;
  readonly transitShare: number;
  readonly faultShare: number;
  /** Whether faults may give a packet another link type than the capture's. */
  readonly mixedLinkTypes: boolean;
  /** Packets per second of the timestamps. */
  readonly rate: number;
  /** 0 to 2^32 − 1. */
  readonly seed: number;
}

/** The network has nothing that traffic of the wanted kind could be made for. */
export class ImpossibleTraffic extends Error {
  override readonly name = 'ImpossibleTraffic';
}

/** Timestamp of the first packet: 2026-01-01T00:00:00Z, in seconds since 1970. */
export const START_SECONDS = 1_767_225_600;

const MAX_FRAME = 80_000;
/** Up to so many flows are kept; of more, each is made again for every packet, with sequence numbers from 1. */
const MAX_KEPT_FLOWS = 65_536;

const LINK_TYPES: Readonly<Record<TrafficLink, number>> = {
  ethernet: LinkType.ETHERNET,
  vlan: LinkType.ETHERNET,
  raw: LinkType.RAW,
  sll: LinkType.LINUX_SLL,
  sll2: LinkType.LINUX_SLL2,
  null: LinkType.NULL,
};

/** LINKTYPE_ number of the captures of a link. */
export function linkTypeOf(link: TrafficLink): number {
  return LINK_TYPES[link];
}

interface KeptFlow {
  readonly flow: Flow;
  /** Data bytes so far, for the sequence numbers. */
  sent: number;
}

export class TrafficGenerator {
  /** The current packet is `bytes[0]` to `bytes[length − 1]`. */
  readonly bytes = new Uint8Array(MAX_FRAME);
  length = 0;
  linkType: number;
  seconds = 0;
  nanoseconds = 0;
  /** The current packet's fault, null for a good packet. */
  fault: Fault | null = null;
  /** What the dataplane must say about the current packet. */
  expectedVerdict: VerdictName = 'delivered_overlay';

  private number = 0;
  private readonly random: Random;
  private readonly flowRandom = new Random(0);
  private readonly mix: FlowMix;
  private readonly keptFlows: (KeptFlow | undefined)[] = [];
  private readonly faults: Readonly<Record<TrafficKind, readonly Fault[]>>;

  /** @throws ImpossibleTraffic */
  constructor(
    private readonly network: TrafficNetwork,
    private readonly options: TrafficOptions,
  ) {
    this.linkType = linkTypeOf(options.link);
    this.random = new Random(options.seed, 0xffff_ffff);
    this.mix = {
      kinds: kindsOf(options.kind, network),
      ipv6Share: options.ipv6Share,
      transitShare: options.transitShare,
    };
    const ofKind = (kind: TrafficKind): readonly Fault[] =>
      FAULTS.filter((fault) => fault.kinds.includes(kind));
    this.faults = { tunnel: ofKind('tunnel'), internet: ofKind('internet'), overlay: ofKind('overlay') };
  }

  /** Makes the next packet: fills the fields above. */
  next(): void {
    const { options, random } = this;
    const kept = this.flow(random.below(options.flows));
    const { flow } = kept;
    const choice = {
      number: this.number,
      sent: kept.sent,
      size: options.sizes.draw(random),
      syn: random.chance(options.synShare),
    };
    const good = frameOf(flow, choice, options.link);
    this.linkType = linkTypeOf(options.link);
    this.fault = null;
    const faulty = random.chance(options.faultShare) && this.break(good, flow);
    if (!faulty) {
      kept.sent += dataBytes(good);
      this.length = writeFrame(this.bytes, 0, good);
      const transit = flow.kind !== 'tunnel' || flow.nexthops.length > 0;
      this.expectedVerdict = transit ? 'delivered_underlay' : 'delivered_overlay';
    }
    const time = this.number / options.rate;
    this.seconds = START_SECONDS + Math.floor(time);
    this.nanoseconds = Math.floor((time - Math.floor(time)) * 1e9);
    this.number++;
  }

  private flow(index: number): KeptFlow {
    const kept = this.keptFlows[index];
    if (kept !== undefined) return kept;
    this.flowRandom.reseed(this.options.seed, index);
    const made = { flow: makeFlow(this.network, this.mix, index, this.flowRandom), sent: 0 };
    // Keeping some of many would cost more (in garbage that lives long) than making them again.
    if (this.options.flows <= MAX_KEPT_FLOWS) this.keptFlows[index] = made;
    return made;
  }

  /** Writes the packet with a fault: the first that it can have, from a random place in the list on. */
  private break(frame: FrameSpec, flow: Flow): boolean {
    const { network, random } = this;
    const faults = this.faults[flow.kind];
    const packet = { frame, flow, network, random, mixedLinkTypes: this.options.mixedLinkTypes };
    const start = random.below(faults.length);
    for (let i = 0; i < faults.length; i++) {
      const fault = faults[(start + i) % faults.length]!;
      const broken = fault.apply(packet);
      if (broken === null) continue;
      this.length = writeFrame(this.bytes, 0, broken.frame);
      this.linkType = broken.linkType ?? this.linkType;
      this.fault = fault;
      this.expectedVerdict = fault.expectedVerdict;
      return true;
    }
    return false;
  }
}

/** Bytes behind the transport header. */
function dataBytes(frame: FrameSpec): number {
  const { payload } = frame.inner ?? frame;
  return typeof payload === 'number' ? payload : 0;
}

function kindsOf(kind: GenerateKind, network: TrafficNetwork): FlowMix['kinds'] {
  const routed = network.routes(4) + network.routes(6) > 0;
  if (kind !== 'internet' && kind !== 'overlay' && network.senders === 0) {
    throw new ImpossibleTraffic('no tunnel has an allowed inner source to send from');
  }
  if (kind !== 'tunnel' && !routed) throw new ImpossibleTraffic(`traffic of kind ${kind} needs a route`);
  return kind === 'mixed'
    ? [
        { kind: 'tunnel', weight: 2 },
        { kind: 'internet', weight: 1 },
      ]
    : [{ kind, weight: 1 }];
}
