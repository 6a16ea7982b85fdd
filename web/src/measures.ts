/** Signal performance of a junction: what its movements got over a stretch of a day, and one of them cycle by cycle. */

import { html, nothing, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { Again } from './again';
import './chart';
import type { Cycle } from './coordination';
import './coordination';
import type { JunctionView } from './junction';
import { reasonWords } from './command';
import { fetched } from './fetched';
import { movementName, type MovementView, sharesLanes } from './movement';
import { clock, minute, number } from './number';
import { Part } from './part';
import { go } from './place';
import { lastHours, type Span, spanFault, spanForm, spanQuery } from './span';
import { capital, say, type Word } from './words';

interface Summary {
  movement: string;
  cycles: number;
  split_failures: number | null;
  queue_veh: number | null;
  volume_vph: number | null;
  on_green_share: number | null;
  platoon_ratio: number | null;
  delay_s: number | null;
  cycle_s: number | null;
  green_share: number | null;
  walk_wait_s: number | null;
  seen: number | null;
}

interface Period {
  time: number;
  volume_vph: number | null;
  on_green_share: number | null;
  green_share: number | null;
  split_failures: number | null;
  queue_veh: number | null;
  delay_s: number | null;
  walk_wait_s: number | null;
}

interface Measures {
  begin: number;
  end: number;
  summaries: Summary[];
  movement: string | null;
  series: Period[];
  cycles: Cycle[];
  group: Group | null;
}

/** The coordination group of the junction: who comes to each of its junctions from another. */
interface Group {
  name: string;
  one_cycle: boolean;
  on_green_share: number | null;
  members: {
    junction: string;
    name: string;
    plan_cycle_s: number;
    plan_offset_s: number;
    arrivals_vph: number | null;
    on_green_share: number | null;
    platoon_ratio: number | null;
  }[];
}

/** A column of the table: its words, its unit, from the record to the figure shown, its decimals. */
interface Column {
  name: keyof Summary & string;
  unit: Word | null;
  factor: number;
  decimals: number;
  /** Whether the figure shown is abnormal. */
  bad?: (shown: number, of: Summary) => boolean;
}

/** Told as abnormal: more than this part of the cycles fails, people on foot wait longer, less is seen. */
const FAILING = 0.1;
const LONG_WALK_S = 60;
const SEEN_PERCENT = 90;

const COLUMNS: readonly Column[] = [
  { name: 'volume_vph', unit: 'unit.vph', factor: 1, decimals: 0 },
  { name: 'on_green_share', unit: 'unit.percent', factor: 100, decimals: 0 },
  { name: 'platoon_ratio', unit: null, factor: 1, decimals: 2 },
  { name: 'split_failures', unit: null, factor: 1, decimals: 0, bad: (n, of) => n > FAILING * of.cycles },
  { name: 'queue_veh', unit: 'unit.veh', factor: 1, decimals: 0 },
  { name: 'delay_s', unit: 'unit.s', factor: 1, decimals: 0 },
  { name: 'walk_wait_s', unit: 'unit.s', factor: 1, decimals: 0, bad: (s) => s > LONG_WALK_S },
  { name: 'cycle_s', unit: 'unit.s', factor: 1, decimals: 0 },
  { name: 'green_share', unit: 'unit.percent', factor: 100, decimals: 0 },
  { name: 'seen', unit: 'unit.percent', factor: 100, decimals: 0, bad: (p) => p < SEEN_PERCENT },
];
/** What may be drawn over time, and what it is held against. */
const DRAWN = ['delay_s', 'volume_vph', 'on_green_share', 'split_failures', 'queue_veh', 'walk_wait_s'] as const;
type Drawn = (typeof DRAWN)[number];
const AGAIN_MS = 60_000;

@customElement('cb-measures')
export class MeasuresPanel extends Part {
  @property() junction = '';
  @state() private view: JunctionView | null = null;
  @state() private span: Span | null = null;
  @state() private measures: Measures | null = null;
  @state() private movement: string | null = null;
  @state() private drawn: Drawn = 'delay_s';
  @state() private failure = '';
  private asked = '';

  constructor() {
    super('link');
    new Again(this, () => void this.load(), AGAIN_MS);
  }

  protected override updated(): void {
    const now = this.city.timeMs;
    if (this.span === null && now !== null) this.span = lastHours(now, 1, this.city.zone);
    const wanted = `${this.junction}/${this.movement ?? ''}/${this.span ? spanQuery(this.span) : ''}`;
    if (this.span === null || wanted === this.asked) return;
    this.asked = wanted;
    const fault = spanFault(this.span);
    if (fault) this.failure = reasonWords(fault);
    else void this.load();
  }

  private async load(): Promise<void> {
    if (this.span === null || spanFault(this.span)) return;
    const { junction, asked } = this;
    try {
      if (this.view?.id !== junction) this.view = await fetched<JunctionView>(`./api/junction/${encodeURIComponent(junction)}`);
      const found = await fetched<Measures>(`./api/measures?${this.query(this.span)}`);
      if (asked !== this.asked) return;
      this.measures = found;
      this.failure = '';
    } catch (error) {
      if (asked === this.asked) this.failure = error instanceof Error ? error.message : String(error);
    }
  }

  private query(span: Span): string {
    const movement = this.movement === null ? '' : `&movement=${encodeURIComponent(this.movement)}`;
    return `junction=${encodeURIComponent(this.junction)}&${spanQuery(span)}${movement}`;
  }

  protected override render(): TemplateResult {
    const { view, span, measures } = this;
    return html`<section class="section" aria-labelledby="measures-title">
      <header class="section-head">
        <h2 id="measures-title" tabindex="-1">${say('measures.title', { name: view?.name ?? this.junction })}</h2>
        <button class="quiet" data-back @click=${() => go({ view: 'junction', id: this.junction })}>
          <span aria-hidden="true">←</span> ${say('measures.back')}
        </button>
      </header>
      ${span ? spanForm(span, this.city.timeMs, this.city.zone, (s) => (this.span = s)) : nothing}
      ${this.failure ? html`<p class="problem" role="alert">${say('measures.failed', { why: this.failure })}</p>` : nothing}
      ${view && span && measures ? this.body(view, span, measures) : nothing}
    </section>`;
  }

  private body(view: JunctionView, span: Span, measures: Measures): TemplateResult {
    if (!measures.summaries.length) return html`<p class="note" data-none>${say('measures.none')}</p>`;
    const byId = new Map(view.movements.map((m) => [m.id, m]));
    return html`<div class="wide-table">${this.table(measures, byId)}</div>
      <p class="caption">
        ${say('measures.source', { begin: minute(measures.begin, this.city.zone), end: minute(measures.end, this.city.zone) })}
        <a href="./api/measures.csv?junction=${encodeURIComponent(this.junction)}&${spanQuery(span)}" download data-export
          >${say('measures.export')}</a
        >
      </p>
      ${measures.group ? this.group(measures.group) : nothing}
      ${measures.movement === null ? nothing : this.one(measures, byId.get(measures.movement))}`;
  }

  /** Arrivals on green from junction to junction of the group, beside the own plans that are to bring them. */
  private group(group: Group): TemplateResult {
    const head = (text: string): TemplateResult => html`<th scope="col" class="num">${text}</th>`;
    const shown = (value: number | null, decimals = 0): string => (value === null ? '–' : number(value, decimals));
    const percent = (share: number | null): string => (share === null ? '–' : number(share * 100));
    return html`<h3>${say('group.title', { name: group.name })}</h3>
      <p data-group>
        ${say('group.on_green', { share: percent(group.on_green_share) })}
        ${group.one_cycle ? nothing : html`<span class="is-bad">▲ ${say('group.cycles')}</span>`}
      </p>
      <div class="wide-table">
        <table class="hours">
          <thead>
            <tr>
              <th scope="col">${say('group.junction')}</th>
              ${head(`${say('measure.volume_vph')} ${say('unit.vph')}`)} ${head(`${say('measure.on_green_share')} ${say('unit.percent')}`)}
              ${head(say('measure.platoon_ratio'))} ${head(`${say('group.cycle')} ${say('unit.s')}`)} ${head(`${say('group.offset')} ${say('unit.s')}`)}
            </tr>
          </thead>
          <tbody>
            ${group.members.map(
              (m) => html`<tr data-member=${m.junction}>
                <td><a href="#measures/${encodeURIComponent(m.junction)}">${m.name}</a></td>
                <td class="num">${shown(m.arrivals_vph)}</td>
                <td class="num">${percent(m.on_green_share)}</td>
                <td class="num">${shown(m.platoon_ratio, 2)}</td>
                <td class="num">${shown(m.plan_cycle_s)}</td>
                <td class="num">${shown(m.plan_offset_s)}</td>
              </tr>`,
            )}
          </tbody>
        </table>
      </div>
      <p class="caption">${say('group.meaning')}</p>`;
  }

  private table(measures: Measures, byId: Map<string, MovementView>): TemplateResult {
    const all = [...byId.values()];
    const shown = (id: string): boolean => !sharesLanes(byId.get(id) as MovementView, all);
    return html`<table class="measures">
      <caption class="hidden">${say('measures.table')}</caption>
      <thead>
        <tr>
          <th scope="col">${say('measures.movement')}</th>
          ${COLUMNS.map(
            (c) => html`<th scope="col" class="num" title=${say(`measure.${c.name}.meaning` as Word)}>
              ${say(`measure.${c.name}` as Word)}${c.unit ? html`<span class="unit"> ${say(c.unit)}</span>` : nothing}
            </th>`,
          )}
        </tr>
      </thead>
      <tbody>
        ${measures.summaries.filter((s) => shown(s.movement)).map((s) => {
          const chosen = s.movement === measures.movement;
          return html`<tr class=${chosen ? 'is-chosen' : ''} data-summary=${s.movement}>
            <th scope="row">
              <button aria-pressed=${chosen ? 'true' : 'false'} @click=${() => (this.movement = s.movement)}>
                ${capital(movementName(byId.get(s.movement)))}
              </button>
            </th>
            ${COLUMNS.map((c) => cell(c, s))}
          </tr>`;
        })}
      </tbody>
    </table>`;
  }

  private one(measures: Measures, movement: MovementView | undefined): TemplateResult {
    const name = capital(movementName(movement));
    const summary = measures.summaries.find((s) => s.movement === measures.movement);
    const share = summary?.on_green_share ?? null;
    const words = say('measures.diagram.words', {
      name,
      n: measures.cycles.length,
      share: share === null ? '–' : number(share * 100),
      ratio: summary?.platoon_ratio == null ? '–' : number(summary.platoon_ratio, 2),
    });
    return html`<h3>${say('measures.over_time', { name })}</h3>
      <div class="choices" role="group" aria-label=${say('measures.choose')}>
        ${DRAWN.map(
          (d) => html`<button type="button" aria-pressed=${d === this.drawn ? 'true' : 'false'} @click=${() => (this.drawn = d)}>
            ${say(`measure.${d}`)}
          </button>`,
        )}
      </div>
      ${this.chart(measures, name)}
      <h3>${say('measures.diagram', { name })}</h3>
      ${
        measures.cycles.length
          ? html`<cb-coordination .cycles=${measures.cycles} .begin=${measures.begin} .end=${measures.end} .label=${words}></cb-coordination>
              ${diagramKey()}
              <p class="caption">${words}</p>
              ${this.failures(measures.cycles)}`
          : html`<p class="caption">${say('measures.no_cycles')}</p>`
      }`;
  }

  /** The measure over time; arrivals on green beside the part of green, which they would have by chance. */
  private chart(measures: Measures, name: string): TemplateResult {
    const column = COLUMNS.find((c) => c.name === this.drawn) as Column;
    const values = (of: keyof Period): (number | null)[] =>
      measures.series.map((p) => (p[of] === null ? null : (p[of] as number) * column.factor));
    const series = {
      time: measures.series.map((p) => p.time),
      live: values(this.drawn),
      shadow: this.drawn === 'on_green_share' ? values('green_share') : measures.series.map(() => null),
    };
    const unit = column.unit ? ` (${say(column.unit)})` : '';
    return html`<cb-chart .series=${series} .label=${`${name}: ${say(`measure.${this.drawn}`)}${unit}`} .decimals=${column.decimals} .high=${170}></cb-chart>
      <p class="caption">
        ${say(`measure.${this.drawn}.meaning`)}${unit}${this.drawn === 'on_green_share' ? ` ${say('measures.chance')}` : ''}
      </p>`;
  }

  private failures(cycles: readonly Cycle[]): TemplateResult | typeof nothing {
    const failed = cycles.filter((c) => c.split_failed);
    if (!failed.length) return nothing;
    const times = failed.slice(-12).map((c) => clock(c.time, this.city.zone));
    return html`<p class="caption is-bad">▲ ${say('measures.failed_at', { n: failed.length, times: times.join(', ') })}</p>`;
  }
}

function cell(column: Column, summary: Summary): TemplateResult {
  const value = summary[column.name] as number | null;
  if (value === null) return html`<td class="num">–</td>`;
  const shown = value * column.factor;
  const bad = column.bad?.(shown, summary) ?? false;
  const of = column.name === 'split_failures' ? html`<span class="unit"> / ${number(summary.cycles)}</span>` : nothing;
  return html`<td class="num ${bad ? 'is-bad' : ''}">${bad ? '▲ ' : ''}${number(shown, column.decimals)}${of}</td>`;
}

function diagramKey(): TemplateResult {
  return html`<ul class="legend-line">
    <li><span class="key key-dot" aria-hidden="true"></span>${say('measures.key.arrival')}</li>
    <li><span class="key key-green" aria-hidden="true"></span>${say('measures.key.green')}</li>
    <li><span class="key key-amber" aria-hidden="true"></span>${say('measures.key.amber')}</li>
    <li><span class="key key-red" aria-hidden="true"></span>${say('measures.key.red')}</li>
  </ul>`;
}
