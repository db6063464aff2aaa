/** What the counters beside the verdicts count, in a sentence: for metrics and for `grebe show`. */
import type { MiscCounter } from '../dataplane/counters.js';

export const COUNTER_MEANING: Readonly<Record<MiscCounter, string>> = {
  received_packets: 'Packets handed to the pipeline, from both sides.',
  received_bytes: 'Bytes of these, from the IP or link header on.',
  mss_clamped: 'TCP SYN packets whose MSS was lowered.',
  mss_malformed: 'TCP SYN packets with malformed options, left as they are.',
  fragmented: 'Packets cut into fragments before encapsulation.',
  fragments_created: 'Fragments made of them.',
  icmp_errors: 'ICMP and ICMPv6 errors sent.',
  icmp_suppressed: 'ICMP errors not sent: over the rate limit, or not to be sent about such a packet.',
};
