/** Draws the vehicles on a canvas over the map, so that their motion never makes the map draw its roads again. */

import { type Camera, fitCanvas } from './camera';
import { Fleet, LOOKS, Look } from './fleet';
import { Kind } from './frame';
import type { Palette } from './palette';

/** From this many pixels a metre vehicles have a shape, below they are dots. */
const SHAPES_FROM = 0.55;
const DETAIL_FROM = 4;

/** Length and width in metres by kind: car, bus, truck, emergency, bike, tram. */
const LENGTH_M = [4.6, 12, 9, 6, 1.8, 30];
const WIDTH_M = [1.9, 2.55, 2.5, 2.2, 0.7, 2.65];

export class Overlay {
  private readonly pen: CanvasRenderingContext2D;
  private image: ImageData | null = null;
  private pixels = new Uint32Array(0);
  private readonly inks = new Uint32Array(LOOKS);
  private inked: Palette | null = null;
  /** Pictures drawn since the page began; for measuring. */
  drawn = 0;

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly fleet: Fleet,
  ) {
    // read frequently: kept in memory, where pixels are written straight into it
    const pen = canvas.getContext('2d', { willReadFrequently: true });
    if (!pen) throw new Error('no 2D canvas');
    this.pen = pen;
  }

  draw(camera: Camera, palette: Palette, pixelsPerMetre: number, now: number): void {
    const cleared = fitCanvas(this.canvas, camera);
    const t = this.fleet.share(now);
    if (pixelsPerMetre < SHAPES_FROM) this.dots(camera, palette, pixelsPerMetre, t);
    else {
      if (!cleared) this.pen.clearRect(0, 0, this.canvas.width, this.canvas.height);
      this.shapes(camera, palette, pixelsPerMetre, t);
    }
    this.drawn++;
  }

  /** Dots are written pixel by pixel: twenty thousand of them cost far less than as many rectangles. */
  private dots(camera: Camera, palette: Palette, pixelsPerMetre: number, t: number): void {
    const { fleet, inks } = this;
    const { fromX, fromY, toX, toY, order, begin } = fleet.slots;
    const { width, height } = this.canvas;
    const image = this.blank(width, height, palette);
    const pixels = this.pixels;
    const k = fleet.unit * camera.world * camera.ratio;
    const ox = (fleet.originX - camera.x) * camera.world * camera.ratio + width / 2;
    const oy = (fleet.originY - camera.y) * camera.world * camera.ratio + height / 2;
    const small = Math.max(1, Math.round((pixelsPerMetre < 0.09 ? 1.4 : 2.2) * camera.ratio));
    for (let look = 0; look < LOOKS; look++) {
      const ink = inks[look];
      const size = look === Look.Emergency ? small * 2 : look === Look.Bus ? small + 1 : small;
      for (let o = begin[look]; o < begin[look + 1]; o++) {
        const i = order[o];
        const x = ((fromX[i] + (toX[i] - fromX[i]) * t) * k + ox) | 0;
        const y = ((fromY[i] + (toY[i] - fromY[i]) * t) * k + oy) | 0;
        if (x < 0 || y < 0 || x + size > width || y + size > height) continue;
        for (let row = y * width + x, end = row + size * width; row < end; row += width) {
          for (let p = row; p < row + size; p++) pixels[p] = ink;
        }
      }
    }
    this.pen.putImageData(image, 0, 0);
  }

  /** The picture to write dots into, empty. */
  private blank(width: number, height: number, palette: Palette): ImageData {
    if (this.inked !== palette) {
      palette.vehicles.forEach((colour, look) => (this.inks[look] = pixelOf(colour)));
      this.inked = palette;
    }
    if (this.image?.width === width && this.image.height === height) {
      this.pixels.fill(0);
      return this.image;
    }
    this.image = new ImageData(width, height);
    this.pixels = new Uint32Array(this.image.data.buffer);
    return this.image;
  }

  private shapes(camera: Camera, palette: Palette, pixelsPerMetre: number, t: number): void {
    const { pen, fleet } = this;
    const { fromX, fromY, toX, toY, fromHeading, turn, kind, order, begin } = fleet.slots;
    const k = fleet.unit * camera.world * camera.ratio;
    const ox = (fleet.originX - camera.x) * camera.world * camera.ratio + this.canvas.width / 2;
    const oy = (fleet.originY - camera.y) * camera.world * camera.ratio + this.canvas.height / 2;
    const width = this.canvas.width + 60;
    const height = this.canvas.height + 60;
    const scale = pixelsPerMetre * camera.ratio;
    for (let look = 0; look < LOOKS; look++) {
      pen.fillStyle = palette.vehicles[look];
      for (let o = begin[look]; o < begin[look + 1]; o++) {
        const i = order[o];
        const x = (fromX[i] + (toX[i] - fromX[i]) * t) * k + ox;
        const y = (fromY[i] + (toY[i] - fromY[i]) * t) * k + oy;
        if (x < -60 || y < -60 || x > width || y > height) continue;
        const heading = fromHeading[i] + turn[i] * t;
        // the body's own axes: forward is up, the front bumper is the vehicle's place
        const c = Math.cos(heading);
        const s = Math.sin(heading);
        pen.setTransform(c, s, -s, c, x, y);
        this.body(kind[i], look, palette, scale, pixelsPerMetre);
      }
    }
    pen.setTransform(1, 0, 0, 1, 0, 0);
  }

  private body(kind: number, look: Look, palette: Palette, scale: number, pixelsPerMetre: number): void {
    const { pen } = this;
    const length = Math.max(5, LENGTH_M[kind] * scale);
    const width = Math.max(2.2, WIDTH_M[kind] * scale);
    if (pixelsPerMetre < DETAIL_FROM) {
      pen.fillRect(-width / 2, 0, width, length);
      return;
    }
    pen.beginPath();
    pen.roundRect(-width / 2, 0, width, length, Math.min(width * 0.3, 0.7 * scale));
    pen.fill();
    pen.fillStyle = palette.glass;
    if (kind !== Kind.Bike) pen.fillRect(-width * 0.38, length * (kind === Kind.Car ? 0.24 : 0.06), width * 0.76, 0.7 * scale);
    pen.fillStyle = palette.vehicles[look];
  }
}

/** `#rrggbb` as the bytes of a pixel. */
function pixelOf(colour: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  return new Uint32Array(Uint8Array.of(r, g, b, 255).buffer)[0];
}
