/** What a worker does with answers to probes that come out of tunnels: they are the main thread's. */
import type { LocalTaker } from '../dataplane/local-host.js';
import { mayBeAnswer } from '../network/health/probe.js';
import { healthTime } from './health-clock.js';
import type { PacketQueue } from './packet-queue.js';

/**
 * Puts what may be an answer into the queue; what does not fit is lost, as on any other way.
 *
 * @param tell called when the queue holds this answer alone: whoever was told before has then seen the others
 */
export function answerTaker(answers: PacketQueue, tell: () => void): LocalTaker {
  return (bytes, at, length, tunnel) => {
    if (tunnel < 0 || !mayBeAnswer(bytes, at, length)) return false;
    if (answers.put(bytes, at, length, tunnel, healthTime()) && answers.count === 1) tell();
    return true;
  };
}
