/** What the map shows, as numbers for drawing over it: north up, seen from above. */

export interface Camera {
  /** Web Mercator (unit square) of the middle. */
  x: number;
  y: number;
  /** Pixels of the whole world, CSS pixels. */
  world: number;
  width: number;
  height: number;
  /** Device pixels a CSS pixel. */
  ratio: number;
}

/** Fit a canvas to the camera; true if its size changed (which clears it). */
export function fitCanvas(canvas: HTMLCanvasElement, camera: Camera): boolean {
  const width = Math.round(camera.width * camera.ratio);
  const height = Math.round(camera.height * camera.ratio);
  if (canvas.width === width && canvas.height === height) return false;
  canvas.width = width;
  canvas.height = height;
  return true;
}
