/** The stretch of a day that a panel shows, on the city's clock: chosen by buttons, or by day and hours. */

import { html, type TemplateResult } from 'lit';
import { say, type Word } from './words';

export interface Span {
  /** 2026-11-22 */
  day: string;
  /** 07:00 */
  begin: string;
  end: string;
}

const PARTS = new Map<string, Intl.DateTimeFormat>();

/** The last hours until now, not before this midnight. */
export function lastHours(now: number, hours: number, zone: string): Span {
  const end = wall(now, zone);
  const begin = wall(now - hours * 3_600_000, zone);
  return { day: end.day, begin: begin.day === end.day ? begin.hour : '00:00', end: end.hour };
}

function wall(ms: number, zone: string): { day: string; hour: string } {
  let format = PARTS.get(zone);
  if (!format) {
    const options: Intl.DateTimeFormatOptions = { year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit' };
    format = new Intl.DateTimeFormat('en-GB', { timeZone: zone, hourCycle: 'h23', ...options });
    PARTS.set(zone, format);
  }
  const part = Object.fromEntries(format.formatToParts(ms).map((p) => [p.type, p.value]));
  return { day: `${part.year}-${part.month}-${part.day}`, hour: `${part.hour}:${part.minute}` };
}

/** What is wrong with it, as a code of the refusals; "" for nothing. */
export function spanFault(span: Span): string {
  if (!span.day) return 'no_such_day';
  if (!span.begin || !span.end) return 'no_such_hour';
  return span.begin < span.end ? '' : 'end_before_begin';
}

export function spanQuery(span: Span): string {
  return new URLSearchParams({ ...span }).toString();
}

const PRESETS: readonly [Word, (now: number, zone: string) => Span][] = [
  ['span.hour', (now, zone) => lastHours(now, 1, zone)],
  ['span.hours', (now, zone) => lastHours(now, 3, zone)],
  ['span.morning', (now, zone) => ({ day: wall(now, zone).day, begin: '07:00', end: '09:00' })],
  ['span.evening', (now, zone) => ({ day: wall(now, zone).day, begin: '16:00', end: '19:00' })],
  ['span.day', (now, zone) => ({ day: wall(now, zone).day, begin: '00:00', end: '24:00' })],
];

/** Choose a span. `change` hears of it. */
export function spanForm(span: Span, now: number | null, zone: string, change: (span: Span) => void): TemplateResult {
  const field = (name: keyof Span, word: Word, type: string): TemplateResult => html`<label
    >${say(word)}
    <input type=${type} name=${name} required .value=${span[name] === '24:00' ? '23:59' : span[name]} @change=${(e: Event) => change({ ...span, [name]: (e.target as HTMLInputElement).value })}
  /></label>`;
  return html`<div class="span">
    <div class="choices" role="group" aria-label=${say('span.title')}>
      ${PRESETS.map(([word, make]) => {
        const wanted = now === null ? null : make(now, zone);
        const same = wanted !== null && spanQuery(wanted) === spanQuery(span);
        return html`<button type="button" aria-pressed=${same ? 'true' : 'false'} ?disabled=${wanted === null} @click=${() => wanted && change(wanted)}>
          ${say(word)}
        </button>`;
      })}
    </div>
    ${field('day', 'span.date', 'date')}${field('begin', 'span.begin', 'time')}${field('end', 'span.end', 'time')}
  </div>`;
}
