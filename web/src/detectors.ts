/** The detectors of a junction: those that the brain does not believe, since when, and why. */

import { html, type TemplateResult } from 'lit';
import type { Detector } from './city';
import { approachName, type MovementView } from './movement';
import { clock } from './number';
import { capital, say, sayOf } from './words';

export function detectorList(detectors: readonly Detector[], movements: readonly MovementView[], zone: string): TemplateResult {
  if (!detectors.length) return html`<p class="caption">${say('detectors.unknown')}</p>`;
  const bad = detectors.filter((d) => d.state !== 'works');
  if (!bad.length) return html`<p class="caption">${say('detectors.all_work', { n: detectors.length })}</p>`;
  return html`<p class="caption">${say('detectors.some', { n: bad.length, all: detectors.length })}</p>
    <ul class="lines">
      ${bad.map(
        (d) => html`<li data-detector=${d.state}>
          <time>${clock(d.since, zone)}</time>
          <span class="is-bad"
            ><span aria-hidden="true">▲ </span>${place(d, movements)}: ${sayOf('detector', d.state)}
            <span class="caption">${d.reason === null ? '' : sayOf('detector_reason', d.reason)} (${d.zone})</span></span
          >
        </li>`,
      )}
    </ul>`;
}

function place(detector: Detector, movements: readonly MovementView[]): string {
  const fed = movements.find((m) => m.zones.includes(detector.zone));
  return fed ? capital(approachName(fed.heading)) : detector.zone;
}
