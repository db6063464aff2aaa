/** What is measured against each other: implementations that carry packets through GRE. */
import type { Cable, End } from './cable.js';
import type { Running } from './running.js';

export type Underlay = 'raw' | 'af_packet' | 'af_xdp';

/** The far end of the second tunnel when forwarding: an address behind B's end of the cable. */
export const FORWARD = '10.9.0.3';
/** Destinations that a forwarder has in its second tunnel. */
export const FORWARD_PREFIX = '10.2.0.0/16';

export interface Contender {
  /** grebe, C twin, Open vSwitch. */
  readonly name: string;
  /** How it reads and writes the outer network. */
  readonly underlay: string;
  /** Starts one end of a tunnel to the other; its inner address is usable soon after. */
  startEnd(own: End, other: End): Promise<Running[]>;
  /** Starts a forwarder at A: from a tunnel to B's outer address into one to FORWARD. */
  startForwarder(cable: Cable): Promise<Running[]>;
  /** Whether the outer addresses are to be put on the cable's interface. */
  readonly ownsInterface: boolean;
}

/** Processor for a forwarder; its packets come from the other one. */
export const FORWARDER_CPU = '0';
export const GENERATOR_CPU = '1';
