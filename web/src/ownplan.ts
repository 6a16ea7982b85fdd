/** A junction's own plan as a bar over its cycle: the stages in their order, lamps changing between them. */

import { html, nothing, svg, type TemplateResult } from 'lit';
import { number } from './number';
import { capital, say } from './words';

export interface Phase {
  /** -1: lamps change between stages. */
  stage: number;
  duration_s: number;
}

const WIDTH = 368;
const HIGH = 22;
/** Below this width a label does not fit. */
const LABEL = 15;

export function ownPlan(phases: readonly Phase[]): TemplateResult {
  const cycle = phases.reduce((sum, p) => sum + p.duration_s, 0);
  if (!cycle) return html`<p class="caption">${say('plan.none')}</p>`;
  let at = 0;
  const parts = phases.map((p) => {
    const from = at;
    at += (p.duration_s / cycle) * WIDTH;
    return { ...p, from, wide: at - from };
  });
  return html`<svg class="plan" viewBox="0 0 ${WIDTH} ${HIGH}" role="img" aria-label=${planWords(phases)}>
    ${parts.map(
      (p) => svg`<rect class=${p.stage < 0 ? 'plan-change' : 'plan-stage'} x=${p.from} width=${p.wide} height=${HIGH}></rect>
        ${p.stage < 0 || p.wide < LABEL ? nothing : svg`<text x=${p.from + p.wide / 2} y="15">${p.stage + 1}</text>`}`,
    )}
  </svg>
  <p class="caption">${planWords(phases)}</p>`;
}

/** Stage 1 30 s, stage 2 25 s; changes 10 s */
function planWords(phases: readonly Phase[]): string {
  const stages = phases
    .filter((p) => p.stage >= 0)
    .map((p) => say('plan.stage', { n: p.stage + 1, s: number(p.duration_s) }));
  const changes = phases.filter((p) => p.stage < 0).reduce((sum, p) => sum + p.duration_s, 0);
  return capital(`${stages.join(say('plan.and'))}${say('plan.changes', { s: number(changes) })}`);
}
