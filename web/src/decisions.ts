/** The last decisions of the brain at a junction: when, which stage, why, and for how long it stood. */

import { html, nothing, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import type { Decision } from './city';
import { age, clock } from './number';
import { Part } from './part';
import { type Reasons, waitsWords, whyWords } from './why';
import { say } from './words';

const FEW = 5;

@customElement('cb-decisions')
export class Decisions extends Part {
  @property({ attribute: false }) junction: Reasons = { movements: [], max_red_s: 0 };
  /** Newest first. */
  @property({ attribute: false }) decisions: readonly Decision[] = [];
  @state() private all = false;

  protected override render(): TemplateResult {
    const { decisions } = this;
    if (!decisions.length) return html`<p class="caption">${say('decisions.none')}</p>`;
    return html`<ol class="lines decisions">
        ${decisions.slice(0, this.all ? decisions.length : FEW).map((d) => this.line(d))}
      </ol>
      ${
        decisions.length > FEW
          ? html`<button class="quiet" aria-expanded=${this.all ? 'true' : 'false'} @click=${() => (this.all = !this.all)}>
              ${say(this.all ? 'decisions.fewer' : 'decisions.all', { n: decisions.length })}
            </button>`
          : nothing
      }`;
  }

  private line(d: Decision): TemplateResult {
    const held = age((d.last - d.time) / 1000 + 1);
    const waits = waitsWords(this.junction, d);
    return html`<li data-decision=${d.why}>
      <time>${clock(d.time, this.city.zone)}</time>
      <span>
        <b>${say('junction.stage', { n: d.stage + 1 })}</b>, ${say('decisions.held', { age: held })}
        <span class="caption">${whyWords(this.junction, d)} ${waits}</span>
      </span>
    </li>`;
  }
}
