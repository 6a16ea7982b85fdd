/** The junction panel: what it does now and why, its queues, who controls it, and what was refused. */

import { html, nothing, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import type { Control, JunctionNow, Order, Queue, Refusal } from './city';
import type { Ground } from './ground';
import { type Approach, approaches, approachName, lampOf, movementName, type MovementView } from './movement';
import { age, clock, number } from './number';
import { Part } from './part';
import { go } from './place';
import { StageDiagram } from './stages';
import './switch';
import { inForce } from './switch';
import { say, sayOf } from './words';

interface JunctionView {
  id: string;
  name: string;
  district: string;
  refused: string | null;
  min_green_s: number;
  max_red_s: number;
  all_red_s: number;
  cycle_s: number;
  movements: MovementView[];
  stages: { lamps: string; movements: number[] }[];
  now: JunctionNow;
  refusals: Refusal[];
}

const BAR_VEH = 20;

@customElement('cb-junction')
export class JunctionPanel extends Part {
  @property() junction = '';
  @property({ attribute: false }) ground: Ground | null = null;
  @state() private view: JunctionView | null = null;
  @state() private failure = '';
  private diagram: StageDiagram | null = null;
  private asked = '';

  constructor() {
    super('junction', 'refusal', 'switch', 'seen');
  }

  protected override updated(): void {
    if (this.asked === this.junction) return;
    this.asked = this.junction;
    this.view = null;
    void this.load(this.junction);
  }

  private async load(id: string): Promise<void> {
    try {
      const answer = await fetch(`./api/junction/${encodeURIComponent(id)}`);
      if (answer.status === 404) throw new Error(say('junction.none'));
      if (!answer.ok) throw new Error(String(answer.status));
      const view = (await answer.json()) as JunctionView;
      if (id !== this.junction) return;
      this.diagram = this.ground ? new StageDiagram(this.ground, id) : null;
      this.failure = '';
      this.view = view;
    } catch (error) {
      this.failure = error instanceof Error ? error.message : String(error);
    }
  }

  protected override render(): TemplateResult {
    const { view } = this;
    const now = this.city.junction ?? view?.now ?? null;
    return html`<section class="section" aria-labelledby="junction-title">
      <header class="section-head">
        <h2 id="junction-title" tabindex="-1">${say('junction.title', { name: view?.name ?? this.junction })}</h2>
        <button class="quiet" data-back @click=${() => go({ view: 'overview' })}><span aria-hidden="true">←</span> ${say('panel.back')}</button>
      </header>
      ${this.failure ? html`<p class="problem" role="alert">${say('junction.failed', { why: this.failure })}</p>` : nothing}
      ${view && now ? this.body(view, now) : nothing}
    </section>`;
  }

  private body(view: JunctionView, now: JunctionNow): TemplateResult {
    const control = now.signal?.control;
    return html`
      <p class="facts">
        <span class="chip ${control === 'silence' || control === 'own_plan' ? 'is-bad' : ''}" data-control=${control ?? 'unknown'}
          >${controlWords(control)}</span
        >
        <span class="caption"
          >${say('junction.limits', { min: view.min_green_s, max: view.max_red_s, cycle: number(view.cycle_s) })}</span
        >
      </p>
      ${view.refused === null ? nothing : html`<p class="problem">${say('junction.not_controllable', { why: view.refused })}</p>`}
      ${now.switch && now.switch.control === 'own_plan' ? html`<p class="note">${inForce(now.switch, this.city.zone)}</p>` : nothing}
      <h3>${say('junction.stages')}</h3>
      ${this.stages(view, now)}
      <p class="why" data-why=${now.order?.why ?? ''}>${why(view, now.order, control)}</p>
      <h3>${say('junction.movements')}</h3>
      ${this.movements(view, now)}
      <p class="caption">${say('junction.estimate')}</p>
      <h3>${say('switch.here')}</h3>
      <cb-switch .area=${view.id} .control=${control ?? 'brain'}></cb-switch>
      <h3>${say('junction.refusals')}</h3>
      ${this.refusals(view)}`;
  }

  private stages(view: JunctionView, now: JunctionNow): TemplateResult {
    const signal = now.signal;
    const changing = signal !== null && signal.stage < 0;
    const held = signal ? Math.max(0, (now.time - signal.since) / 1000) : 0;
    return html`<ol class="stages">
        ${view.stages.map((stage, i) => {
          const shown = signal?.stage === i;
          const next = signal !== null && signal.next_stage === i && !shown;
          const words = say('junction.stage', { n: i + 1 });
          return html`<li class="stage ${shown ? 'is-now' : ''} ${next ? 'is-next' : ''}" aria-current=${shown ? 'step' : 'false'}>
            ${this.diagram?.draw(stage.movements, words) ?? nothing}
            ${
              stage.movements.length && stage.movements.every((m) => view.movements[m]?.turn === 'p')
                ? html`<span class="stage-foot">${say('junction.on_foot')}</span>`
                : nothing
            }
            <span class="stage-name">${i + 1}</span>
            <span class="stage-state"
              >${shown ? say('junction.now', { age: age(held) }) : next ? say('junction.next') : nothing}</span
            >
          </li>`;
        })}
      </ol>
      ${changing ? html`<p class="caption">${say('junction.changing', { n: signal.next_stage + 1 })}</p>` : nothing}`;
  }

  private movements(view: JunctionView, now: JunctionNow): TemplateResult {
    const queues = new Map(now.queues.map((q) => [q.movement, q]));
    const most = Math.max(BAR_VEH, ...now.queues.map((q) => q.queue_veh));
    return html`<table class="movements">
      <thead>
        <tr>
          <th scope="col"><span class="hidden">${say('junction.movements')}</span></th>
          <th scope="col">${say('junction.queue')}</th>
          <th scope="col" class="num">${say('junction.waited')}</th>
        </tr>
      </thead>
      <tbody>
        ${approaches(view.movements).map(
          (a) => html`<tr class="approach">
              <th colspan="3" scope="rowgroup">${approachTitle(a)}</th>
            </tr>
            ${a.movements.map((m) => this.movement(m, queues.get(m.id), now.signal?.lamps ?? '', most, view.max_red_s))}`,
        )}
      </tbody>
    </table>`;
  }

  private movement(m: MovementView, queue: Queue | undefined, lamps: string, most: number, maxRed: number): TemplateResult {
    const lamp = lampOf(m.links.map((l) => lamps[l] ?? '').join(''));
    const long = (queue?.waited_s ?? 0) > 0.8 * maxRed;
    return html`<tr data-movement=${m.id}>
      <th scope="row">
        <svg class="lamp lamp-${lamp}" viewBox="0 0 30 12" width="30" height="12" role="img" aria-label=${say(`lamp.${lamp}`)}>
          <rect width="30" height="12" rx="6"></rect>
          <circle cx="6" cy="6" r="3.6"></circle><circle cx="15" cy="6" r="3.6"></circle><circle cx="24" cy="6" r="3.6"></circle>
        </svg>
        <span>${capital(sayOf('turn', m.turn))}</span>
      </th>
      <td>
        ${
          m.always_green || m.turn === 'p'
            ? html`<span class="caption">${say(m.turn === 'p' ? 'movement.uncounted' : 'junction.always_green')}</span>`
            : html`<span class="bar-line"
                ><svg class="bar" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
                  <rect class="bar-rail" width="100" height="6"></rect>
                  <rect class="bar-fill" width=${Math.min(100, ((queue?.queue_veh ?? 0) / most) * 100)} height="6"></rect></svg
                ><span class="bar-words">${
                  queue ? say('junction.queue_of', { n: number(queue.queue_veh), sd: number(queue.queue_sd_veh, 1) }) : '–'
                }</span></span
              >`
        }
      </td>
      <td class="num ${long ? 'is-bad' : ''}">${queue && !m.always_green ? age(queue.waited_s) : '–'}${long ? ' ▲' : ''}</td>
    </tr>`;
  }

  private refusals(view: JunctionView): TemplateResult {
    const known = new Set(view.refusals.map(key));
    const fresh = this.city.refusals.filter((r) => r.junction === view.id && !known.has(key(r)));
    const all = [...fresh, ...view.refusals].slice(0, 20);
    if (!all.length) return html`<p class="caption">${say('junction.no_refusals')}</p>`;
    return html`<ul class="lines">
      ${all.map(
        (r) => html`<li>
          <time>${clock(r.time, this.city.zone)}</time>
          <span>${say('refusal.stage', { n: r.stage + 1 })}: ${reason(r.reason)} <span class="caption">${r.source}</span></span>
        </li>`,
      )}
    </ul>`;
  }
}

export function controlWords(control: Control | undefined): string {
  return sayOf('control', control ?? 'unknown');
}

function key(r: Refusal): string {
  return `${r.time}/${r.stage}/${r.reason}`;
}

/** A reason code in words; what follows a colon is the fault as it came. */
export function reason(text: string): string {
  const [code, ...rest] = text.split(':');
  return [sayOf('refusal', code), ...rest].join(':');
}

function why(view: JunctionView, order: Order | null, control: Control | undefined): string {
  if (control && control !== 'brain') return `${controlWords(control)}. ${say('why.none')}`;
  if (!order) return say('control.unknown');
  const byId = new Map(view.movements.map((m) => [m.id, m]));
  const serves = movementName(order.serves === null ? undefined : byId.get(order.serves));
  const values = { serves, veh: number(order.serves_veh ?? 0), max: view.max_red_s };
  const text = capital(sayOf('why', order.why, values));
  if (order.waits === null || !order.waits_s) return text;
  return `${text} ${say('why.waits', { waits: movementName(byId.get(order.waits)), age: age(order.waits_s) })}`;
}

function approachTitle(approach: Approach): string {
  if (approach.heading === null) return say('movement.crossings');
  return capital(approachName(approach.heading)) + (approach.street ? `, ${approach.street}` : '');
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
