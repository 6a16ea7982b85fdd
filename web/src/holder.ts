/** Who holds a junction now: the command in force with its reason and countdown, its release, and, under advice,
 * the brain's proposal with its approval. */

import { html, nothing, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import type { Command, JunctionNow, Switch } from './city';
import { type Ask, commandWords, keepName, leftWords, type Outcome, ownName, send, settled, until } from './command';
import { confirmed } from './confirm';
import { Part } from './part';
import { say } from './words';

const LONGEST_WHY = 300;

@customElement('cb-holder')
export class Holder extends Part {
  @property() name = '';
  @property({ attribute: false }) now: JunctionNow | null = null;
  /** Who decides here when nobody has said otherwise. */
  @property() resting: Command = 'brain';
  /** The brain's reason for what it wants now, in words. */
  @property() reason = '';
  @state() private outcome: Outcome | null = null;
  @state() private busy = false;

  constructor() {
    super('switch');
  }

  protected override willUpdate(): void {
    this.outcome = settled(this.outcome, this.city.switches);
  }

  protected override render(): TemplateResult {
    const held = this.now?.switch ?? null;
    const rest = held !== null && held.control === this.resting && held.stage === null && !held.lock;
    const outcome = this.outcome;
    return html`${held && !rest ? this.held(held) : nothing} ${this.now?.signal?.control === 'advised' ? this.proposal() : nothing}
      <p class=${outcome && !outcome.done ? 'problem' : 'note'} role="status">${outcome?.words ?? ''}</p>`;
  }

  private held(held: Switch): TemplateResult {
    const { zone } = this.city;
    return html`<div class="holder" data-held=${held.control}>
      <p>
        <b>${commandWords(held)}</b>${held.lock ? html` <span class="chip">${say('switch.locked')}</span>` : nothing}
        <span class="holder-left">${leftWords(held, this.now?.time ?? null)}</span>
      </p>
      <p class="caption">${say('switch.by', { who: held.who, why: held.why })} (${until(held, zone)})</p>
      <form @submit=${(e: Event) => void this.release(e, held)}>
        ${this.who()}
        <button class="quiet" data-release ?disabled=${this.busy}>
          ${say('switch.release', { control: say(`control.${this.next()}`) })}
        </button>
      </form>
    </div>`;
  }

  private proposal(): TemplateResult | typeof nothing {
    const order = this.now?.order;
    if (!order) return nothing;
    return html`<div class="holder" data-proposal=${order.stage}>
      <p><b>${say('advice.proposes', { n: order.stage + 1 })}</b></p>
      <p class="caption">${this.reason}</p>
      <form @submit=${(e: Event) => void this.approve(e, order.stage)}>
        ${this.who()}
        <button class="primary" data-approve ?disabled=${this.busy}>${say('advice.approve', { n: order.stage + 1 })}</button>
      </form>
    </div>`;
  }

  private who(): TemplateResult {
    return html`<input
      name="who"
      required
      maxlength="80"
      autocomplete="name"
      aria-label=${say('switch.who')}
      placeholder=${say('switch.who')}
      .defaultValue=${ownName()}
    />`;
  }

  /** Who decides when the command in force ends. */
  private next(): Command {
    return this.now?.below?.control ?? this.resting;
  }

  /** Undo: what was below counts again, until it would have ended itself. */
  private async release(event: Event, held: Switch): Promise<void> {
    const who = nameIn(event);
    const to = this.next();
    const what = say('confirm.what', { place: this.name, command: say(`control.${to}`) });
    if (!(await confirmed(what, say(`command.${to}.meaning`)))) return;
    const below = this.now?.below?.until ?? null;
    const why = say('switch.released', { why: held.why }).slice(0, LONGEST_WHY);
    await this.send({ control: to, who, why, until: below === null ? null : new Date(below).toISOString() });
  }

  private async approve(event: Event, stage: number): Promise<void> {
    const who = nameIn(event);
    const why = (this.reason || say('advice.approved')).slice(0, LONGEST_WHY);
    await this.send({ control: 'advised', who, why, until: null, stage });
  }

  private async send(ask: Pick<Ask, 'control' | 'who' | 'why' | 'until'> & { stage?: number }): Promise<void> {
    this.busy = true;
    this.outcome = await send({ area: this.now?.id ?? '', stage: null, lock: false, force: false, ...ask });
    this.busy = false;
  }
}

function nameIn(event: Event): string {
  event.preventDefault();
  const who = String(new FormData(event.target as HTMLFormElement).get('who') ?? '').trim();
  keepName(who);
  return who;
}
