/** JUnit's XML: whole, escaped, counted. */
import fc from 'fast-check';
import t from 'tap';
import { junitXml } from '../../../src/simulator/run/junit.js';
import type { ExpectationResult, Results } from '../../../src/simulator/run/results.js';

function expectation(change: Partial<ExpectationResult>): ExpectationResult {
  const base = { name: 'reach pings', check: 'reach' as const, passed: true, expected: 'all', found: 'all' };
  return { ...base, from: 0, to: 1, line: 7, column: 3, ...change };
}

function results(expectations: readonly ExpectationResult[]): Results {
  return {
    format: 1,
    scenario: { name: 'one', description: '', file: 'one.yaml', seed: 3, duration: 30, start: 0 },
    passed: expectations.every(({ passed }) => passed),
    expectations,
    topology: { pops: [], providers: [], sites: [], hosts: [], tunnels: [], links: [] },
    ...{
      timeline: [],
      events: [],
      series: { width: 1, count: 30 },
      nexthops: [],
      health: [],
      interconnects: [],
    },
    ...{ bgp: [], alerts: [], traffic: [], links: [], drops: [], work: { events: 0, packet_hops: 0 } },
  };
}

t.test('a suite for each scenario, a case for each expectation', (t) => {
  const xml = junitXml([
    results([expectation({}), expectation({ name: 'gap', passed: false, found: 'a "gap" of <3 s> & more' })]),
  ]);
  t.equal(
    xml,
    `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="grebe sim" tests="2" failures="1" errors="0">
  <testsuite name="one" tests="2" failures="1" errors="0" file="one.yaml">
    <properties>
      <property name="seed" value="3"/>
      <property name="virtual_seconds" value="30"/>
    </properties>
    <testcase classname="one" name="reach pings" file="one.yaml" line="7"/>
    <testcase classname="one" name="gap" file="one.yaml" line="7">
      <failure type="reach" message="expected all; found a &quot;gap&quot; of &lt;3 s&gt; &amp; more">one.yaml:7:3: expected all; found a &quot;gap&quot; of &lt;3 s&gt; &amp; more</failure>
    </testcase>
  </testsuite>
</testsuites>
`,
  );
  t.end();
});

t.test('no text breaks the document', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const xml = junitXml([results([expectation({ name: text, passed: false, expected: text })])]);
      // Allowed in XML 1.0, and markup only where it belongs.
      const isAllowed = /^[\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]*$/u.test(xml);
      const isMarkup = xml
        .match(/<[^>]*>/g)!
        .every((tag) => /^<[?/]?[a-z]+( [a-z_]+="[^"<]*")*[?/]?>$/.test(tag));
      const isText = xml.replace(/<[^>]*>/g, '').replace(/&(amp|lt|gt|quot|#9|#10|#13);/g, '');
      return isAllowed && isMarkup && !/[<>&]/.test(isText);
    }),
  );
  t.end();
});
