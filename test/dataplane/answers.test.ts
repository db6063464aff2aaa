/** What grebe answers goes back to where it came from, and no answer is answered. */
import t from 'tap';
import { createCounters } from '../../src/dataplane/counters.js';
import { Pipeline } from '../../src/dataplane/pipeline.js';
import { Tables, type TablesSpec } from '../../src/dataplane/tables.js';
import { Verdict } from '../../src/dataplane/verdicts.js';
import { Arena } from '../fuzz/arena.js';
import { Prng } from '../fuzz/prng.js';
import { randomFrames, runAll } from '../fuzz/trial.js';
import { randomWorld } from '../fuzz/world.js';
import { hex } from '../oracle/bytes.js';
import { destinationOf, sourceOf } from '../oracle/ip.js';
import { openFrame } from '../oracle/link.js';
import type { Frame } from '../oracle/outcome.js';

const WORLDS = 60;
const FRAMES = 1000;

const arena = new Arena(new Prng(1));

/** The outermost packet of a frame. */
function packetOf({ link, bytes }: Frame): Uint8Array {
  return openFrame(link, bytes).rest;
}

/** Sides, addresses and lengths of an answer that do not fit the packet it answers. */
function contradictions(verdict: string, frame: Frame, answers: readonly Frame[]): string[] {
  const [answer] = answers;
  if (answer === undefined || answers.length > 1) return [`${answers.length} answers`];
  const found: string[] = [];
  if (answer.side !== frame.side) found.push(`to the ${answer.side}`);
  const question = packetOf(frame);
  const reply = packetOf(answer);
  if (hex(destinationOf(reply)) !== hex(sourceOf(question))) found.push('to somebody else');
  if (hex(sourceOf(reply)) !== hex(destinationOf(question))) found.push('in the name of somebody else');
  if (verdict === 'answered_keepalive' && reply.length > question.length - 24) found.push('no shorter');
  return found;
}

/** As the other side of every tunnel sees it. */
function mirrored(spec: TablesSpec): TablesSpec {
  const tunnels = spec.tunnels.map((tunnel) => ({ ...tunnel, local: tunnel.remote, remote: tunnel.local }));
  return { ...spec, tunnels };
}

t.test('answers go back, and end there', (t) => {
  const failures: string[] = [];
  const seen = { answered_echo: 0, answered_keepalive: 0 };
  for (let seed = 0; seed < WORLDS; seed++) {
    const random = randomWorld(new Prng(seed));
    // What came in two tunnels goes back in the inner one, as ICMP errors do.
    const world = { ...random, spec: { ...random.spec, maxNestingDepth: 1 } };
    const frames = randomFrames(new Prng(seed, 1), world, FRAMES);
    const run = (spec: TablesSpec, input: readonly Frame[]) => {
      const counters = createCounters(spec.tunnels.length);
      const all = runAll(arena, new Pipeline(arena.pool, Tables.build(spec), counters), input);
      return { all, answered: counters[Verdict.answered_echo]! + counters[Verdict.answered_keepalive]! };
    };
    const answers: Frame[] = [];
    run(world.spec, frames).all.forEach(({ verdict, outputs }, i) => {
      if (verdict !== 'answered_echo' && verdict !== 'answered_keepalive') return;
      seen[verdict]++;
      const found = contradictions(verdict, frames[i]!, outputs);
      if (found.length > 0) failures.push(`seed ${seed}, frame ${i}, ${verdict}: ${found.join(', ')}`);
      answers.push(...outputs);
    });
    for (const spec of [world.spec, mirrored(world.spec)]) {
      const { answered } = run(spec, answers);
      if (answered > 0) failures.push(`seed ${seed}: ${answered} answers were answered`);
    }
  }
  t.same(failures.slice(0, 5), []);
  t.ok(seen.answered_echo > 100, `${seen.answered_echo} echo requests`);
  t.ok(seen.answered_keepalive > 30, `${seen.answered_keepalive} keepalives`);
  t.end();
});
