/** What an engineer has laid down for a junction, and what its program has made necessary. */

import { html, nothing, type TemplateResult } from 'lit';
import { movementName, type MovementView } from './movement';
import { number } from './number';
import { capital, language, say } from './words';

export interface Limits {
  max_green_s: number | null;
  walk_s: number;
  /** Junctions of one group are coordinated with each other. */
  group: string;
  priorities: { movements: number[]; weight: number; begin_s: number; end_s: number; days: number[] }[];
  /** What was changed in its program to make it safe. */
  remarks: string[];
}

export function limitList(limits: Limits, movements: readonly MovementView[]): TemplateResult {
  const line = (name: string, value: string): TemplateResult => html`<li><span>${name}</span><span>${value}</span></li>`;
  const onFoot = movements.some((m) => m.turn === 'p');
  return html`<ul class="lines counts limits">
      ${limits.max_green_s === null ? nothing : line(say('limits.max_green'), `${number(limits.max_green_s)} ${say('unit.s')}`)}
      ${onFoot ? line(say('limits.walk'), `${number(limits.walk_s)} ${say('unit.s')}`) : nothing}
      ${limits.group ? line(say('limits.group'), limits.group) : nothing}
      ${limits.priorities.map((p) => line(
        capital(say('limits.priority', { who: p.movements.map((m) => movementName(movements[m])).join(say('limits.and')), weight: number(p.weight, 1) })),
        `${hour(p.begin_s)}–${hour(p.end_s)} ${days(p.days)}`,
      ))}
    </ul>
    ${limits.remarks.map((r) => html`<p class="caption">${r}</p>`)}`;
}

function hour(seconds: number): string {
  const minutes = Math.round(seconds / 60);
  return `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;
}

/** Days of the week in short, 0 for Monday; "" for all of them. */
function days(numbers: readonly number[]): string {
  if (numbers.length === 7) return '';
  const format = new Intl.DateTimeFormat(language() === 'zh' ? 'zh-CN' : 'en-GB', { weekday: 'short', timeZone: 'UTC' });
  const aMonday = Date.UTC(2024, 0, 1);
  return numbers.map((n) => format.format(aMonday + n * 86_400_000)).join(' ');
}
