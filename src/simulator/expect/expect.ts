/** All kinds of expectations, each with what it looks at. */
import type { Expectation } from '../scenario/scenario.js';
import { watchAlert, watchBgp, watchHealth, watchStatus } from './network.js';
import { watchDrops, watchLargestPacket, watchShare } from './packets.js';
import { watchFailover, watchGap, watchMss, watchReach, watchThroughput } from './traffic.js';
import type { Watch, Watched } from './watch.js';

/** Begins to look; before the run, and before anything else is put into the scheduler. */
export function watch(expectation: Expectation, watched: Watched): Watch {
  switch (expectation.check) {
    case 'reach':
      return watchReach(expectation, watched);
    case 'share':
      return watchShare(expectation, watched);
    case 'gap':
      return watchGap(expectation, watched);
    case 'failover':
      return watchFailover(expectation, watched);
    case 'mss':
      return watchMss(expectation, watched);
    case 'largest_packet':
      return watchLargestPacket(expectation, watched);
    case 'health':
      return watchHealth(expectation, watched);
    case 'status':
      return watchStatus(expectation, watched);
    case 'bgp':
      return watchBgp(expectation, watched);
    case 'alert':
      return watchAlert(expectation, watched);
    case 'drops':
      return watchDrops(expectation, watched);
    case 'throughput':
      return watchThroughput(expectation, watched);
  }
}
