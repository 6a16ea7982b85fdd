/** The first picture of the map: roads on a plain canvas, shown at once and until the map itself is ready. */

import { type Camera, fitCanvas } from './camera';
import type { Ground } from './ground';
import type { Palette } from './palette';

const PADDING = 24;
/** Width in pixels by rank. */
const WIDTH = [3.2, 3, 2.4, 1.8, 1.1];

/** The camera that shows the whole network in a box of that size. */
export function wholeCity(ground: Ground, width: number, height: number): Camera {
  const [[west, south], [east, north]] = ground.mercatorCorners();
  const room = (size: number): number => Math.max(size - 2 * PADDING, size / 2);
  const world = Math.min(room(width) / (east - west), room(height) / (south - north));
  return { x: (west + east) / 2, y: (north + south) / 2, world, width, height, ratio: Math.min(2, devicePixelRatio) };
}

/** Draw the roads as the camera sees them. */
export function sketchRoads(canvas: HTMLCanvasElement, ground: Ground, camera: Camera, colours: Palette): void {
  const pen = canvas.getContext('2d');
  if (!pen) return;
  fitCanvas(canvas, camera);
  pen.setTransform(1, 0, 0, 1, 0, 0);
  pen.fillStyle = colours.land;
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.lineJoin = 'round';
  pen.lineCap = 'round';
  for (const [colour, more] of [
    [colours.casing, 1.4],
    [colours.road, 0],
  ] as const) {
    for (let rank = WIDTH.length - 1; rank >= 0; rank--) {
      pen.strokeStyle = colour;
      pen.lineWidth = (WIDTH[rank] + more) * camera.ratio;
      strokeRank(pen, ground, camera, rank);
    }
  }
}

function strokeRank(pen: CanvasRenderingContext2D, ground: Ground, camera: Camera, rank: number): void {
  const { links } = ground.map;
  const k = camera.world * camera.ratio;
  const ox = (camera.width * camera.ratio) / 2 - camera.x * k;
  const oy = (camera.height * camera.ratio) / 2 - camera.y * k;
  pen.beginPath();
  for (let i = 0; i < links.path.length; i++) {
    if (links.rank[i] !== rank) continue;
    let [x, y] = [0, 0];
    const path = links.path[i];
    for (let p = 0; p + 1 < path.length; p += 2) {
      x += path[p];
      y += path[p + 1];
      const [mx, my] = ground.mercatorOfUnits(x, y);
      if (p === 0) pen.moveTo(mx * k + ox, my * k + oy);
      else pen.lineTo(mx * k + ox, my * k + oy);
    }
  }
  pen.stroke();
}
