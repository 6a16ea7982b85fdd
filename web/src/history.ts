/** The one time series of the overview: mean delay of the living city and its shadow. */

import { html, type TemplateResult } from 'lit';
import { customElement } from 'lit/decorators.js';
import './chart';
import { metricOf, type Metric } from './metric';
import { Part } from './part';
import { go } from './place';
import { joined, legend } from './records';
import { say } from './words';

const METRIC = metricOf('mean_delay_s') as Metric;

@customElement('cb-history')
export class DelayHistory extends Part {
  constructor() {
    super('score');
  }

  protected override render(): TemplateResult {
    const { live, shadow } = this.city.scores;
    const pair = joined(
      live.map((s) => [s.time, s[METRIC.id]]),
      shadow.map((s) => [s.time, s[METRIC.id]]),
      METRIC.factor,
    );
    const title = `${say('vitals.chart')} (${say(METRIC.unit)})`;
    return html`<section class="section" aria-labelledby="chart-title">
      <header class="section-head">
        <h2 id="chart-title">${title}</h2>
        <button class="quiet" data-report @click=${() => go({ view: 'report' })}>${say('report.open')}</button>
      </header>
      <cb-chart .series=${pair} .label=${title} .decimals=${METRIC.decimals} .high=${132}></cb-chart>
      ${legend()}
    </section>`;
  }
}
