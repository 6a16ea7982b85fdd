/** The movements of a junction: lamp, the brain's queue with its uncertainty and age, and how long it waited. */

import { html, type TemplateResult } from 'lit';
import type { JunctionNow, Queue } from './city';
import { type Approach, approaches, approachName, lampOf, type MovementView } from './movement';
import { age, number } from './number';
import { capital, say, sayOf } from './words';

/** Length of the bar in vehicles, until a queue is longer. */
const BAR_VEH = 20;
/** A reading older than this is told as old. */
const OLD_S = 10;
/** An exit above this occupied part takes nobody in. */
const FULL = 0.8;
/** A wait above this part of the maximum red is told. */
const LONG = 0.8;

export function queueTable(movements: readonly MovementView[], now: JunctionNow, maxRed: number): TemplateResult {
  const queues = new Map(now.queues.map((q) => [q.movement, q]));
  const most = Math.max(BAR_VEH, ...now.queues.map((q) => q.queue_veh));
  const lamps = now.signal?.lamps ?? '';
  return html`<table class="movements">
    <thead>
      <tr>
        <th scope="col"><span class="hidden">${say('junction.movements')}</span></th>
        <th scope="col">${say('junction.queue')}</th>
        <th scope="col" class="num">${say('junction.age')}</th>
        <th scope="col" class="num">${say('junction.waited')}</th>
      </tr>
    </thead>
    <tbody>
      ${approaches(movements).map(
        (a) => html`<tr class="approach">
            <th colspan="4" scope="rowgroup">${approachTitle(a)}</th>
          </tr>
          ${a.movements.map((m) => row(m, queues.get(m.id), lamps, most, maxRed))}`,
      )}
    </tbody>
  </table>`;
}

function row(m: MovementView, queue: Queue | undefined, lamps: string, most: number, maxRed: number): TemplateResult {
  const lamp = lampOf(m.links.map((l) => lamps[l] ?? '').join(''));
  const counted = queue && !m.always_green && m.turn !== 'p' ? queue : undefined;
  const old = counted !== undefined && (counted.age_s === null || counted.age_s > OLD_S);
  const long = queue !== undefined && queue.waited_s > LONG * maxRed;
  return html`<tr data-movement=${m.id}>
    <th scope="row">
      <svg class="lamp lamp-${lamp}" viewBox="0 0 30 12" width="30" height="12" role="img" aria-label=${say(`lamp.${lamp}`)}>
        <rect width="30" height="12" rx="6"></rect>
        <circle cx="6" cy="6" r="3.6"></circle><circle cx="15" cy="6" r="3.6"></circle><circle cx="24" cy="6" r="3.6"></circle>
      </svg>
      <span>${capital(sayOf('turn', m.turn))}</span>
    </th>
    <td>${m.always_green || m.turn === 'p' ? html`<span class="caption">${uncounted(m)}</span>` : bar(counted, most)}</td>
    <td class="num ${old ? 'is-bad' : ''}">${counted ? ageWords(counted.age_s) : '–'}${old ? ' ▲' : ''}</td>
    <td class="num ${long ? 'is-bad' : ''}">${queue && !m.always_green ? age(queue.waited_s) : '–'}${long ? ' ▲' : ''}</td>
  </tr>`;
}

function bar(queue: Queue | undefined, most: number): TemplateResult {
  const width = (veh: number): number => Math.min(100, (Math.max(0, veh) / most) * 100);
  const [veh, sd] = [queue?.queue_veh ?? 0, queue?.queue_sd_veh ?? 0];
  const full = (queue?.exit_occupied ?? 0) > FULL;
  return html`<span class="bar-line"
      ><svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
        <rect class="bar-rail" y="1" width="100" height="6"></rect>
        <rect class="bar-fill" y="1" width=${width(veh)} height="6"></rect>
        <rect class="bar-sd" x=${width(veh - sd)} y="3.4" width=${width(veh + sd) - width(veh - sd)} height="1.2"></rect></svg
      ><span class="bar-words">${
        queue ? say('junction.queue_of', { n: number(veh), sd: number(sd, 1) }) : '–'
      }</span></span
    >${full ? html`<span class="caption is-bad">▲ ${say('junction.exit_full')}</span>` : ''}`;
}

function uncounted(m: MovementView): string {
  return say(m.turn === 'p' ? 'movement.uncounted' : 'junction.always_green');
}

function ageWords(seconds: number | null): string {
  return seconds === null ? say('junction.never_seen') : age(seconds);
}

function approachTitle(approach: Approach): string {
  if (approach.heading === null) return say('movement.crossings');
  return capital(approachName(approach.heading)) + (approach.street ? `, ${approach.street}` : '');
}
