/** Stage diagrams: the real shape of a junction, with the movements that a stage lets go drawn strong. */

import { html, svg, type SVGTemplateResult, type TemplateResult } from 'lit';
import type { Ground, MapJunction } from './ground';

const SIZE = 76;
const ARROW = 7;

type Line = [number, number][];

/** The drawn form of a junction: one line a movement, in pixels of the diagram. */
export class StageDiagram {
  private readonly lines: Line[];

  constructor(ground: Ground, junction: string) {
    const index = ground.junctionIndex.get(junction);
    this.lines = index === undefined ? [] : fitted(ground.map.junctions[index]);
  }

  /** The picture of a stage; `movements` are the indices that it lets go. */
  draw(movements: readonly number[], label: string): TemplateResult {
    const open = new Set(movements);
    const rest = this.lines.filter((_, i) => !open.has(i));
    return html`<svg class="stage-svg" viewBox="0 0 ${SIZE} ${SIZE}" role="img" aria-label=${label}>
      ${rest.map((line) => svg`<path class="stage-shut" d=${d(line)}></path>`)}
      ${[...open].filter((i) => this.lines[i]?.length > 1).map((i) => this.arrow(this.lines[i]))}
    </svg>`;
  }

  private arrow(line: Line): SVGTemplateResult {
    const [bx, by] = line[line.length - 1];
    const [ax, ay] = line[line.length - 2];
    const length = Math.hypot(bx - ax, by - ay) || 1;
    const [ux, uy] = [(bx - ax) / length, (by - ay) / length];
    const [cx, cy] = [bx - ux * ARROW, by - uy * ARROW];
    const wing = ARROW * 0.55;
    const head = `M${bx} ${by}L${cx - uy * wing} ${cy + ux * wing}L${cx + uy * wing} ${cy - ux * wing}Z`;
    return svg`<path class="stage-open" d=${d([...line.slice(0, -1), [cx, cy]])}></path><path class="stage-head" d=${head}></path>`;
  }
}

function d(line: Line): string {
  return line.map(([x, y], i) => `${i ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(1)}`).join('');
}

function fitted(junction: MapJunction): Line[] {
  const lines = junction.movements.map(([, path]) => absolute(path));
  const xs = lines.flatMap((l) => l.map((p) => p[0]));
  const ys = lines.flatMap((l) => l.map((p) => p[1]));
  const [west, east, south, north] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const scale = (SIZE - 10) / Math.max(east - west, north - south, 1);
  const ox = (SIZE - (east - west) * scale) / 2;
  const oy = (SIZE - (north - south) * scale) / 2;
  return lines.map((l) => l.map(([x, y]) => [ox + (x - west) * scale, oy + (north - y) * scale]));
}

function absolute(path: number[]): Line {
  const line: Line = [];
  let [x, y] = [0, 0];
  for (let i = 0; i + 1 < path.length; i += 2) {
    x += path[i];
    y += path[i + 1];
    line.push([x, y]);
  }
  return line;
}
