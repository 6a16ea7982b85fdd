/** The records behind a vital sign: its past as a chart and as a table, with where they come from. */

import { html, nothing, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { Again } from './again';
import './chart';
import type { SeriesPair } from './chart';
import { against, type Metric, METRICS, metricOf, nameOf, SOURCE, written } from './metric';
import { clock } from './number';
import { Part } from './part';
import { go } from './place';
import { say } from './words';

interface History {
  metric: string;
  bucket_s: number;
  source: 'library' | 'memory';
  live: { time: number[]; value: (number | null)[] };
  shadow: { time: number[]; value: (number | null)[] };
}

const SPANS = [1, 6, 24];
const ROWS = 40;
const AGAIN_MS = 10_000;

@customElement('cb-records')
export class Records extends Part {
  @property() metric = 'mean_delay_s';
  @state() private hours = 6;
  @state() private history: History | null = null;
  @state() private failure = '';
  private asked = '';

  constructor() {
    super();
    new Again(this, () => void this.load(), AGAIN_MS);
  }

  protected override updated(): void {
    const wanted = `${this.metric}/${this.hours}`;
    if (wanted === this.asked) return;
    this.asked = wanted;
    void this.load();
  }

  private async load(): Promise<void> {
    const { metric, hours } = this;
    try {
      const answer = await fetch(`./api/history?metric=${encodeURIComponent(metric)}&hours=${hours}`);
      if (!answer.ok) throw new Error(String(answer.status));
      const history = (await answer.json()) as History;
      if (metric !== this.metric || hours !== this.hours) return;
      this.history = history;
      this.failure = '';
    } catch (error) {
      this.failure = error instanceof Error ? error.message : String(error);
    }
  }

  protected override render(): TemplateResult {
    const metric = metricOf(this.metric) ?? METRICS[0];
    const name = nameOf(metric);
    return html`<section class="section" aria-labelledby="records-title">
      <header class="section-head">
        <h2 id="records-title" tabindex="-1">${say('records.title', { name })}</h2>
        <button class="quiet" data-back @click=${() => go({ view: 'overview' })}><span aria-hidden="true">←</span> ${say('panel.back')}</button>
      </header>
      <p class="caption">${say(`metric.${metric.id}.meaning`)}</p>
      <div class="choices" role="group" aria-label=${say('records.hours')}>
        ${SPANS.map(
          (h) => html`<button aria-pressed=${h === this.hours ? 'true' : 'false'} @click=${() => (this.hours = h)}>
            ${say('records.hours.n', { n: h })}
          </button>`,
        )}
      </div>
      ${this.failure ? html`<p class="problem" role="alert">${say('records.failed', { why: this.failure })}</p>` : nothing}
      ${this.history?.metric === metric.id ? this.body(metric, this.history) : nothing}
    </section>`;
  }

  private body(metric: Metric, history: History): TemplateResult {
    const pair = paired(history, metric.factor);
    const from =
      history.source === 'library'
        ? say('records.from_library', { n: history.bucket_s })
        : say('records.from_memory');
    if (!pair.time.length) return html`<p class="caption">${say('records.none')}</p>`;
    return html`${legend()}
      <cb-chart .series=${pair} .label=${nameOf(metric)} .decimals=${metric.decimals} .high=${200}></cb-chart>
      <p class="caption">
        ${say('vitals.source', { source: SOURCE })}. <span class=${history.source === 'memory' ? 'is-bad' : ''}>${from}</span>
      </p>
      ${this.table(metric, pair)}`;
  }

  private table(metric: Metric, pair: SeriesPair): TemplateResult {
    const rows = pair.time.map((_, i) => i).reverse().slice(0, ROWS);
    const unit = say(metric.unit);
    const head = (text: string): string => (unit ? `${text} (${unit})` : text);
    return html`<table class="records">
      <caption class="hidden">${say('records.table')}</caption>
      <thead>
        <tr>
          <th scope="col">${say('records.time')}</th>
          <th scope="col" class="num">${head(say('records.live'))}</th>
          <th scope="col" class="num">${head(say('records.shadow'))}</th>
          <th scope="col">${say('records.difference')}</th>
        </tr>
      </thead>
      <tbody>
        ${rows.map((i) => {
          const difference = against(metric, pair.live[i], pair.shadow[i]);
          return html`<tr>
            <td>${clock(pair.time[i], this.city.zone)}</td>
            <td class="num">${written(metric, pair.live[i])}</td>
            <td class="num">${written(metric, pair.shadow[i])}</td>
            <td class=${difference.worse ? 'is-bad' : ''}>${difference.words}</td>
          </tr>`;
        })}
      </tbody>
    </table>`;
  }
}

/** Which line is whose. */
export function legend(): TemplateResult {
  return html`<ul class="legend-line">
    <li><span class="key key-live" aria-hidden="true"></span>${say('vitals.living')}</li>
    <li><span class="key key-shadow" aria-hidden="true"></span>${say('vitals.shadow')}</li>
  </ul>`;
}

function paired(history: History, factor: number): SeriesPair {
  return joined(
    history.live.time.map((t, i) => [t, history.live.value[i]]),
    history.shadow.time.map((t, i) => [t, history.shadow.value[i]]),
    factor,
  );
}

type Point = [number, number | null];

/** Two series over the union of their times. */
export function joined(live: readonly Point[], shadow: readonly Point[], factor: number): SeriesPair {
  const scaled = (points: readonly Point[]): Map<number, number | null> =>
    new Map(points.map(([t, v]) => [t, v === null ? null : v * factor]));
  const [a, b] = [scaled(live), scaled(shadow)];
  const time = [...new Set([...a.keys(), ...b.keys()])].sort((x, y) => x - y);
  return { time, live: time.map((t) => a.get(t) ?? null), shadow: time.map((t) => b.get(t) ?? null) };
}
