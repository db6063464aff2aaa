/**
 * Runs as a page: one HTML file with all in it, which asks nothing of the network (its policy forbids it). The same
 * results give the same bytes.
 */
import { createHash } from 'node:crypto';
import type { Results } from '../run/results.js';
import { chartInWords, chartsOf, type ChartSpec } from './charts.js';
import { chartLibrary } from './chart-library.js';
import { drawing } from './drawing.js';
import { html, Markup, scriptJson, type Content } from './markup.js';
import { drawCharts } from './page-script.js';
import * as part from './sections.js';
import { HATCHES, STYLE } from './style.js';
import { strips } from './strips.js';
import { table } from './table.js';
import { count, counted, time } from './words.js';

/** @param results in the order given; those that failed are shown first */
export function htmlReport(results: readonly Results[]): string {
  const all = [...results.filter(({ passed }) => !passed), ...results.filter(({ passed }) => passed)];
  const charts = all.map((one, i) => chartsOf(one, i));
  const library = chartLibrary();
  const script = `(${drawCharts.toString()})(window,JSON.parse(document.getElementById('charts').textContent))`;
  const policy = [
    "default-src 'none'",
    "style-src 'unsafe-inline'",
    `script-src ${[library, script].map(hashOf).join(' ')}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  const isOne = all.length === 1;
  const title = isOne ? all[0]!.scenario.name : counted(all.length, 'scenario');
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${policy}" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${all.every(({ passed }) => passed) ? '✓' : '✗'} ${title} – grebe sim</title>
        ${element('style', STYLE)}
      </head>
      <body>
        <a class="skip" href="#main">To the results</a>
        ${HATCHES}
        <header>
          <p class="meta">grebe sim</p>
          <h1>${title}</h1>
          <p>${outcome(all)}</p>
          ${isOne ? null : [failures(all), contents(all)]}
        </header>
        <main id="main">${all.map((one, i) => scenario(one, i, charts[i]!, isOne ? 2 : 3))}</main>
        <footer>
          <p>
            Written by <code>grebe sim run --report</code>. The same scenario and seed give the same page.
            Charts: Chart.js (MIT).
          </p>
        </footer>
        <script type="application/json" id="charts">
          ${scriptJson(charts.flat())}
        </script>
        ${element('script', library)} ${element('script', script)}
      </body>
    </html> `.text;
}

/** With nothing around its text, whose hash the policy has. */
function element(name: 'script' | 'style', text: string): Markup {
  return new Markup(`<${name}>${text}</${name}>`);
}

/** Of a script, as a Content-Security-Policy names it. */
function hashOf(script: string): string {
  return `'sha256-${createHash('sha256').update(script).digest('base64')}'`;
}

function outcome(all: readonly Results[]): Markup {
  const wanted = all.flatMap(({ expectations }) => expectations);
  const broken = wanted.filter(({ passed }) => !passed).length;
  const summary = all.length === 1 ? '' : ` in ${counted(all.length, 'scenario')}`;
  if (wanted.length === 0) return html`Nothing is expected, so nothing can fail.`;
  if (broken === 0) return html`<span class="verdict ok">✓ ${allHold(wanted.length)}</span>${summary}`;
  return html`<span class="verdict failed"
      >✗ ${count(broken)} of ${counted(wanted.length, 'expectation')} failed</span
    >${summary}`;
}

function allHold(number: number): string {
  return number === 1 ? 'the expectation holds' : `all ${count(number)} expectations hold`;
}

/** Of several scenarios: what does not hold, before anything else. */
function failures(all: readonly Results[]): Content {
  const failed = all.flatMap(({ expectations, scenario: { name } }, i) =>
    expectations.filter(({ passed }) => !passed).map((one) => ({ ...one, scenario: name, id: `s${i}` })),
  );
  return table({
    caption: 'What failed',
    rows: failed,
    isBad: () => true,
    stacks: true,
    columns: [
      { head: 'Scenario', as: 'head', cell: ({ scenario, id }) => html`<a href="#${id}">${scenario}</a>` },
      { head: 'Expected', cell: ({ expected }) => expected },
      { head: 'Found', cell: ({ found }) => found },
    ],
  });
}

function contents(all: readonly Results[]): Markup {
  return html`<nav aria-label="Scenarios">
    <ol>
      ${all.map(
        ({ scenario: { name }, passed }, i) =>
          html`<li>
            <a href="#s${i}"
              ><span class="${passed ? 'ok' : 'failed'}" aria-hidden="true">${passed ? '✓' : '✗'}</span>
              ${name}${passed ? null : html` <span class="failed">failed</span>`}</a
            >
          </li>`,
      )}
    </ol>
  </nav>`;
}

/** @param level of the headings of its parts; its own name is one above, and the page's title if it is alone */
function scenario(results: Results, number: number, charts: readonly ChartSpec[], level: 2 | 3): Markup {
  const { scenario, passed, topology, work } = results;
  const id = `s${number}`;
  const start = new Date(scenario.start).toISOString().replace('.000Z', 'Z');
  const titled = (title: string, content: Content): Markup | null =>
    content === null ? null : html`${heading(level, title)} ${content}`;
  return html`<section class="scenario" id="${id}" aria-label="${scenario.name}">
    ${level === 2 ? null : [heading(2, scenario.name), html`<p>${part.verdict(passed)}</p>`]}
    ${scenario.description === '' ? null : html`<p>${scenario.description}</p>`}
    <p class="meta">
      ${time(scenario.duration)} of virtual time from ${start} · seed ${scenario.seed} ·
      ${counted(topology.pops.length, 'PoP')} · ${counted(topology.tunnels.length, 'tunnel')} ·
      ${counted(work.packet_hops, 'packet-hop')} · ${scenario.file}
    </p>
    ${titled('Verdicts', part.expectations(results))} ${heading(level, 'Network', `${id}-network`)}
    ${drawing(results, id)} ${titled('Timeline', part.timeline(results))} ${states(results, id, level)}
    ${titled('Over time', charts.length === 0 ? null : html`<div class="charts">${charts.map((spec) => chart(spec, level + 1))}</div>`)}
    ${titled('Next hops', part.nexthops(results))} ${titled('Traffic', part.traffics(results))}
    ${titled('Drops', part.drops(results))} ${titled('Links', part.links(results))}
    ${titled('Alerts', part.alerts(results))} ${titled('BGP', part.sessions(results))}
    ${titled('Events', part.events(results))}
  </section>`;
}

function heading(level: number, text: string, id: string | null = null): Markup {
  const own = id === null ? null : html` id="${id}"`;
  return html`<h${level}${own}>${text}</h${level}>`;
}

function states(results: Results, id: string, level: number): Content {
  const drawn = strips(results, id);
  if (drawn === null) return null;
  return html`${heading(level, 'Health and states', `${id}-strips`)}
    <p class="note">
      A band is a tunnel, circuit or BGP session, with its state at the end beside it; the height of a colour
      is the share of the PoPs that see it so. Numbers are those of the timeline.
    </p>
    <div class="note keys">
      <span class="key"><i class="s-healthy"></i>healthy, active, established</span>
      <span class="key"><i class="s-degraded"></i>degraded, pending</span>
      <span class="key"><i class="s-down"></i>down, unhealthy, not established</span>
    </div>
    ${drawn}`;
}

/** Without scripts, its sentence is shown instead of the canvas. */
function chart(spec: ChartSpec, level: number): Markup {
  const { id, title, note } = spec;
  return html`<figure aria-labelledby="${id}-title">
    ${heading(level, title, `${id}-title`)}
    <div class="note">${note}</div>
    <div class="canvas">
      <canvas id="${id}" role="img" aria-labelledby="${id}-words"></canvas>
    </div>
    <p class="words" id="${id}-words">${chartInWords(spec)}</p>
    <div class="legend" id="${id}-legend" role="group" aria-label="Curves of ${title}: show or hide"></div>
    <details class="numbers">
      <summary>Numbers</summary>
      <div class="wide" id="${id}-table" tabindex="0" role="region" aria-label="${title}, numbers"></div>
    </details>
  </figure>`;
}
