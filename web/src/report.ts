/** The report of a day: what was gained against the shadow cities, and what happened to control. */

import { html, nothing, svg, type TemplateResult } from 'lit';
import { customElement, state } from 'lit/decorators.js';
import { Again } from './again';
import { commandWords, reasonWords } from './command';
import type { Command } from './city';
import { fetched } from './fetched';
import { clock, minute, number } from './number';
import { Part } from './part';
import { go } from './place';
import { lastHours } from './span';
import { say, sayOf } from './words';

interface Figures {
  delay_s: number;
  longest_queue_m: number;
  stops: number | null;
  co2_kg: number | null;
  arrived_veh: number | null;
  travel_s: number | null;
}

interface HourPair {
  begin_ms: number;
  samples: number;
  live: Figures;
  other: Figures;
}

interface Comparison {
  against: 'actuated' | 'own_plan';
  hours: HourPair[];
  live: Figures;
  other: Figures;
  gain: number | null;
  stops_gain: number | null;
  travel_gain: number | null;
  co2_gain: number | null;
  least: number | null;
  most: number | null;
}

interface Count {
  what: string;
  n: number;
  junctions: number;
}

interface Report {
  begin_ms: number;
  scored_hours: number;
  comparisons: Comparison[];
  signals: { begin_ms: number; cycles: number; split_failures: number; on_green_share: number | null; walk_wait_s: number | null }[];
  control: Record<string, number>;
  silences: Count;
  refusals: Count[];
  processes: Count[];
  commands: { time_ms: number; area: string; control: Command; stage: number | null; who: string; why: string; accepted: boolean | null; reason: string }[];
}

/** Days of the brain against days of the own plans. */
interface Weeks {
  pairs: {
    brain: string;
    own_plan: string;
    hours: number;
    brain_delay_s: number;
    own_delay_s: number;
    gain: number;
    brain_veh: number | null;
    own_veh: number | null;
    alike_hours: number;
    alike_gain: number | null;
  }[];
  gain: Gain | null;
  alike_gain: Gain | null;
}

/** The mean of some pairs of days, and where it lies with 95 % confidence. */
interface Gain {
  pairs: number;
  mean: number;
  low: number | null;
  high: number | null;
}

const AGAIN_MS = 60_000;
const SAMPLES_AN_HOUR = 360;
const AGAINST = ['actuated', 'own_plan'] as const;
/** Below this part of the time under the brain, a day says little of the brain. */
const MOSTLY = 0.9;
const HIGH = 90;
const BAR = 12;
const STEP = 34;

@customElement('cb-report')
export class DayReport extends Part {
  @state() private day = '';
  @state() private report: Report | null = null;
  @state() private weeks: Weeks | null = null;
  @state() private failure = '';
  private asked = '';

  constructor() {
    super('link');
    new Again(this, () => this.asked && void this.load(this.asked), AGAIN_MS);
  }

  protected override updated(): void {
    const now = this.city.timeMs;
    if (!this.day && now !== null) this.day = lastHours(now, 1, this.city.zone).day;
    if (!this.day || this.day === this.asked) return;
    this.asked = this.day;
    void this.load(this.day);
  }

  private async load(day: string): Promise<void> {
    try {
      const report = await fetched<Report>(`./api/report?day=${encodeURIComponent(day)}`);
      const weeks = await fetched<Weeks>(`./api/ab?day=${encodeURIComponent(day)}`);
      if (day !== this.asked) return;
      this.report = report;
      this.weeks = weeks;
      this.failure = '';
    } catch (error) {
      this.failure = error instanceof Error ? error.message : String(error);
    }
  }

  private choose(event: Event): void {
    const day = (event.target as HTMLInputElement).value;
    if (day) this.day = day;
  }

  protected override render(): TemplateResult {
    return html`<section class="section" aria-labelledby="report-title">
      <header class="section-head">
        <h2 id="report-title" tabindex="-1">${say('report.title')}</h2>
        <button class="quiet" data-back @click=${() => go({ view: 'overview' })}><span aria-hidden="true">←</span> ${say('panel.back')}</button>
      </header>
      <div class="span">
        <label>${say('span.date')}<input type="date" name="day" required .value=${this.day} @change=${(e: Event) => this.choose(e)} /></label>
        <p class="caption">${say('report.truth')}</p>
      </div>
      ${this.failure ? html`<p class="problem" role="alert">${say('report.failed', { why: this.failure })}</p>` : nothing}
      ${this.report ? this.body(this.report) : nothing}
    </section>`;
  }

  private body(report: Report): TemplateResult {
    if (!report.scored_hours) return html`<p class="note" data-none>${say('report.none')}</p>`;
    return html`${report.comparisons.map((c) => this.comparison(c))}
      ${this.weeks?.gain ? this.abDays(this.weeks, this.weeks.gain) : nothing} ${this.control(report)}
      ${report.signals.length ? this.signals(report) : nothing}
      ${report.commands.length ? this.commands(report) : nothing}
      <h3>${say('report.notes')}</h3>
      <ul class="notes">
        ${
          (report.control.brain ?? 0) < MOSTLY
            ? html`<li class="is-bad">▲ ${say('report.note.little', { share: percent(report.control.brain ?? 0, false) })}</li>`
            : nothing
        }
        <li>${say('report.note.hours', { n: number(report.scored_hours, 1) })}</li>
        <li>${say('report.note.figures')}</li>
        ${AGAINST.filter((a) => !report.comparisons.some((c) => c.against === a)).map(
          (a) => html`<li>${say('report.note.no_shadow', { against: say(`report.${a}`) })}</li>`,
        )}
        <li>${say('report.note.one_day')}</li>
      </ul>`;
  }

  private comparison(c: Comparison): TemplateResult {
    const against = say(`report.${c.against}`);
    const worse = c.gain !== null && c.gain < 0;
    return html`<section class="against" data-against=${c.against} aria-label=${say('report.against', { against })}>
      <h3>${say('report.against', { against })}</h3>
      <p class="gain ${worse ? 'is-bad' : ''}">
        <span class="figure">${worse ? '▲ ' : ''}${percent(c.gain)}</span>
        <span>${say(worse ? 'report.lost' : 'report.saved')}</span>
        <span class="caption">
          ${say('report.delays', { live: number(c.live.delay_s, 1), other: number(c.other.delay_s, 1) })}
          ${c.least === null ? nothing : say('report.spread', { least: percent(c.least), most: percent(c.most) })}
        </span>
      </p>
      ${this.more(c)} ${this.bars(c)}
      <div class="wide-table">${this.hours(c)}</div>
    </section>`;
  }

  /** Stops, travel time and CO₂ over the whole, where they were recorded. */
  private more(c: Comparison): TemplateResult | typeof nothing {
    const lines = (
      [
        [say('report.stops'), c.live.stops, c.other.stops, c.stops_gain, 0],
        [`${say('report.travel')} (${say('unit.s')})`, c.live.travel_s, c.other.travel_s, c.travel_gain, 1],
        [say('report.co2'), c.live.co2_kg, c.other.co2_kg, c.co2_gain, 0],
      ] as const
    ).filter(([, live, other]) => live !== null && other !== null);
    if (!lines.length) return nothing;
    return html`<table class="hours" data-more>
      <thead>
        <tr>
          <th scope="col"></th><th scope="col" class="num">${say('records.live')}</th>
          <th scope="col" class="num">${say('records.shadow')}</th><th scope="col" class="num">${say('report.gain')}</th>
        </tr>
      </thead>
      <tbody>
        ${lines.map(([what, live, other, gain, decimals]) => {
          const bad = gain !== null && gain < 0;
          return html`<tr>
            <td>${what}</td>
            <td class="num">${written(live, decimals)}</td><td class="num shadow">${written(other, decimals)}</td>
            <td class="num ${bad ? 'is-bad' : ''}">${bad ? '▲ ' : ''}${percent(gain, true, 1)}</td>
          </tr>`;
        })}
      </tbody>
    </table>`;
  }

  private abDays(weeks: Weeks, gain: Gain): TemplateResult {
    const head = (text: string): TemplateResult => html`<th scope="col" class="num">${text}</th>`;
    return html`<section class="against" data-ab>
      <h3>${say('ab.title')}</h3>
      <p class="gain ${gain.mean < 0 ? 'is-bad' : ''}">
        <span class="figure">${gain.mean < 0 ? '▲ ' : ''}${percent(gain.mean)}</span>
        <span>${say(gain.mean < 0 ? 'report.lost' : 'report.saved')}</span>
        <span class="caption">${intervalWords(gain)}</span>
      </p>
      ${
        weeks.alike_gain
          ? html`<p class="caption" data-alike>
              ${say('ab.alike', { gain: percent(weeks.alike_gain.mean, true, 1) })} ${intervalWords(weeks.alike_gain)}
            </p>`
          : nothing
      }
      <div class="wide-table"><table class="hours">
        <thead>
          <tr>
            <th scope="col">${say('control.brain')}</th><th scope="col">${say('control.own_plan')}</th>
            ${head(say('ab.hours'))} ${head(`${say('measure.delay_s')} (${say('unit.s')})`)} ${head(say('control.own_plan'))}
            ${head(say('report.gain'))} ${head(say('report.arrived'))} ${head(say('control.own_plan'))}
            ${head(say('ab.alike_hours'))} ${head(say('report.gain'))}
          </tr>
        </thead>
        <tbody>
          ${weeks.pairs.map(
            (p) => html`<tr>
              <td>${p.brain}</td><td>${p.own_plan}</td>
              <td class="num">${number(p.hours, 1)}</td>
              <td class="num">${number(p.brain_delay_s, 1)}</td><td class="num shadow">${number(p.own_delay_s, 1)}</td>
              <td class="num ${p.gain < 0 ? 'is-bad' : ''}">${p.gain < 0 ? '▲ ' : ''}${percent(p.gain)}</td>
              <td class="num">${written(p.brain_veh, 0)}</td><td class="num shadow">${written(p.own_veh, 0)}</td>
              <td class="num">${number(p.alike_hours, 1)}</td><td class="num">${percent(p.alike_gain)}</td>
            </tr>`,
          )}
        </tbody>
      </table></div>
      <p class="caption">${say('ab.meaning')}</p>
      <p class="caption">${say('ab.fixed')}</p>
    </section>`;
  }

  /** Mean delay by hour. */
  private bars(c: Comparison): TemplateResult {
    const top = Math.max(1, ...c.hours.map((h) => Math.max(h.live.delay_s, h.other.delay_s)));
    const bar = (value: number, x: number, kind: string): unknown => {
      const high = (value / top) * HIGH;
      return svg`<rect class=${kind} x=${x} y=${HIGH - high} width=${BAR} height=${high}></rect>`;
    };
    return html`<svg class="day-bars" width=${c.hours.length * STEP} height=${HIGH + 18} role="img" aria-label=${say('report.bars')}>
        ${c.hours.map(
          (h, i) => svg`${bar(h.live.delay_s, i * STEP, 'bar-live')}${bar(h.other.delay_s, i * STEP + BAR + 1, 'bar-other')}
            <text x=${i * STEP} y=${HIGH + 14}>${minute(h.begin_ms, this.city.zone).slice(0, 2)}</text>`,
        )}
      </svg>
      <p class="caption">${say('report.bars')}</p>`;
  }

  private hours(c: Comparison): TemplateResult {
    const head = (text: string): TemplateResult => html`<th scope="col" class="num">${text}</th>`;
    const shadow = say('records.shadow');
    return html`<table class="hours">
      <thead>
        <tr>
          <th scope="col">${say('report.hour')}</th>
          ${head(`${say('measure.delay_s')} (${say('unit.s')})`)} ${head(shadow)} ${head(say('report.gain'))}
          ${head(say('report.stops'))} ${head(shadow)} ${head(`${say('report.travel')} (${say('unit.s')})`)} ${head(shadow)}
          ${head(say('report.co2'))} ${head(shadow)} ${head(`${say('metric.longest_queue_m')} (${say('unit.m')})`)} ${head(shadow)}
          ${head(say('report.arrived'))} ${head(shadow)} ${head(say('report.compared'))}
        </tr>
      </thead>
      <tbody>
        ${c.hours.map((h) => {
          const gain = h.other.delay_s > 0 ? 1 - h.live.delay_s / h.other.delay_s : null;
          const bad = gain !== null && gain < 0;
          const pair = (of: (f: Figures) => number | null, decimals = 0): TemplateResult =>
            html`<td class="num">${written(of(h.live), decimals)}</td>
              <td class="num shadow">${written(of(h.other), decimals)}</td>`;
          return html`<tr>
            <td>${minute(h.begin_ms, this.city.zone)}</td>
            ${pair((f) => f.delay_s, 1)}
            <td class="num ${bad ? 'is-bad' : ''}">${bad ? '▲ ' : ''}${percent(gain)}</td>
            ${pair((f) => f.stops)} ${pair((f) => f.travel_s)} ${pair((f) => f.co2_kg)} ${pair((f) => f.longest_queue_m)}
            ${pair((f) => f.arrived_veh)}
            <td class="num">${percent(h.samples / SAMPLES_AN_HOUR, false)}</td>
          </tr>`;
        })}
      </tbody>
    </table>`;
  }

  private control(report: Report): TemplateResult {
    const lines: [string, Count][] = [
      [say('report.silences'), report.silences],
      ...report.refusals.map((r): [string, Count] => [`${say('event.refusal')}: ${reasonWords(r.what)}`, r]),
      ...report.processes.map((p): [string, Count] => [`${say('event.process', { name: p.what })} ${say('process.died')}`, p]),
    ];
    return html`<h3>${say('report.control')}</h3>
      <ul class="lines counts">
        ${Object.entries(report.control).map(
          ([who, share]) => html`<li><span>${sayOf('control', who)}</span><span>${percent(share, false, 1)}</span></li>`,
        )}
      </ul>
      <h3>${say('report.happened')}</h3>
      <ul class="lines counts" data-happened>
        ${lines.map(
          ([what, count]) => html`<li>
            <span>${what}</span><span>${say(count.junctions ? 'report.times_at' : 'report.times', { n: count.n, junctions: count.junctions })}</span>
          </li>`,
        )}
      </ul>`;
  }

  private signals(report: Report): TemplateResult {
    return html`<h3>${say('report.signals')}</h3>
      <div class="wide-table">
        <table class="hours">
          <thead>
            <tr>
              <th scope="col">${say('report.hour')}</th>
              <th scope="col" class="num">${say('report.cycles')}</th>
              <th scope="col" class="num">${say('measure.split_failures')}</th>
              <th scope="col" class="num">${say('measure.on_green_share')} (${say('unit.percent')})</th>
              <th scope="col" class="num">${say('measure.walk_wait_s')} (${say('unit.s')})</th>
            </tr>
          </thead>
          <tbody>
            ${report.signals.map(
              (s) => html`<tr>
                <td>${minute(s.begin_ms, this.city.zone)}</td>
                <td class="num">${number(s.cycles)}</td>
                <td class="num">${number(s.split_failures)} (${percent(s.cycles ? s.split_failures / s.cycles : null, false, 1)})</td>
                <td class="num">${s.on_green_share === null ? '–' : number(s.on_green_share * 100)}</td>
                <td class="num">${written(s.walk_wait_s, 0)}</td>
              </tr>`,
            )}
          </tbody>
        </table>
      </div>`;
  }

  private commands(report: Report): TemplateResult {
    return html`<h3>${say('switch.log')}</h3>
      <ul class="lines">
        ${report.commands.map(
          (c) => html`<li>
            <time>${clock(c.time_ms, this.city.zone)}</time>
            <span>
              ${say('switch.line', { area: c.area, control: commandWords(c) })}
              <span class="caption"
                >${say('switch.by', { who: c.who, why: c.why })}
                ${c.accepted === false ? say('switch.refused', { why: reasonWords(c.reason) }) : nothing}</span
              >
            </span>
          </li>`,
        )}
      </ul>`;
  }
}

function intervalWords(gain: Gain): string {
  if (gain.low === null || gain.high === null) return say('ab.one');
  return say('ab.interval', { n: gain.pairs, low: percent(gain.low, true, 1), high: percent(gain.high, true, 1) });
}

function written(value: number | null, decimals: number): string {
  return value === null ? '–' : number(value, decimals);
}

/** A part as percent; with its sign, where it is a gain. */
function percent(part: number | null, signed = true, decimals = 0): string {
  if (part === null) return '–';
  const text = `${number(Math.abs(part) * 100, decimals)} %`;
  return signed && part < 0 ? `−${text}` : text;
}
