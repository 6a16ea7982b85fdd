/** The head of the page: which city, its time, how fresh the picture is, finding, control, language. */

import { html, nothing, type TemplateResult } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { apart } from './city';
import type { Ground } from './ground';
import { age, clock, day } from './number';
import { Part } from './part';
import { go } from './place';
import './search';
import { language, say, setLanguage } from './words';

@customElement('cb-top')
export class Top extends Part {
  @property({ attribute: false }) ground: Ground | null = null;

  constructor() {
    super('clock', 'link', 'seen', 'control');
  }

  protected override render(): TemplateResult {
    const { city } = this;
    const speed = Math.round(city.speed);
    return html`<header class="top">
      <div class="brand">
        <svg viewBox="0 0 24 24" width="20" height="20" aria-hidden="true">
          <path d="M12 2v20M2 12h20" stroke="currentColor" stroke-width="2.5" stroke-linecap="round" />
          <circle cx="12" cy="12" r="4.4" fill="var(--panel)" stroke="currentColor" stroke-width="2.5" />
        </svg>
        <h1><span class="product">${say('app.name')}</span> ${city.name || this.ground?.map.name || ''}</h1>
        <span class="label">${say('app.simulated')}</span>
      </div>
      <div class="time" title=${say('app.city_time')}>
        ${
          city.timeMs === null
            ? nothing
            : html`<time class="clock">${clock(city.timeMs, city.zone)}</time>
                <span class="day">${day(city.timeMs, city.zone)}</span>
                ${speed > 1 ? html`<span class="day">${say('app.speed', { n: speed })}</span>` : nothing}`
        }
      </div>
      ${this.state()}
      <span class="gap"></span>
      <cb-search .ground=${this.ground}></cb-search>
      <button class="quiet" data-control @click=${() => go({ view: 'control' })}>${this.mark()}${say('switch.open')}</button>
      <button
        class="quiet"
        data-language
        lang=${language() === 'zh' ? 'en' : 'zh-CN'}
        title=${say('app.language.title')}
        @click=${() => setLanguage(language() === 'zh' ? 'en' : 'zh')}
      >
        ${say('app.language')}
      </button>
    </header>`;
  }

  private mark(): TemplateResult | typeof nothing {
    const off = Object.values(this.city.control).some(apart);
    return off ? html`<span class="is-bad" aria-hidden="true">◆ </span>` : nothing;
  }

  /** How fresh the picture is, by shape and words: a disc lives, a triangle is late, a cross is cut off. */
  private state(): TemplateResult {
    const { city } = this;
    const late = city.stale('sim.vehicle');
    const state = city.link === 'live' && late ? 'stale' : city.link;
    const words =
      state === 'stale' ? say('link.stale', { age: age(city.age('sim.vehicle') ?? 0) }) : say(`link.${state}`);
    const sign = { live: '●', stale: '▲', lost: '✕', connecting: '○' }[state];
    return html`<span class="state ${state === 'live' || state === 'connecting' ? '' : 'is-bad'}" data-state=${state} role="status"
      ><span aria-hidden="true">${sign}</span> ${words}</span
    >`;
  }
}
