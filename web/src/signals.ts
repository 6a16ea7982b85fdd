/** Draws signal heads at their stop lines, on a canvas of its own: once a second and when the map moves. */

import { type Camera, fitCanvas } from './camera';
import { apart, type Control } from './city';
import type { Ground, MapJunction } from './ground';
import type { Palette } from './palette';

/** In pixels a metre: below, junctions are small; from here, marks at stop lines; full heads and green paths. */
const FAR_BELOW = 0.1;
const MARKS_FROM = 0.22;
const HEADS_FROM = 1.5;
const MARGIN = 40;

const enum Lamp {
  Red = 0,
  Amber = 1,
  Green = 2,
  Dark = 3,
}

const LAMPS = new Uint8Array(256).fill(Lamp.Dark);
for (const [letters, lamp] of [
  ['Gg', Lamp.Green],
  ['yYuo', Lamp.Amber],
  ['rs', Lamp.Red],
] as const) {
  for (const letter of letters) LAMPS[letter.charCodeAt(0)] = lamp;
}

interface DrawnHead {
  x: number;
  y: number;
  /** Radians from north. */
  heading: number;
  /** Places in the frame's lamps. */
  lamps: Uint32Array;
}

interface DrawnMovement {
  lamps: Uint32Array;
  path: Float64Array;
}

interface DrawnJunction {
  id: string;
  x: number;
  y: number;
  heads: DrawnHead[];
  movements: DrawnMovement[];
}

export class Signals {
  private readonly pen: CanvasRenderingContext2D;
  private readonly junctions: DrawnJunction[];
  private readonly count: number;
  private lamps: Uint8Array;
  private colours: readonly string[] = [];
  control: Record<string, Control> = {};
  selected: string | null = null;

  constructor(
    private readonly canvas: HTMLCanvasElement,
    ground: Ground,
  ) {
    const pen = canvas.getContext('2d');
    if (!pen) throw new Error('no 2D canvas');
    this.pen = pen;
    let first = 0;
    this.junctions = ground.map.junctions.map((j) => {
      const drawn = drawnJunction(j, ground, first);
      first += j.lamps;
      return drawn;
    });
    this.count = first;
    this.lamps = new Uint8Array(first);
  }

  /** The lamps of a frame; false when they are those of another network. */
  take(lamps: Uint8Array): boolean {
    if (lamps.length !== this.count) return false;
    this.lamps = lamps;
    return true;
  }

  draw(camera: Camera, palette: Palette, pixelsPerMetre: number): void {
    const { pen, canvas } = this;
    fitCanvas(canvas, camera);
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, canvas.width, canvas.height);
    this.colours = [palette.red, palette.amber, palette.green, palette.unlit];
    const scale = pixelsPerMetre * camera.ratio;
    const reach = 70 * scale;
    for (const j of this.junctions) {
      const x = this.px(camera, j.x);
      const y = this.py(camera, j.y);
      if (x < -reach - MARGIN || y < -reach - MARGIN) continue;
      if (x > canvas.width + reach + MARGIN || y > canvas.height + reach + MARGIN) continue;
      if (pixelsPerMetre < MARKS_FROM) this.dot(x, y, j, palette, camera.ratio, pixelsPerMetre);
      else {
        if (pixelsPerMetre >= HEADS_FROM) this.greenPaths(camera, j, palette, scale);
        for (const head of j.heads) this.head(camera, head, palette, scale, pixelsPerMetre);
        pen.setTransform(1, 0, 0, 1, 0, 0);
        if (apart(this.control[j.id])) this.badge(x, y, palette, camera.ratio);
      }
      if (j.id === this.selected) this.ring(x, y, palette, scale, camera.ratio);
    }
  }

  private px(camera: Camera, x: number): number {
    return ((x - camera.x) * camera.world + camera.width / 2) * camera.ratio;
  }

  private py(camera: Camera, y: number): number {
    return ((y - camera.y) * camera.world + camera.height / 2) * camera.ratio;
  }

  /** The lamp that counts for a set of places: green before amber before red. */
  private lamp(places: Uint32Array): Lamp {
    let best = Lamp.Dark;
    for (const place of places) {
      const lamp = LAMPS[this.lamps[place]] as Lamp;
      if (lamp === Lamp.Green) return lamp;
      if (lamp === Lamp.Amber || best === Lamp.Dark) best = lamp;
    }
    return best;
  }

  private dot(x: number, y: number, j: DrawnJunction, palette: Palette, ratio: number, pixelsPerMetre: number): void {
    if (apart(this.control[j.id])) {
      this.badge(x, y, palette, ratio);
      return;
    }
    const { pen } = this;
    pen.beginPath();
    pen.arc(x, y, (pixelsPerMetre < FAR_BELOW ? 2.2 : 3.4) * ratio, 0, 2 * Math.PI);
    pen.fillStyle = palette.road;
    pen.fill();
    pen.lineWidth = (pixelsPerMetre < FAR_BELOW ? 1 : 1.4) * ratio;
    pen.strokeStyle = palette.junction;
    pen.stroke();
  }

  /** A junction that is not under the brain although it could be: a square that stands on its corner. */
  private badge(x: number, y: number, palette: Palette, ratio: number): void {
    const { pen } = this;
    const r = 6 * ratio;
    pen.beginPath();
    pen.moveTo(x, y - r);
    pen.lineTo(x + r, y);
    pen.lineTo(x, y + r);
    pen.lineTo(x - r, y);
    pen.closePath();
    pen.fillStyle = palette.abnormal;
    pen.fill();
    pen.lineWidth = 1.5 * ratio;
    pen.strokeStyle = palette.road;
    pen.stroke();
  }

  private ring(x: number, y: number, palette: Palette, scale: number, ratio: number): void {
    const { pen } = this;
    pen.beginPath();
    pen.arc(x, y, Math.max(12 * ratio, 26 * scale), 0, 2 * Math.PI);
    pen.lineWidth = 2 * ratio;
    pen.strokeStyle = palette.selected;
    pen.stroke();
  }

  private head(camera: Camera, head: DrawnHead, palette: Palette, scale: number, pixelsPerMetre: number): void {
    const { pen } = this;
    const lamp = this.lamp(head.lamps);
    const c = Math.cos(head.heading);
    const s = Math.sin(head.heading);
    pen.setTransform(c, s, -s, c, this.px(camera, head.x), this.py(camera, head.y));
    const lane = 3.0 * scale;
    if (pixelsPerMetre < HEADS_FROM) this.mark(lamp, lane, camera.ratio);
    else this.housing(lamp, lane, scale, palette);
  }

  /** Red lies across the lane, green points on, amber is a square on its corner: a shape for each. */
  private mark(lamp: Lamp, lane: number, ratio: number): void {
    const { pen } = this;
    const w = Math.max(3 * ratio, lane) / 2;
    pen.fillStyle = this.colours[lamp];
    if (lamp === Lamp.Red) {
      pen.fillRect(-w, -1 * ratio, 2 * w, 2 * ratio);
      return;
    }
    const h = Math.max(4 * ratio, w * 1.4);
    pen.beginPath();
    if (lamp === Lamp.Green) {
      pen.moveTo(0, -h);
      pen.lineTo(w, h * 0.3);
      pen.lineTo(-w, h * 0.3);
    } else {
      pen.moveTo(0, -w);
      pen.lineTo(w, 0);
      pen.lineTo(0, w);
      pen.lineTo(-w, 0);
    }
    pen.closePath();
    pen.fill();
  }

  /** A stop line and, beyond it, a housing with three lamps: red on its left, green on its right. */
  private housing(lamp: Lamp, lane: number, scale: number, palette: Palette): void {
    const { pen } = this;
    const colour = this.colours[lamp];
    pen.fillStyle = lamp === Lamp.Green ? palette.divider : colour;
    pen.fillRect(-lane / 2, -0.2 * scale, lane, 0.4 * scale);
    const r = 0.42 * scale;
    const y = -1.5 * scale;
    pen.fillStyle = palette.housing;
    pen.beginPath();
    pen.roundRect(-3.6 * r, y - 1.35 * r, 7.2 * r, 2.7 * r, r);
    pen.fill();
    for (let place = 0; place < 3; place++) {
      pen.beginPath();
      pen.arc((place - 1) * 2.2 * r, y, place === lamp ? r * 1.05 : r * 0.6, 0, 2 * Math.PI);
      pen.fillStyle = place === lamp ? colour : palette.unlit;
      pen.fill();
    }
  }

  private greenPaths(camera: Camera, j: DrawnJunction, palette: Palette, scale: number): void {
    const { pen } = this;
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.strokeStyle = palette.green;
    pen.lineWidth = Math.max(1.5, 0.55 * scale);
    pen.lineCap = 'round';
    pen.lineJoin = 'round';
    pen.globalAlpha = 0.28;
    for (const movement of j.movements) {
      if (this.lamp(movement.lamps) !== Lamp.Green || movement.path.length < 4) continue;
      pen.beginPath();
      for (let i = 0; i < movement.path.length; i += 2) {
        pen.lineTo(this.px(camera, movement.path[i]), this.py(camera, movement.path[i + 1]));
      }
      pen.stroke();
    }
    pen.globalAlpha = 1;
  }
}

function drawnJunction(j: MapJunction, ground: Ground, first: number): DrawnJunction {
  const [x, y] = ground.mercatorOfUnits(j.x, j.y).slice() as [number, number];
  return {
    id: j.id,
    x,
    y,
    heads: j.heads.map(([hx, hy, heading, links]) => {
      const [mx, my] = ground.mercatorOfUnits(hx, hy);
      return { x: mx, y: my, heading: (heading * Math.PI) / 180, lamps: places(links, first) };
    }),
    movements: j.movements.map(([links, path]) => ({ lamps: places(links, first), path: ground.mercators(path) })),
  };
}

function places(links: number[], first: number): Uint32Array {
  return Uint32Array.from(links, (l) => first + l);
}
