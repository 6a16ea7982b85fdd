/** The junction panel: what it does now and why, its queues, who controls it, and what was refused. */

import { html, nothing, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import type { Control, JunctionNow, Refusal } from './city';
import { apart } from './city';
import { reasonWords } from './command';
import './decisions';
import { detectorList } from './detectors';
import type { Ground } from './ground';
import { type Limits, limitList } from './limits';
import type { MovementView } from './movement';
import { age, clock, number } from './number';
import './holder';
import { ownPlan, type Phase } from './ownplan';
import { Part } from './part';
import { go } from './place';
import { queueTable } from './queues';
import { StageDiagram } from './stages';
import './switch';
import { waitsWords, whyWords } from './why';
import { say, sayOf } from './words';

export interface StageView {
  lamps: string;
  movements: number[];
  /** The junction's program does not show it. */
  further: boolean;
}

export interface JunctionView {
  id: string;
  name: string;
  district: string;
  refused: string | null;
  /** Under advice unless somebody says otherwise. */
  advisory: boolean;
  min_green_s: number;
  max_red_s: number;
  all_red_s: number;
  cycle_s: number;
  movements: MovementView[];
  stages: StageView[];
  plan: Phase[];
  limits: Limits;
  now: JunctionNow;
  refusals: Refusal[];
}

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
        <span class="chip ${apart(control) ? 'is-bad' : ''}" data-control=${control ?? 'unknown'}
          >${controlWords(control)}</span
        >
        <span class="caption"
          >${say('junction.limits', { min: view.min_green_s, max: view.max_red_s, cycle: number(view.cycle_s) })}</span
        >
      </p>
      ${view.refused === null ? nothing : html`<p class="problem">${say('junction.not_controllable', { why: view.refused })}</p>`}
      <cb-holder
        .name=${view.name}
        .now=${now}
        .resting=${view.advisory ? 'advised' : 'brain'}
        .reason=${now.order ? whyWords(view, now.order) : ''}
      ></cb-holder>
      <h3>${say('junction.stages')}</h3>
      ${this.stages(view, now)}
      <p class="why" data-why=${now.order?.why ?? ''}>${why(view, now, this.refused(view)[0])}</p>
      ${view.refused === null ? this.takeControl(view, now, control) : nothing}
      <h3>${say('decisions.title')}</h3>
      <cb-decisions .junction=${view} .decisions=${now.decisions}></cb-decisions>
      <h3>${say('junction.movements')}</h3>
      ${queueTable(view.movements, now, view.max_red_s)}
      <p class="caption">${say('junction.estimate')}</p>
      <button class="quiet" data-measures @click=${() => go({ view: 'measures', id: view.id })}>${say('measures.open')}</button>
      <h3>${say('detectors.title')}</h3>
      ${detectorList(now.detectors, view.movements, this.city.zone)}
      <h3>${say('plan.title')}</h3>
      ${ownPlan(view.plan)}
      ${limitList(view.limits, view.movements)}
      <h3>${say('junction.refusals')}</h3>
      ${this.refusals(view)}`;
  }

  private takeControl(view: JunctionView, now: JunctionNow, control: Control | undefined): TemplateResult {
    return html`<details class="take-control">
      <summary>${say('switch.here')}</summary>
      <cb-switch
        .area=${view.id}
        .name=${view.name}
        .control=${control ?? 'brain'}
        .shown=${Math.max(0, now.signal?.stage ?? 0)}
        .pictures=${view.stages.map((s, i) => this.diagram?.draw(s.movements, say('junction.stage', { n: i + 1 })))}
      ></cb-switch>
    </details>`;
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
            ${stage.further ? html`<span class="stage-further">${say('junction.further')}</span>` : nothing}
          </li>`;
        })}
      </ol>
      ${changing ? html`<p class="caption">${say('junction.changing', { n: signal.next_stage + 1 })}</p>` : nothing}`;
  }

  /** The guard's refusals here, the newest first. */
  private refused(view: JunctionView): Refusal[] {
    const known = new Set(view.refusals.map(key));
    const fresh = this.city.refusals.filter((r) => r.junction === view.id && !known.has(key(r)));
    return [...fresh, ...view.refusals];
  }

  private refusals(view: JunctionView): TemplateResult {
    const all = this.refused(view).slice(0, 20);
    if (!all.length) return html`<p class="caption">${say('junction.no_refusals')}</p>`;
    return html`<ul class="lines">
      ${all.map(
        (r) => html`<li>
          <time>${clock(r.time, this.city.zone)}</time>
          <span>${say('refusal.stage', { n: r.stage + 1 })}: ${reasonWords(r.reason)} <span class="caption">${r.source}</span></span>
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

function why(view: JunctionView, now: JunctionNow, refused?: Refusal): string {
  const control = now.signal?.control;
  if (control && control !== 'brain' && control !== 'approved') return sayOf('why_not', control);
  if (!now.order) return say('control.unknown');
  const shown = now.signal && now.signal.stage >= 0 ? now.signal.stage : now.signal?.next_stage;
  if (refused?.reason === 'max_red' && refused.stage === now.order.stage && shown !== now.order.stage)
    return say('why_not.max_red', { n: now.order.stage + 1 });
  return `${whyWords(view, now.order)} ${waitsWords(view, now.order, now.queues)}`;
}
