/** The switch of the brain: who gives an area to whom, why, and until when. */

import { html, nothing, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import type { Control, Switch } from './city';
import { reason } from './junction';
import { minute } from './number';
import { Part } from './part';
import { say } from './words';

export interface AreaChoice {
  id: string;
  name: string;
}

const NAME_KEPT = 'citybrain.who';
/** Choices of term in minutes; null: until further notice. */
const TERMS: (number | null)[] = [15, 60, 240, null];

@customElement('cb-switch')
export class SwitchForm extends Part {
  @property() area = '';
  @property() control: Control = 'brain';
  /** Areas to choose from; none: `area` is meant. */
  @property({ attribute: false }) choices: AreaChoice[] = [];
  @state() private answer = '';
  @state() private bad = false;
  @state() private busy = false;
  @state() private to: 'brain' | 'own_plan' | null = null;

  protected override render(): TemplateResult {
    const to = this.to ?? (this.control === 'brain' ? 'own_plan' : 'brain');
    return html`<form class="switch" @submit=${(e: Event) => void this.send(e, to)}>
      ${
        this.choices.length
          ? html`<label class="wide"
              >${say('switch.area')}
              <select name="area">
                ${this.choices.map((c) => html`<option value=${c.id} ?selected=${c.id === this.area}>${c.name}</option>`)}
              </select></label
            >`
          : nothing
      }
      <fieldset class="wide">
        <legend>${say('switch.to')}</legend>
        <div class="choices">
          ${(['own_plan', 'brain'] as const).map(
            (c) => html`<button type="button" aria-pressed=${c === to ? 'true' : 'false'} @click=${() => (this.to = c)}>
              ${say(`control.${c}`)}
            </button>`,
          )}
        </div>
      </fieldset>
      <label
        >${say('switch.who')}
        <input name="who" required maxlength="80" autocomplete="name" .defaultValue=${localStorage.getItem(NAME_KEPT) ?? ''}
      /></label>
      <label
        >${say('switch.until')}
        <select name="until">
          ${TERMS.map((n) => html`<option value=${n ?? ''} ?selected=${n === 60}>${term(n)}</option>`)}
        </select></label
      >
      <label class="wide">${say('switch.why')} <input name="why" required maxlength="300" autocomplete="off" /></label>
      <button class="primary" ?disabled=${this.busy}>${say(this.busy ? 'switch.sending' : 'switch.send')}</button>
      <p class=${this.bad ? 'problem' : 'note'} role="status">${this.answer}</p>
    </form>`;
  }

  private async send(event: Event, to: 'brain' | 'own_plan'): Promise<void> {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const data = new FormData(form);
    const text = (name: string): string => String(data.get(name) ?? '').trim();
    const minutes = text('until') ? Number(text('until')) : null;
    const now = this.city.timeMs;
    localStorage.setItem(NAME_KEPT, text('who'));
    await this.ask({
      area: this.choices.length ? text('area') : this.area,
      control: to,
      who: text('who'),
      why: text('why'),
      until: minutes === null || now === null ? null : new Date(now + minutes * 60_000).toISOString(),
    });
  }

  private async ask(request: Record<string, string | null>): Promise<void> {
    this.busy = true;
    try {
      const answer = await fetch('./api/switch', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(request),
      });
      const body = (await answer.json()) as Switch & { detail?: string };
      this.tell(answer.ok, body);
    } catch (error) {
      this.bad = true;
      this.answer = say('switch.failed', { why: error instanceof Error ? error.message : String(error) });
    } finally {
      this.busy = false;
    }
  }

  private tell(ok: boolean, body: Switch & { detail?: string }): void {
    this.bad = !ok || body.accepted === false;
    if (!ok) this.answer = say('switch.failed', { why: body.detail ?? '' });
    else if (body.accepted === null) this.answer = say('switch.waiting');
    else if (!body.accepted) this.answer = say('switch.refused', { why: reason(body.reason) });
    else {
      this.to = null;
      this.answer = body.junctions === 1 ? say('switch.done.one') : say('switch.done', { n: body.junctions });
    }
  }
}

function term(minutes: number | null): string {
  if (minutes === null) return say('switch.until.never');
  return minutes < 60 ? say('switch.until.minutes', { n: minutes }) : say('switch.until.hours', { n: minutes / 60 });
}

/** When a switch ends, in words. */
export function until(s: Switch, zone: string): string {
  return s.until === null ? say('switch.until.never') : say('switch.until.time', { time: minute(s.until, zone) });
}

/** Who gave something to whom, in words. */
export function inForce(s: Switch, zone: string): string {
  return say('switch.in_force', { who: s.who, control: say(`control.${s.control}`), until: until(s, zone), why: s.why });
}
