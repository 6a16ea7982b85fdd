/** The form of a command: who decides here, which stage is held, whether it flashes; why, and until when. */

import { html, nothing, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import type { Command, Control } from './city';
import { type Ask, commandWords, inMinutes, keepName, type Outcome, ownName, send, settled, TERMS, termWords, USUAL } from './command';
import { confirmed } from './confirm';
import { Part } from './part';
import { say } from './words';

export interface AreaChoice {
  id: string;
  name: string;
}

const FOR_AREAS: readonly Command[] = ['own_plan', 'brain', 'advised'];
const FOR_JUNCTIONS: readonly Command[] = ['own_plan', 'brain', 'hold', 'flash', 'advised'];

@customElement('cb-switch')
export class SwitchForm extends Part {
  @property() area = '';
  /** What the place is called, for the question before it is done. */
  @property() name = '';
  @property() control: Control = 'brain';
  /** Areas to choose from; none: the junction `area` is meant. */
  @property({ attribute: false }) choices: readonly AreaChoice[] = [];
  /** A picture of each stage that can be held. */
  @property({ attribute: false }) pictures: readonly unknown[] = [];
  /** The stage shown now. */
  @property({ type: Number }) shown = 0;
  @state() private outcome: Outcome | null = null;
  @state() private busy = false;
  @state() private to: Command | null = null;
  @state() private lock = false;
  private asked: Ask | null = null;

  constructor() {
    super('switch');
  }

  protected override willUpdate(): void {
    this.outcome = settled(this.outcome, this.city.switches);
  }

  protected override render(): TemplateResult {
    const to = this.to ?? (this.control === 'brain' ? 'own_plan' : 'brain');
    return html`<form class="switch" @submit=${(e: Event) => void this.submit(e, to)}>
      ${this.choices.length ? this.areas() : nothing}
      <fieldset class="wide">
        <legend>${say('switch.to')}</legend>
        <div class="choices">
          ${(this.choices.length ? FOR_AREAS : FOR_JUNCTIONS).map(
            (c) => html`<button
              type="button"
              data-command=${c}
              aria-pressed=${c === to ? 'true' : 'false'}
              @click=${() => this.choose(c)}
            >
              ${say(`command.${c}`)}
            </button>`,
          )}
        </div>
        <p class="caption">${say(`command.${to}.meaning`)}</p>
      </fieldset>
      ${to === 'hold' ? this.stages() : nothing}
      <label
        >${say('switch.who')}
        <input name="who" required maxlength="80" autocomplete="name" .defaultValue=${ownName()}
      /></label>
      ${this.terms(to)}
      <label class="wide">${say('switch.why')} <input name="why" required maxlength="300" autocomplete="off" /></label>
      ${this.choices.length ? nothing : this.lockBox()}
      <button class="primary" ?disabled=${this.busy}>${say(this.busy ? 'switch.sending' : 'switch.send')}</button>
      <p class=${this.outcome && !this.outcome.done ? 'problem' : 'note'} role="status">${this.outcome?.words ?? ''}</p>
      ${this.outcome?.reason === 'locked' ? this.override() : nothing}
    </form>`;
  }

  private areas(): TemplateResult {
    return html`<label class="wide"
      >${say('switch.area')}
      <select name="area">
        ${this.choices.map((c) => html`<option value=${c.id} ?selected=${c.id === this.area}>${c.name}</option>`)}
      </select></label
    >`;
  }

  private stages(): TemplateResult {
    return html`<fieldset class="wide">
      <legend>${say('switch.stage')}</legend>
      <div class="stages">
        ${this.pictures.map(
          (picture, i) => html`<label class="stage stage-choice">
            <input type="radio" name="stage" value=${i} required ?checked=${i === this.shown} />
            ${picture}
            <span>${say('junction.stage', { n: i + 1 })}</span>
          </label>`,
        )}
      </div>
    </fieldset>`;
  }

  private terms(to: Command): TemplateResult {
    const terms = TERMS[to].filter((n) => n !== null || !this.lock);
    return html`<label
      >${say('switch.until')}
      <select name="until" required>
        ${terms.map((n) => html`<option value=${n ?? 'open'} ?selected=${n === USUAL[to]}>${termWords(n)}</option>`)}
      </select></label
    >`;
  }

  private lockBox(): TemplateResult {
    return html`<label class="wide check">
      <input type="checkbox" name="lock" .checked=${this.lock} @change=${(e: Event) => this.setLock(e)} />
      <span>${say('switch.lock')}</span>
    </label>`;
  }

  private override(): TemplateResult {
    return html`<button type="button" class="quiet" data-force ?disabled=${this.busy} @click=${() => void this.again()}>
      ${say('switch.force')}
    </button>`;
  }

  private setLock(event: Event): void {
    this.lock = (event.target as HTMLInputElement).checked;
  }

  private choose(command: Command): void {
    this.to = command;
    this.outcome = null;
  }

  private async submit(event: Event, to: Command): Promise<void> {
    event.preventDefault();
    const data = new FormData(event.target as HTMLFormElement);
    const text = (name: string): string => String(data.get(name) ?? '').trim();
    keepName(text('who'));
    const area = this.choices.length ? text('area') : this.area;
    await this.ask({
      area,
      control: to,
      who: text('who'),
      why: text('why'),
      until: inMinutes(this.city.timeMs, text('until') === 'open' ? null : Number(text('until'))),
      stage: to === 'hold' ? Number(text('stage')) : null,
      lock: this.lock,
      force: false,
    });
  }

  /** The same once more, over somebody's lock. */
  private async again(): Promise<void> {
    if (this.asked) await this.ask({ ...this.asked, force: true });
  }

  private async ask(ask: Ask): Promise<void> {
    const place = this.choices.find((c) => c.id === ask.area)?.name ?? this.name;
    const what = say(ask.force ? 'confirm.force' : 'confirm.what', { place, command: commandWords(ask) });
    if (!(await confirmed(what, say(`command.${ask.control}.meaning`)))) return;
    this.busy = true;
    this.asked = ask;
    this.outcome = await send(ask);
    this.busy = false;
    if (this.outcome.done) this.begin();
  }

  /** Ready for the next command: nothing of the last one is left to be sent by mistake. */
  private begin(): void {
    this.to = null;
    this.lock = false;
    this.querySelector('form')?.reset();
  }
}
