/**
 * Metrics of the pipeline. Every verdict is in exactly one of three families, so that
 * received = delivered + answered + dropped holds for the sums (but for packets under way while a snapshot
 * is taken).
 */
import { MISC_COUNTERS, type MiscCounter } from '../dataplane/counters.js';
import { ANSWERS, DROP_REASONS, type VerdictName } from '../dataplane/verdicts.js';
import { COUNTER_MEANING } from './counter-meaning.js';
import type { Families } from './metrics-families.js';

const EVENTS: Readonly<Record<MiscCounter, string>> = {
  received_packets: 'grebe_received_packets_total',
  received_bytes: 'grebe_received_bytes_total',
  mss_clamped: 'grebe_mss_rewrites_total',
  mss_malformed: 'grebe_mss_malformed_total',
  fragmented: 'grebe_fragmented_packets_total',
  fragments_created: 'grebe_fragments_created_total',
  icmp_errors: 'grebe_icmp_errors_sent_total',
  icmp_suppressed: 'grebe_icmp_errors_suppressed_total',
};

export function dataplaneMetrics(families: Families): void {
  for (const counter of MISC_COUNTERS) {
    families.counter({
      name: EVENTS[counter],
      help: COUNTER_MEANING[counter],
      read: ({ counters }, set) => set(counters[counter], {}),
    });
  }
  families.counter({
    name: 'grebe_delivered_packets_total',
    help: 'Packets that the pipeline delivered, by the side where they leave.',
    labels: ['side'],
    read: ({ verdicts }, set) => {
      set(verdicts.delivered_overlay, { side: 'overlay' });
      set(verdicts.delivered_underlay, { side: 'underlay' });
    },
  });
  families.counter({
    name: 'grebe_answered_packets_total',
    help: 'Packets that were for grebe itself and were answered, by what they asked.',
    labels: ['kind'],
    read: ({ verdicts }, set) => {
      for (const { name } of ANSWERS) {
        set(verdicts[name as VerdictName], { kind: name.replace(/^answered_/, '') });
      }
    },
  });
  families.counter({
    name: 'grebe_dropped_packets_total',
    help: 'Packets that the pipeline dropped, by reason and the stage that found it (docs/verdicts.md).',
    labels: ['reason', 'stage'],
    read: ({ verdicts }, set) => {
      for (const { name, stage } of DROP_REASONS) {
        set(verdicts[name as VerdictName], { reason: name, stage });
      }
    },
  });
}
