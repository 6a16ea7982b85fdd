/** The ticker: what happened in the city and to the processes that run it. */

import { html, nothing, type TemplateResult } from 'lit';
import { customElement } from 'lit/decorators.js';
import type { Happening } from './city';
import { clock, minute } from './number';
import { Part } from './part';
import { say, sayOf } from './words';

const SHOWN = 8;

@customElement('cb-ticker')
export class Ticker extends Part {
  constructor() {
    super('happening', 'clock');
  }

  protected override render(): TemplateResult {
    const shown = this.city.happenings.slice(0, SHOWN);
    return html`<section class="section" aria-labelledby="events-title">
      <header class="section-head"><h2 id="events-title">${say('events.title')}</h2></header>
      ${
        shown.length
          ? html`<ul class="lines">${shown.map((h) => this.line(h))}</ul>`
          : html`<p class="caption">${say('events.none')}</p>`
      }
    </section>`;
  }

  private line(h: Happening): TemplateResult {
    const { zone, timeMs } = this.city;
    const process = h.kind === 'process';
    const bad = h.state === 'died' || (h.kind === 'breakdown' && h.until !== null && h.until > (timeMs ?? 0));
    const what = process
      ? `${say('event.process', { name: h.subject })} ${sayOf('process', h.state)}`
      : sayOf('event', h.kind);
    return html`<li>
      <time>${clock(h.time, zone)}</time>
      <span class=${bad ? 'is-bad' : ''}>
        ${bad ? html`<span aria-hidden="true">▲ </span>` : nothing}${what}
        ${h.until === null ? nothing : html`<span class="caption">${say('switch.until.time', { time: minute(h.until, zone) })}</span>`}
        ${h.detail ? html`<span class="caption">${h.detail}</span>` : nothing}
      </span>
    </li>`;
  }
}
