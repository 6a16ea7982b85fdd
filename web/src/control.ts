/** The control panel: who controls the city and its districts, and who switched what until when. */

import { html, nothing, type TemplateResult } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import type { Switch } from './city';
import { commandWords, reasonWords, releases, until } from './command';
import type { Ground } from './ground';
import { clock } from './number';
import { Part } from './part';
import { go } from './place';
import './switch';
import { named, say } from './words';

@customElement('cb-control')
export class ControlPanel extends Part {
  @property({ attribute: false }) ground: Ground | null = null;

  constructor() {
    super('control', 'switch');
  }

  protected override render(): TemplateResult {
    const areas = (this.ground?.map.areas ?? []).filter((a) => a.level === 'city' || a.level === 'district');
    const choices = areas.map((a) => ({ id: a.id, name: a.level === 'city' ? say('switch.city') : named(a) }));
    return html`<section class="section" aria-labelledby="control-title">
      <header class="section-head">
        <h2 id="control-title" tabindex="-1">${say('switch.title')}</h2>
        <button class="quiet" data-back @click=${() => go({ view: 'overview' })}><span aria-hidden="true">←</span> ${say('panel.back')}</button>
      </header>
      <ul class="lines counts">
        ${areas.map((a) => {
          const { n, all } = this.count(a.level === 'city' ? null : a.id);
          return html`<li>
            <span>${a.level === 'city' ? say('switch.city') : named(a)}</span>
            <span class=${n < all ? 'is-bad' : ''}>${n < all ? '◆ ' : ''}${say('switch.count', { n, all })}</span>
          </li>`;
        })}
      </ul>
      <cb-switch .choices=${choices} .area=${choices[0]?.id ?? ''} .control=${'brain'}></cb-switch>
      <h3>${say('switch.log')}</h3>
      ${this.log()}
    </section>`;
  }

  private count(district: string | null): { n: number; all: number } {
    const junctions = (this.ground?.map.junctions ?? []).filter((j) => district === null || j.district === district);
    const n = junctions.filter((j) => this.city.control[j.id] === 'brain').length;
    return { n, all: junctions.length };
  }

  private log(): TemplateResult {
    const { switches, zone } = this.city;
    if (!switches.length) return html`<p class="caption">${say('switch.none')}</p>`;
    return html`<ul class="lines">
      ${switches.map(
        (s) => html`<li>
          <time>${clock(s.time, zone)}</time>
          <span>
            ${say('switch.line', { area: this.areaName(s.area), control: commandWords(s) })}${releases(s) ? '' : `, ${until(s, zone)}`}
            <span class="caption">${say('switch.by', { who: s.who, why: s.why })} ${state(s)}</span>
          </span>
        </li>`,
      )}
    </ul>`;
  }

  private areaName(id: string): string {
    const area = this.ground?.map.areas.find((a) => a.id === id);
    if (area) return area.level === 'city' ? say('switch.city') : named(area);
    return this.ground?.map.junctions.find((j) => j.id === id)?.name ?? id;
  }
}

function state(s: Switch): TemplateResult | typeof nothing {
  if (s.accepted === null) return html`(${say('switch.asked')})`;
  return s.accepted ? nothing : html`<span class="is-bad">${say('switch.refused', { why: reasonWords(s.reason) })}</span>`;
}
