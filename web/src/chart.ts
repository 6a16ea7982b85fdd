/** One time series: the living city against its shadow, drawn with uPlot. */

import { html, type TemplateResult } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { minute, number } from './number';
import { onScheme } from './palette';
import { Part } from './part';

/** Steps between labels of the time axis, seconds: never below what the labels show. */
const STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440].map((minutes) => minutes * 60);

/** So few points are marked, as a single one makes no line. */
const FEW = 12;

/** Times in milliseconds (ascending), values of the living city and of the shadow. */
export interface SeriesPair {
  time: number[];
  live: (number | null)[];
  shadow: (number | null)[];
}

@customElement('cb-chart')
export class Chart extends Part {
  @property({ attribute: false }) series: SeriesPair = { time: [], live: [], shadow: [] };
  @property({ attribute: false }) label = '';
  @property({ type: Number }) decimals = 0;
  @property({ type: Number }) high = 150;
  private plot: uPlot | null = null;
  private sizes: ResizeObserver | null = null;
  private endScheme: (() => void) | null = null;

  override connectedCallback(): void {
    super.connectedCallback();
    this.endScheme = onScheme(() => this.rebuild());
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.endScheme?.();
    this.sizes?.disconnect();
    this.plot?.destroy();
    this.plot = null;
  }

  protected override render(): TemplateResult {
    return html`<div class="chart" role="img" aria-label=${this.label}></div>`;
  }

  protected override updated(): void {
    if (!this.plot) this.build();
    else this.plot.setData(this.data());
  }

  private data(): uPlot.AlignedData {
    const { time, live, shadow } = this.series;
    return [time.map((t) => t / 1000), live, shadow] as uPlot.AlignedData;
  }

  private rebuild(): void {
    this.plot?.destroy();
    this.plot = null;
    this.requestUpdate();
  }

  private build(): void {
    const box = this.querySelector<HTMLElement>('.chart');
    if (!box || !box.clientWidth) return;
    this.plot = new uPlot(this.options(box), this.data(), box);
    this.sizes?.disconnect();
    this.sizes = new ResizeObserver(() => this.plot?.setSize({ width: box.clientWidth, height: this.high }));
    this.sizes.observe(box);
  }

  private options(box: HTMLElement): uPlot.Options {
    const css = getComputedStyle(this);
    const colour = (name: string): string => css.getPropertyValue(name).trim();
    const font = `11px ${css.fontFamily}`;
    const points = { show: (plot: uPlot) => plot.data[0].length <= FEW, size: 5 };
    const axis = { stroke: colour('--text-3'), font, ticks: { show: false }, grid: { stroke: colour('--line'), width: 1 } };
    return {
      width: box.clientWidth,
      height: this.high,
      legend: { show: false },
      cursor: { y: false, drag: { setScale: false } },
      padding: [8, 14, 0, 0],
      scales: { x: { time: true }, y: { range: (_, low, top) => range(low, top) } },
      axes: [
        { ...axis, size: 26, space: 64, incrs: STEPS_S, grid: { show: false }, values: (_, ticks) => ticks.map((t) => minute(t * 1000, this.city.zone)) },
        { ...axis, size: 40, space: 32, values: (_, ticks) => ticks.map((v) => number(v, v % 1 ? Math.max(1, this.decimals) : 0)) },
      ],
      series: [
        {},
        { stroke: colour('--text'), width: 1.75, points: { ...points, fill: colour('--text') } },
        { stroke: colour('--text-3'), width: 1.25, dash: [4, 3], points: { ...points, fill: colour('--text-3') } },
      ],
    };
  }
}

function range(low: number | null, top: number | null): [number, number] {
  if (low === null || top === null) return [0, 1];
  const margin = (top - low) * 0.12 || Math.abs(top) * 0.1 || 1;
  return [Math.max(0, low - margin), top + margin];
}
