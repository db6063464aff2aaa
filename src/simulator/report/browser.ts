/** As much of a browser, and of Chart.js, as the script of the page uses. */

export interface Browser {
  readonly document: {
    readonly documentElement: Element;
    getElementById(id: string): Element | null;
    createElement(name: string): Element;
  };
  readonly Chart: new (canvas: Element, config: unknown) => Chart;
  matchMedia(query: string): { addEventListener(type: string, f: () => void): void };
  getComputedStyle(element: Element): { getPropertyValue(name: string): string };
  addEventListener(type: string, listener: () => void): void;
  setTimeout(f: () => void, ms: number): void;
}

export interface Element {
  type: string;
  className: string;
  textContent: string | null;
  readonly parentElement: Element | null;
  readonly style: { setProperty(name: string, value: string): void };
  append(...children: readonly Element[]): void;
  setAttribute(name: string, value: string): void;
  addEventListener(type: string, listener: () => void): void;
  /** Of a canvas. */
  width: number;
  height: number;
  readonly getContext?: (kind: '2d') => Paper | null;
}

/** What is drawn on. */
export interface Paper {
  save(): void;
  restore(): void;
  beginPath(): void;
  moveTo(x: number, y: number): void;
  lineTo(x: number, y: number): void;
  stroke(): void;
  fillRect(x: number, y: number, width: number, height: number): void;
  fillText(text: string, x: number, y: number): void;
  setLineDash(dash: readonly number[]): void;
  createPattern(tile: Element, repeat: 'repeat'): unknown;
  strokeStyle: string;
  fillStyle: string;
  font: string;
  textAlign: string;
  lineWidth: number;
}

export interface Chart {
  readonly chartArea: Record<'left' | 'right' | 'top' | 'bottom', number>;
  readonly ctx: Paper;
  readonly scales: { readonly x: { getPixelForValue(value: number): number } };
  setDatasetVisibility(index: number, isVisible: boolean): void;
  update(): void;
  resize(width: number, height: number): void;
  destroy(): void;
}

export interface Tip {
  readonly parsed: { readonly x: number; readonly y: number };
  readonly dataset: { readonly label: string };
}
