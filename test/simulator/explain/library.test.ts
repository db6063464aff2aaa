/** Every scenario of the library explained: nothing crashes, every way comes to an end, and the text shows it. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { explain } from '../../../src/simulator/explain/explain.js';
import { explanationText } from '../../../src/simulator/explain/text.js';
import { SECOND } from '../../../src/network/time.js';
import { loadScenario } from '../../../src/simulator/scenario/load.js';
import type { Scenario } from '../../../src/simulator/scenario/scenario.js';
import { root } from '../../house/tree.js';

/** Its ends, as `FROM->TO`, of each traffic but attacks. */
function flowsOf({ traffic }: Scenario): string[] {
  const flows = traffic.flatMap((one) => (one.type === 'flood' || one.type === 'capture' ? [] : [one]));
  return [...new Set(flows.flatMap(({ from, to }) => [`${from}->${to}`, `${to}->${from}`]))];
}

for (const file of readdirSync(join(root, 'scenarios'))) {
  if (!file.endsWith('.yaml')) continue;
  t.test(file, async (t) => {
    const scenario = loadScenario(join(root, 'scenarios', file));
    const flows = flowsOf(scenario);
    t.ok(flows.length > 0);
    const at = Math.min(5 * SECOND, scenario.duration);
    for (const flow of flows) {
      for (const [protocol, size, dontFragment] of [
        [null, null, false],
        ['udp', 1500, false],
        ['icmp', 1500, true],
      ] as const) {
        const explanation = explain(scenario, { flow, protocol, size, dontFragment, at });
        const what = `${flow} ${protocol ?? 'default'} ${size ?? ''}`;
        const { ways, arrived } = explanation;
        t.ok(
          ways.every(({ end }) => end !== null),
          `${what}: every way has its end`,
        );
        t.ok(
          ways.every(({ hops }) => hops.every(({ headers, bytes }) => headers.length > 0 && bytes >= 20)),
          `${what}: every hop has its headers`,
        );
        const lost = ways.find(({ end }) => end?.reason != null);
        if (!arrived) t.not(lost?.end?.explanation ?? '', '', `${what}: it says why`);
        const text = explanationText(explanation);
        const places = ways.flatMap(({ hops }) => hops.map(({ place }) => place));
        t.same(
          places.filter((place) => !text.includes(place)),
          [],
          `${what}: the text has every place`,
        );
      }
    }
  });
}
