/** A sparkline: the shape of the last minutes, without axes. */

import { svg, type SVGTemplateResult } from 'lit';
import { html, nothing, type TemplateResult } from 'lit';

const WIDTH = 84;
const HEIGHT = 26;

function path(values: readonly (number | null)[], low: number, high: number): string {
  const span = high - low || 1;
  const step = WIDTH / Math.max(1, values.length - 1);
  let out = '';
  let pen = 'M';
  values.forEach((v, i) => {
    if (v === null) {
      pen = 'M';
      return;
    }
    const y = HEIGHT - 3 - ((v - low) / span) * (HEIGHT - 6);
    out += `${pen}${(i * step).toFixed(1)} ${y.toFixed(1)}`;
    pen = 'L';
  });
  return out;
}

/** The living city as a line, the shadow as a dashed one. */
export function spark(live: readonly (number | null)[], shadow: readonly (number | null)[]): TemplateResult {
  const all = [...live, ...shadow].filter((v): v is number => v !== null);
  if (all.length < 2) return html`<span class="spark"></span>`;
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const last = live.length ? live[live.length - 1] : null;
  const y = last === null ? null : HEIGHT - 3 - ((last - low) / (high - low || 1)) * (HEIGHT - 6);
  const dot: SVGTemplateResult | typeof nothing =
    y === null ? nothing : svg`<path class="spark-dot" d=${`M${WIDTH} ${y.toFixed(1)}h0`}></path>`;
  return html`<svg class="spark" viewBox="0 0 ${WIDTH + 3} ${HEIGHT}" preserveAspectRatio="none" aria-hidden="true">
    <path class="spark-shadow" d=${path(shadow, low, high)}></path>
    <path class="spark-live" d=${path(live, low, high)}></path>
    ${dot}
  </svg>`;
}
