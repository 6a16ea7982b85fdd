/** The vital signs: one tile each, with unit, age, trend and the shadow's value beside it. */

import { html, nothing, type TemplateResult } from 'lit';
import { customElement } from 'lit/decorators.js';
import type { Score } from './city';
import { against, type Metric, METRICS, nameOf, SOURCE, trend, valueOf, written } from './metric';
import { age } from './number';
import { Part } from './part';
import { go } from './place';
import { spark } from './spark';
import { say } from './words';

const SPARK_POINTS = 90;

@customElement('cb-vitals')
export class Vitals extends Part {
  constructor() {
    super('score', 'seen', 'link');
  }

  protected override render(): TemplateResult {
    const old = this.city.age(SOURCE);
    const stale = this.city.stale(SOURCE);
    return html`<section class="section" aria-labelledby="vitals-title">
      <header class="section-head">
        <h2 id="vitals-title">${say('vitals.title')}</h2>
        <span class="age ${stale ? 'is-stale' : ''}"
          >${old === null ? nothing : stale ? say('age.stale', { age: age(old) }) : say('age.ago', { age: age(old) })}</span
        >
      </header>
      <div class="tiles ${stale ? 'is-old' : ''}">${METRICS.map((m) => this.tile(m))}</div>
      <p class="caption">${say('vitals.source', { source: SOURCE })}. ${say('vitals.target')}</p>
    </section>`;
  }

  private tile(metric: Metric): TemplateResult {
    const { live, shadow } = this.city.scores;
    const value = valueOf(metric, live[live.length - 1]);
    const other = valueOf(metric, shadow[shadow.length - 1]);
    const difference = against(metric, value, other);
    const name = nameOf(metric);
    return html`<button
      class="tile"
      data-metric=${metric.id}
      title=${say('vitals.open', { name })}
      @click=${() => go({ view: 'records', id: metric.id })}
    >
      <span class="tile-name">${name}</span>
      <span class="tile-row">
        <span class="figure">${written(metric, value)}</span>
        <span class="unit">${say(metric.unit)}</span>
        ${this.trend(metric, live)}
        ${spark(column(metric, live), column(metric, shadow))}
      </span>
      <span class="tile-against ${difference.worse ? 'is-bad' : ''}">
        ${difference.worse ? html`<span class="mark" aria-hidden="true">▲</span>` : nothing}
        ${difference.words}${difference.worse ? ` (${say('against.worse')})` : ''}
        ${other === null ? nothing : html`<span class="other">${written(metric, other)}</span>`}
      </span>
    </button>`;
  }

  private trend(metric: Metric, live: readonly Score[]): TemplateResult {
    const t = trend(metric, live);
    const sign = t === 'up' ? '↗' : t === 'down' ? '↘' : '→';
    return html`<span class="trend"><span aria-hidden="true">${sign}</span><span class="hidden">${say(`trend.${t}`)}</span></span>`;
  }
}

function column(metric: Metric, scores: readonly Score[]): (number | null)[] {
  return scores.slice(-SPARK_POINTS).map((s) => valueOf(metric, s));
}
