/** Purdue coordination diagram: each arrival at the stop line over the time of day (across) and the second of its
 * cycle (up), between the begin of green and the begin of red (Day et al., Purdue University, 2010). */

import { html, type TemplateResult } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { minute, number } from './number';
import { onScheme } from './palette';
import { Part } from './part';

export interface Cycle {
  /** Red begins, green begins, green ends, red begins again: city time in milliseconds. */
  begin: number;
  green: number;
  yellow: number;
  time: number;
  /** Arrivals, seconds after the begin. */
  offsets_s: number[];
  split_failed: boolean | null;
}

const LEFT = 36;
const BELOW = 22;
const ABOVE = 8;
const RIGHT = 10;
/** Seconds between the lines of the grid. */
const GRID_S = 30;
/** Between labels of time: the first of these minutes that leaves them room. */
const STEPS_MIN = [5, 10, 15, 30, 60, 120, 240];
const LABEL_PX = 64;
/** A gap between cycles longer than this breaks the lines. */
const GAP_MS = 240_000;

@customElement('cb-coordination')
export class Coordination extends Part {
  @property({ attribute: false }) cycles: readonly Cycle[] = [];
  @property({ type: Number }) begin = 0;
  @property({ type: Number }) end = 1;
  @property() label = '';
  @property({ type: Number }) high = 260;
  private sizes: ResizeObserver | null = null;
  private endScheme: (() => void) | null = null;

  override connectedCallback(): void {
    super.connectedCallback();
    this.sizes = new ResizeObserver(() => this.draw());
    this.sizes.observe(this);
    this.endScheme = onScheme(() => this.draw());
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.sizes?.disconnect();
    this.endScheme?.();
  }

  protected override render(): TemplateResult {
    return html`<canvas class="coordination" role="img" aria-label=${this.label} height=${this.high}></canvas>`;
  }

  protected override updated(): void {
    this.draw();
  }

  private draw(): void {
    const canvas = this.querySelector('canvas');
    const pen = canvas?.getContext('2d');
    const width = this.clientWidth;
    if (!canvas || !pen || !width) return;
    const ratio = Math.min(2, devicePixelRatio);
    canvas.width = width * ratio;
    canvas.height = this.high * ratio;
    canvas.style.height = `${this.high}px`;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, this.high);
    const top = Math.max(GRID_S, ...this.cycles.map((c) => (c.time - c.begin) / 1000));
    const plane = new Plane(pen, this, width, this.high, this.begin, this.end, top, this.city.zone);
    plane.grid();
    plane.line(this.cycles, (c) => c.green, '--green', 1.5);
    plane.line(this.cycles, (c) => c.yellow, '--amber', 1.5);
    plane.line(this.cycles, (c) => c.time, '--red', 1.5);
    plane.points(this.cycles);
  }
}

/** The plane of the diagram: from city time and seconds of a cycle to pixels. */
class Plane {
  private readonly css: CSSStyleDeclaration;

  constructor(
    private readonly pen: CanvasRenderingContext2D,
    host: Element,
    private readonly width: number,
    private readonly high: number,
    private readonly begin: number,
    private readonly end: number,
    private readonly top: number,
    private readonly zone: string,
  ) {
    this.css = getComputedStyle(host);
    pen.font = `11px ${this.css.fontFamily}`;
  }

  grid(): void {
    const { pen } = this;
    pen.fillStyle = this.colour('--text-3');
    pen.strokeStyle = this.colour('--line');
    pen.lineWidth = 1;
    pen.textAlign = 'right';
    const step = GRID_S * Math.ceil(this.top / GRID_S / 6);
    for (let s = 0; s <= this.top; s += step) {
      this.stroke([[LEFT, this.y(s)], [this.width - RIGHT, this.y(s)]]);
      pen.fillText(number(s), LEFT - 6, this.y(s) + 4);
    }
    const room = (this.end - this.begin) / 60_000 / Math.max(1, (this.width - LEFT - RIGHT) / LABEL_PX);
    const every = (STEPS_MIN.find((m) => m >= room) ?? 240) * 60_000;
    for (let t = Math.ceil(this.begin / every) * every; t <= this.end; t += every) {
      pen.textAlign = this.x(t) > this.width - LABEL_PX / 2 ? 'right' : 'center';
      pen.fillText(minute(t, this.zone), Math.min(this.x(t), this.width), this.high - 6);
    }
  }

  /** When, in each cycle, the lamps change. */
  line(cycles: readonly Cycle[], when: (c: Cycle) => number, colour: string, wide: number): void {
    const { pen } = this;
    pen.strokeStyle = this.colour(colour);
    pen.lineWidth = wide;
    pen.beginPath();
    let before = -Infinity;
    for (const c of cycles) {
      const y = this.y((when(c) - c.begin) / 1000);
      if (c.begin - before > GAP_MS) pen.moveTo(this.x(c.begin), y);
      else pen.lineTo(this.x(c.begin), y);
      pen.lineTo(this.x(c.time), y);
      before = c.time;
    }
    pen.stroke();
  }

  points(cycles: readonly Cycle[]): void {
    const { pen } = this;
    pen.fillStyle = this.colour('--text');
    for (const c of cycles) {
      for (const s of c.offsets_s) {
        pen.beginPath();
        pen.arc(this.x(c.begin + s * 1000), this.y(s), 1.4, 0, 2 * Math.PI);
        pen.fill();
      }
    }
  }

  private stroke(line: [number, number][]): void {
    this.pen.beginPath();
    line.forEach(([x, y], i) => (i ? this.pen.lineTo(x, y) : this.pen.moveTo(x, y)));
    this.pen.stroke();
  }

  private x(time: number): number {
    return LEFT + ((time - this.begin) / (this.end - this.begin)) * (this.width - LEFT - RIGHT);
  }

  private y(seconds: number): number {
    return this.high - BELOW - (seconds / this.top) * (this.high - BELOW - ABOVE);
  }

  private colour(name: string): string {
    return this.css.getPropertyValue(name).trim();
  }
}
