/** Lets the map rest: while it stands still and nobody touches it, a plain picture of it is shown in its place.
 *
 * Where there is no GPU, a WebGL canvas under the vehicles takes its share of each picture even if it never changes
 * (bench/overlay_fps.py).
 */

import type { Map as BaseMap } from 'maplibre-gl';

const AFTER_MS = 500;
const TOUCHES = ['pointerdown', 'pointermove', 'wheel', 'keydown', 'touchstart'] as const;

export class Rest {
  private touchedAt = 0;
  private timer = 0;

  constructor(
    private readonly base: BaseMap,
    private readonly picture: HTMLCanvasElement,
    box: HTMLElement,
  ) {
    // before the map itself hears of it
    for (const touch of TOUCHES) box.addEventListener(touch, () => this.wake(), { capture: true, passive: true });
    base.on('movestart', () => this.wake());
    base.on('idle', () => this.begin());
  }

  /** Show the map itself. */
  private wake(): void {
    this.touchedAt = performance.now();
    const canvas = this.base.getCanvas();
    if (!canvas.hidden) return;
    canvas.hidden = false;
    this.base.triggerRepaint();
  }

  /** The map has drawn all it has: keep its picture, and rest when it stays so. */
  private begin(): void {
    const canvas = this.base.getCanvas();
    if (this.picture.width !== canvas.width) this.picture.width = canvas.width;
    if (this.picture.height !== canvas.height) this.picture.height = canvas.height;
    this.picture.getContext('2d')?.drawImage(canvas, 0, 0);
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.end(), AFTER_MS);
  }

  private end(): void {
    const left = this.touchedAt + AFTER_MS - performance.now();
    if (left > 0) this.timer = window.setTimeout(() => this.end(), left);
    else if (!this.base.isMoving()) this.base.getCanvas().hidden = true;
  }
}
