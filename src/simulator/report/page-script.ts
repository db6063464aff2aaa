/**
 * What the page does in a browser: it draws the charts out of their data, and shows that data as tables. `drawCharts`
 * is put into the page as text (Function.prototype.toString), so it uses nothing from outside of itself but the
 * browser and Chart.js.
 */
import type { Browser, Chart, Element, Paper, Tip } from './browser.js';
import type { ChartSpec } from './charts.js';

/** @param specs of all charts of the page; each has its canvas (`id`), a place for its legend and one for its table */
export function drawCharts(browser: Browser, specs: readonly ChartSpec[]): void {
  const { document } = browser;
  const drawn = new Map<string, Chart>();
  const hidden = new Map<string, Set<number>>();
  const byId = new Map(specs.map((spec) => [spec.id, spec]));
  /** So many are drawn before the page is called loaded: what takes a picture of it then has them all. */
  const AT_ONCE = 12;
  /** Curves are told apart by colour and dashes, bars by colour and hatching (degrees; null: none). */
  const DASHES = [[], [9, 3], [2, 2], [9, 3, 2, 3], [16, 4], [5, 5], [16, 3, 2, 3, 2, 3], [3, 7]];
  const HATCHES = [null, 45, 135, 0, 90];
  const dashOf = (curve: number): readonly number[] => DASHES[curve % DASHES.length] ?? [];
  const hatchOf = (curve: number): number | null => HATCHES[curve % HATCHES.length] ?? null;
  const color = (name: string): string =>
    browser.getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const nameOf = (number: number): string => (number < 0 ? '--series-rest' : `--series-${number}`);

  const short = (value: number): string => {
    const unit = [1e9, 1e6, 1e3].find((size) => Math.abs(value) >= size);
    if (unit === undefined) return `${Number(value.toPrecision(3))} `;
    return `${Number((value / unit).toPrecision(3))} ${unit === 1e9 ? 'G' : unit === 1e6 ? 'M' : 'k'}`;
  };
  const say = ({ unit }: ChartSpec, value: number): string =>
    unit === 'bits' ? `${short(value)}bit/s` : short(value).trim();
  const seconds = (value: number): string => {
    const [whole = '', part] = String(Number(value.toFixed(3))).split('.');
    return whole.replace(/\B(?=(\d{3})+$)/g, ',') + (part === undefined ? '' : `.${part}`);
  };

  const hatched = (curve: number, fill: string): unknown => {
    const angle = hatchOf(curve);
    if (angle === null) return fill;
    const tile = document.createElement('canvas');
    const paper = tile.getContext?.('2d') ?? null;
    if (paper === null) return fill;
    tile.width = tile.height = 8;
    paper.fillStyle = fill;
    paper.fillRect(0, 0, 8, 8);
    paper.strokeStyle = color('--surface');
    paper.lineWidth = 1.5;
    paper.beginPath();
    for (const shift of [-8, 0, 8]) {
      const [fromX, fromY, toX, toY] =
        angle === 0
          ? [0, 4, 8, 4]
          : angle === 90
            ? [4, 0, 4, 8]
            : angle === 45
              ? [shift, 8, shift + 8, 0]
              : [shift, 0, shift + 8, 8];
      paper.moveTo(fromX, fromY);
      paper.lineTo(toX, toY);
    }
    paper.stroke();
    return paper.createPattern(tile, 'repeat');
  };

  const drawMarks = (spec: ChartSpec, { ctx, chartArea: area, scales: { x } }: Chart): void => {
    const paper: Paper = ctx;
    paper.save();
    paper.strokeStyle = color('--ink-3');
    paper.fillStyle = color('--ink-2');
    paper.font = '11px system-ui, sans-serif';
    paper.textAlign = 'center';
    paper.lineWidth = 1;
    paper.setLineDash([3, 3]);
    let last = -Infinity;
    spec.marks.forEach((at, i) => {
      const left = x.getPixelForValue(at);
      paper.beginPath();
      paper.moveTo(left, area.top);
      paper.lineTo(left, area.bottom);
      paper.stroke();
      if (left - last >= 14) {
        paper.fillText(String(i + 1), left, area.top - 5);
        last = left;
      }
    });
    paper.restore();
  };

  const draw = (spec: ChartSpec): void => {
    const canvas = document.getElementById(spec.id);
    if (canvas === null) return;
    drawn.get(spec.id)?.destroy();
    const isBars = spec.shape === 'bars';
    const axis = { color: color('--ink-2'), font: { size: 11 } };
    const datasets = spec.curves.map(({ label, color: number, values }, i) => ({
      label,
      data: values.map((y, bin) => ({ x: Math.min((bin + 0.5) * spec.width, spec.duration), y })),
      borderColor: color(nameOf(number)),
      backgroundColor: isBars ? hatched(i, color(nameOf(number))) : color(nameOf(number)),
      borderWidth: isBars ? 0 : 2,
      borderDash: isBars ? [] : dashOf(i),
      pointRadius: 0,
      pointHitRadius: 8,
      barPercentage: 1,
      categoryPercentage: 1,
      hidden: hidden.get(spec.id)?.has(i) ?? false,
    }));
    const chart = new browser.Chart(canvas, {
      type: isBars ? 'bar' : 'line',
      data: { datasets },
      plugins: [
        {
          id: 'marks',
          afterDatasetsDraw(chart: Chart) {
            drawMarks(spec, chart);
          },
        },
      ],
      options: {
        animation: false,
        maintainAspectRatio: false,
        parsing: false,
        layout: { padding: { top: 14 } },
        interaction: { mode: 'index', intersect: false },
        scales: {
          x: {
            type: 'linear',
            min: 0,
            max: spec.duration,
            stacked: isBars,
            offset: false,
            grid: { display: false },
            border: { color: color('--ink-3') },
            title: { display: true, text: 'virtual time', ...axis },
            ticks: {
              ...{ ...axis, maxRotation: 0, stepSize: spec.step },
              callback: (value: number) => `${seconds(value)} s`,
            },
          },
          y: {
            beginAtZero: true,
            stacked: isBars,
            grid: { color: color('--grid') },
            border: { display: false },
            ticks: {
              ...{ ...axis, maxTicksLimit: 6 },
              ...(spec.unit === 'packets' ? { precision: 0 } : {}),
              callback: (value: number) => say(spec, value),
            },
          },
        },
        plugins: {
          legend: { display: false },
          tooltip: {
            backgroundColor: color('--tip'),
            titleColor: color('--tip-ink'),
            bodyColor: color('--tip-ink'),
            callbacks: {
              title: (tips: readonly Tip[]) => `${seconds(tips[0]?.parsed.x ?? 0)} s`,
              label: ({ dataset, parsed }: Tip) => ` ${dataset.label}: ${say(spec, parsed.y)}`,
            },
          },
        },
      },
    });
    drawn.set(spec.id, chart);
  };

  /** A piece of the curve or bar as it is drawn, by CSS. */
  const sampleOf = (spec: ChartSpec, number: number, i: number): string => {
    const own = `var(${nameOf(number)})`;
    if (spec.shape === 'bars') {
      const angle = hatchOf(i);
      if (angle === null) return own;
      return `repeating-linear-gradient(${180 - angle}deg,${own} 0 4px,var(--surface) 4px 5.5px)`;
    }
    let at = 0;
    const stops = dashOf(i).map((length, part) => {
      const stop = `${part % 2 === 0 ? own : 'transparent'} ${at}px ${at + length}px`;
      at += length;
      return stop;
    });
    return stops.length === 0 ? own : `repeating-linear-gradient(90deg,${stops.join(',')})`;
  };

  const make = (name: string, text: string | null, ...children: readonly Element[]): Element => {
    const element = document.createElement(name);
    if (text !== null) element.textContent = text;
    element.append(...children);
    return element;
  };

  const addLegend = (spec: ChartSpec): void => {
    const list = document.getElementById(`${spec.id}-legend`);
    spec.curves.forEach(({ label, color: number }, i) => {
      const sample = make('span', null);
      sample.className = spec.shape === 'bars' ? 'sample' : 'sample line';
      sample.style.setProperty('background', sampleOf(spec, number, i));
      const button = make('button', null, sample, make('span', label));
      button.type = 'button';
      button.setAttribute('aria-pressed', 'true');
      button.addEventListener('click', () => {
        const set = hidden.get(spec.id) ?? new Set<number>();
        hidden.set(spec.id, set);
        const isVisible = set.delete(i);
        if (!isVisible) set.add(i);
        button.setAttribute('aria-pressed', String(isVisible));
        drawn.get(spec.id)?.setDatasetVisibility(i, isVisible);
        drawn.get(spec.id)?.update();
      });
      list?.append(button);
    });
  };

  const tableOf = (spec: ChartSpec): Element => {
    const cell = (name: string, text: string, scope: string | null): Element => {
      const element = make(name, text);
      element.className = 'n';
      if (scope !== null) element.setAttribute('scope', scope);
      return element;
    };
    const heads = ['From', ...spec.curves.map(({ label }) => label)];
    const bins = spec.curves[0]?.values.length ?? 0;
    const rows = Array.from({ length: bins }, (_, bin) =>
      make(
        'tr',
        null,
        cell('th', `${seconds(bin * spec.width)} s`, 'row'),
        ...spec.curves.map(({ values }) => cell('td', say(spec, values[bin] ?? 0), null)),
      ),
    );
    return make(
      'table',
      null,
      make('caption', `${spec.title}: ${spec.note}, in steps of ${seconds(spec.width)} s`),
      make('thead', null, make('tr', null, ...heads.map((head) => cell('th', head, 'col')))),
      make('tbody', null, ...rows),
    );
  };

  const addTable = (spec: ChartSpec): void => {
    const place = document.getElementById(`${spec.id}-table`);
    let isMade = false;
    place?.parentElement?.addEventListener('toggle', () => {
      if (!isMade) place.append(tableOf(spec));
      isMade = true;
    });
  };

  document.documentElement.className = 'scripted';
  for (const spec of specs) {
    addLegend(spec);
    addTable(spec);
  }
  for (const spec of specs.slice(0, AT_ONCE)) draw(spec);
  // The others follow one by one, so that the page answers meanwhile.
  const waiting = specs.slice(AT_ONCE);
  const next = (): void => {
    const spec = waiting.shift();
    if (spec === undefined) return;
    if (!drawn.has(spec.id)) draw(spec);
    browser.setTimeout(next, 0);
  };
  browser.setTimeout(next, 0);

  const again = (): void => {
    for (const id of drawn.keys()) draw(byId.get(id)!);
  };
  browser.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', again);
  // On paper all of them are to be seen, dark on white, and as wide as the paper lets them be.
  browser.addEventListener('beforeprint', () => {
    document.documentElement.className = 'scripted print';
    for (const spec of specs) {
      draw(spec);
      drawn.get(spec.id)?.resize(330, 200);
    }
  });
  browser.addEventListener('afterprint', () => {
    document.documentElement.className = 'scripted';
    again();
  });
}
