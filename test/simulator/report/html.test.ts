import { createHash } from 'node:crypto';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { escape, html, scriptJson } from '../../../src/simulator/report/markup.js';
import { htmlReport } from '../../../src/simulator/report/html.js';
import { chartsOf } from '../../../src/simulator/report/charts.js';
import type { Results } from '../../../src/simulator/run/results.js';
import { runScenario } from '../../../src/simulator/run/run.js';
import { loadScenario } from '../../../src/simulator/scenario/load.js';
import { root } from '../../house/tree.js';

/** Of the library, with a failure, two tunnels and a provider each. */
let known: Promise<Results> | null = null;
function results(): Promise<Results> {
  known ??= run();
  return known;
}

async function run(): Promise<Results> {
  const file = 'scenarios/isp-failure.yaml';
  return runScenario(loadScenario(join(root, file)), { file, until: 40e9 });
}

t.test('a page asks nothing of the network and runs no script but its own', async (t) => {
  const page = htmlReport([await results()]);
  const markup = page.replace(/<script[^]*?<\/script>/g, '');
  t.notMatch(markup, /\b(src|href)="(?!#)/, 'no address to load from');
  t.notMatch(markup, /url\((?!#)|@import/, 'none in the style');
  t.notMatch(page, /sourceMappingURL/);
  t.notMatch(markup, /\son\w+=/, 'no script in attributes');
  const policy = /http-equiv="Content-Security-Policy"\s+content="([^"]*)"/.exec(page)![1]!;
  t.match(policy, /default-src &#39;none&#39;/);
  const scripts = Array.from(page.matchAll(/<script>([^]*?)<\/script>/g), ([, text]) => text!);
  t.equal(scripts.length, 2, 'library and page');
  for (const text of scripts) {
    const hash = createHash('sha256').update(text).digest('base64');
    t.ok(policy.includes(escape(`'sha256-${hash}'`)), 'the policy knows it');
  }
});

t.test('the same results give the same bytes, and all that there is is shown', async (t) => {
  const one = await results();
  const page = htmlReport([one]);
  t.equal(htmlReport([await run()]), page);
  for (const { name, found } of one.expectations) {
    t.ok(page.includes(escape(name)), name);
    t.ok(page.includes(escape(found)), found);
  }
  for (const { name } of [...one.nexthops, ...one.traffic, ...one.topology.pops, ...one.topology.providers]) {
    t.ok(page.includes(`>${name}<`) || page.includes(name), name);
  }
  for (const { reason } of one.drops) t.ok(page.includes(`<code>${reason}</code>`), reason);
  for (const { id } of chartsOf(one, 0)) t.match(page, `id="${id}"`);
  const markup = page.replace(/<script>[^]*?<\/script>/g, '');
  const ids = Array.from(markup.matchAll(/\sid="([^"]*)"/g), ([, id]) => id);
  t.same(ids, [...new Set(ids)], 'no identifier twice');
  for (const [, names] of markup.matchAll(/aria-labelledby="([^"]*)"/g)) {
    for (const name of names!.split(' ')) t.ok(ids.includes(name), `aria-labelledby ${name}`);
  }
});

t.test('what failed comes first, of the scenarios and of their expectations', async (t) => {
  const one = await results();
  const failed = {
    ...one,
    scenario: { ...one.scenario, name: 'failing' },
    passed: false,
    expectations: one.expectations.map((expectation, i) => ({ ...expectation, passed: i !== 1 })),
  };
  const { name, expected } = failed.expectations[1]!;
  const page = htmlReport([one, failed]);
  t.match(page, /<title>✗ 2 scenarios/);
  const body = page.slice(page.indexOf('<body>'));
  const number = one.expectations.length * 2;
  t.match(body, `✗ 1 of ${number} expectations failed`);
  const order = [
    escape(expected),
    'aria-label="Scenarios"',
    'aria-label="failing"',
    `aria-label="${one.scenario.name}"`,
  ];
  const places = order.map((text) => body.indexOf(text));
  t.same(
    places,
    places.toSorted((a, b) => a - b),
    places.join(),
  );
  t.ok(places[0]! > 0, 'before all scenarios');
  const verdicts = body.slice(places[2]);
  t.ok(verdicts.indexOf(escape(name)) < verdicts.indexOf(escape(failed.expectations[0]!.name)));
  t.match(htmlReport([{ ...one, expectations: [] }]), /Nothing is expected/);
});

t.test('headings go down one by one, and every region and picture has a name', async (t) => {
  const one = await results();
  for (const page of [htmlReport([one]), htmlReport([one, one])]) {
    const markup = page.replace(/<script[^]*?<\/script>/g, '');
    const levels = Array.from(markup.matchAll(/<h(\d)/g), ([, level]) => Number(level));
    t.equal(levels[0], 1);
    for (const [i, level] of levels.entries()) t.ok(i === 0 || (level > 1 && level <= levels[i - 1]! + 1));
    for (const [tag] of markup.matchAll(/<[^>]* role="(?:img|region|group)"[^>]*>/g)) {
      t.match(tag, /aria-label(ledby)?="[^"]+"/);
    }
    t.equal(markup.match(/<table/g)?.length, markup.match(/<caption/g)?.length);
  }
});

t.test('whatever names are, they stay text', async (t) => {
  const one = await results();
  const hostile = '</title></script><script>alert(1)</script>"\'&<img src=x onerror=alert(1)>';
  const put = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(put);
    if (typeof value !== 'object' || value === null) return value;
    const named = new Set([
      'name',
      'note',
      'text',
      'found',
      'expected',
      'description',
      'reason',
      'node',
      'file',
    ]);
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [key, named.has(key) ? hostile : put(inner)]),
    );
  };
  const page = htmlReport([put(one) as Results]);
  t.notMatch(page, '<img');
  t.notMatch(page, '<script>alert');
  t.equal(page.match(/<\/script>/g)?.length, 3, 'three scripts, and each ends once');
});

t.test('the same page however templates are indented', (t) => {
  t.equal(
    html`<ul>
      ${[1, 2].map((i) => html`<li>${`${i}\n   ${i}`}</li>`)}
    </ul>`.text,
    '<ul>\n<li>1\n   1</li><li>2\n   2</li>\n</ul>',
    'but for what is put into them',
  );
  t.end();
});

t.test('escaping', async (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      t.notMatch(escape(text), /[<>"']/);
      const { text: made } = html`<p title="${text}">${text}</p>`;
      t.equal(made.match(/[<>]/g)?.length, 4);
      t.same(JSON.parse(scriptJson({ text }).text), { text });
      t.notMatch(scriptJson(text).text, '<');
    }),
  );
  t.equal(html`${[1, null, html`<b>${'&'}</b>`]}`.text, '1<b>&amp;</b>');
});
