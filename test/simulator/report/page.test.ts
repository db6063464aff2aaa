/** The page's script: against a browser of a few lines, and in Chromium where that is installed. */
import { execFile, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import type { Browser, Chart, Element } from '../../../src/simulator/report/browser.js';
import type { ChartSpec } from '../../../src/simulator/report/charts.js';
import { chartsOf, MOST_CURVES } from '../../../src/simulator/report/charts.js';
import { htmlReport } from '../../../src/simulator/report/html.js';
import { drawCharts } from '../../../src/simulator/report/page-script.js';
import type { Results } from '../../../src/simulator/run/results.js';
import { runScenario } from '../../../src/simulator/run/run.js';
import { loadScenario } from '../../../src/simulator/scenario/load.js';
import { root } from '../../house/tree.js';

class FakeElement implements Element {
  type = '';
  className = '';
  textContent: string | null = null;
  width = 0;
  height = 0;
  parentElement: FakeElement | null = null;
  readonly children: FakeElement[] = [];
  readonly attributes = new Map<string, string>();
  readonly styles = new Map<string, string>();
  readonly listeners = new Map<string, () => void>();
  readonly style = {
    setProperty: (name: string, value: string): void => {
      this.styles.set(name, value);
    },
  };

  append(...children: readonly Element[]): void {
    for (const child of children) if (child instanceof FakeElement) this.children.push(child);
  }

  setAttribute(name: string, value: string): void {
    this.attributes.set(name, value);
  }

  addEventListener(type: string, listener: () => void): void {
    this.listeners.set(type, listener);
  }
}

interface Drawn {
  readonly canvas: Element;
  readonly config: { readonly data: { readonly datasets: readonly { readonly data: readonly unknown[] }[] } };
}

/** What a page with these charts has, and what the script drew on it. */
function page(specs: readonly ChartSpec[]): {
  readonly elements: Map<string, FakeElement>;
  readonly drawn: Drawn[];
  readonly hidden: [number, boolean][];
  readonly listeners: Map<string, () => void>;
  /** Lets what waits run, a step. */
  readonly step: () => void;
} {
  const elements = new Map<string, FakeElement>();
  for (const { id } of specs) {
    for (const name of [id, `${id}-legend`, `${id}-table`]) elements.set(name, new FakeElement());
    elements.get(`${id}-table`)!.parentElement = new FakeElement();
  }
  const drawn: Drawn[] = [];
  const hidden: [number, boolean][] = [];
  const listeners = new Map<string, () => void>();
  const waiting: (() => void)[] = [];
  class FakeChart {
    constructor(
      readonly canvas: Element,
      readonly config: Drawn['config'],
    ) {
      drawn.push(this);
    }
    setDatasetVisibility(index: number, isVisible: boolean): void {
      hidden.push([index, isVisible]);
    }
    update(): void {
      // What is shown is told by `hidden`.
    }
    resize(): void {
      // There is no size here.
    }
    destroy(): void {
      // Nothing to give back.
    }
  }
  const browser: Browser = {
    document: {
      documentElement: new FakeElement(),
      getElementById: (id) => elements.get(id) ?? null,
      createElement: () => new FakeElement(),
    },
    Chart: FakeChart as unknown as new (canvas: Element, config: unknown) => Chart,
    matchMedia: () => ({
      addEventListener: (_, f) => {
        listeners.set('scheme', f);
      },
    }),
    getComputedStyle: () => ({ getPropertyValue: (name) => ` ${name}` }),
    addEventListener: (type, f) => {
      listeners.set(type, f);
    },
    setTimeout: (f) => {
      waiting.push(f);
    },
  };
  drawCharts(browser, specs);
  const step = (): void => {
    for (const f of waiting.splice(0)) f();
  };
  return { elements, drawn, hidden, listeners, step };
}

function spec(id: string, curves = 2): ChartSpec {
  return {
    ...{
      id,
      title: 'A chart',
      note: 'bit/s',
      shape: 'line',
      unit: 'bits',
      width: 0.5,
      duration: 1,
      step: 0.1,
    },
    curves: Array.from({ length: curves }, (_, i) => ({ label: `curve ${i}`, color: i, values: [0, 1500] })),
    marks: [0.2],
  };
}

t.test('all charts are drawn: the first before the page is loaded, the others after', (t) => {
  const specs = Array.from({ length: 20 }, (_, i) => spec(`c${i}`));
  const { drawn, step, listeners, elements } = page(specs);
  t.equal(drawn.length, 12);
  for (let i = 0; i < 20; i++) step();
  t.equal(drawn.length, 20);
  t.same(
    drawn.map(({ canvas }) => canvas),
    specs.map(({ id }) => elements.get(id)),
  );
  t.same(drawn[0]!.config.data.datasets[0]!.data, [
    { x: 0.25, y: 0 },
    { x: 0.75, y: 1500 },
  ]);
  listeners.get('scheme')!();
  t.equal(drawn.length, 40, 'again in other colours');
  t.end();
});

t.test('a legend that is no matter of colour alone, and hides curves', (t) => {
  const { elements, hidden } = page([spec('c', 3)]);
  const buttons = elements.get('c-legend')!.children;
  t.equal(buttons.length, 3);
  const samples = buttons.map(({ children }) => children[0]!.styles.get('background') ?? '');
  const shapes = samples.map((style) => style.replace(/--series-\d/g, ''));
  t.equal(new Set(shapes).size, 3, 'each has its own dashes');
  const [first] = buttons;
  t.equal(first!.attributes.get('aria-pressed'), 'true');
  first!.listeners.get('click')!();
  t.equal(first!.attributes.get('aria-pressed'), 'false');
  first!.listeners.get('click')!();
  t.same(hidden, [
    [0, false],
    [0, true],
  ]);
  t.end();
});

t.test('the numbers of a chart, once somebody opens them', (t) => {
  const { elements } = page([spec('c', 1)]);
  const place = elements.get('c-table')!;
  t.same(place.children, []);
  const open = place.parentElement!.listeners.get('toggle')!;
  open();
  open();
  t.equal(place.children.length, 1);
  const texts = ({ textContent, children }: FakeElement): string[] => [
    ...(textContent === null ? [] : [textContent]),
    ...children.flatMap(texts),
  ];
  t.same(texts(place.children[0]!), [
    'A chart: bit/s, in steps of 0.5 s',
    ...['From', 'curve 0'],
    ...['0 s', '0 bit/s', '0.5 s', '1.5 kbit/s'],
  ]);
  t.end();
});

async function results(): Promise<Results> {
  const file = 'scenarios/isp-failure.yaml';
  return runScenario(loadScenario(join(root, file)), { file, until: 40e9 });
}

t.test('of many curves those that move most, and the mean of the others', async (t) => {
  const one = await results();
  const [first] = one.nexthops;
  const { count } = one.series;
  const of = (name: string, values: readonly number[]): Results['nexthops'][number] => {
    const bytes = values.reduce((a, b) => a + b, 0);
    return { ...first!, name, to_customer: { ...first!.to_customer, bytes, bytes_series: values } };
  };
  const flat = Array.from({ length: 20 }, (_, i) =>
    of(
      `flat${i}`,
      Array.from({ length: count }, () => 100),
    ),
  );
  const failing = of(
    'failing',
    Array.from({ length: count }, (_, i) => (i < 10 ? 100 : 0)),
  );
  const [chart] = chartsOf({ ...one, nexthops: [...flat, failing] }, 0);
  t.equal(chart!.curves.length, MOST_CURVES);
  const labels = chart!.curves.map(({ label }) => label);
  t.ok(labels.includes('failing'));
  t.equal(labels.at(-1), 'mean of 14 others');
  t.equal(chart!.curves.at(-1)!.values[0], (100 * 8) / one.series.width);
  t.end();
});

const CHROMIUM = ['chromium', 'chromium-browser', 'google-chrome'].find(
  (name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0,
);

t.test('in Chromium', { skip: CHROMIUM === undefined ? 'there is no Chromium here' : false }, async (t) => {
  const one = await results();
  const dir = t.testdir({});
  const file = join(dir, 'page.html');
  writeFileSync(file, htmlReport([one]));
  const { stdout } = await promisify(execFile)(
    CHROMIUM!,
    [
      ...['--headless', '--no-sandbox', '--disable-gpu', `--user-data-dir=${join(dir, 'profile')}`],
      ...['--window-size=1280,900', '--dump-dom', `file://${file}`],
    ],
    { maxBuffer: 1e8, timeout: 60_000 },
  );
  const dom = stdout.replace(/<script[^]*?<\/script>/g, '');
  const charts = chartsOf(one, 0);
  t.ok(charts.length > 2);
  for (const { id, curves } of charts) {
    const [canvas] = new RegExp(`<canvas [^>]*id="${id}"[^>]*>`).exec(dom) ?? [''];
    t.match(canvas, /\bwidth="[1-9]\d\d+"/, `${id} is drawn, far below what is seen first`);
    const legend = dom.slice(dom.indexOf(`id="${id}-legend"`)).split('</div>')[0]!;
    t.equal(legend.match(/<button/g)?.length, curves.length);
  }
});
