/** The map document of the server, and how its plane reaches the map. */

export interface Area {
  id: string;
  level: 'city' | 'district' | 'street' | 'junction';
  name_en: string;
  name_zh: string;
  parent: string | null;
}

/** x, y, heading in degrees, places in the junction's lamp string. */
export type Head = [number, number, number, number[]];

export interface MapJunction {
  id: string;
  name: string;
  district: string;
  x: number;
  y: number;
  lamps: number;
  refused: string | null;
  heads: Head[];
  /** Places in the lamp string, and the path over the junction. */
  movements: [number[], number[]][];
}

export interface MapDocument {
  format: number;
  digest: string;
  name: string;
  attribution: string;
  unit_m: number;
  bounds: [number, number, number, number];
  projection: { x0: number; y0: number; scale: number; to_x: number[]; to_y: number[] };
  names: string[];
  links: { id: string[]; name: number[]; rank: number[]; lanes: number[]; path: number[][] };
  streets: [number, number, number[]][];
  grounds: number[][];
  junctions: MapJunction[];
  areas: Area[];
}

/** Fetch the map document. Throws an Error that says what is wrong. */
export async function fetchGround(): Promise<Ground> {
  const answer = await fetch('./api/map');
  if (!answer.ok) throw new Error(`the map did not come: ${answer.status}`);
  const document = (await answer.json()) as MapDocument;
  if (document.format !== 1) throw new Error(`a map of format ${document.format}: reload the page`);
  return new Ground(document);
}

/** The network's plane and its way to the map. */
export class Ground {
  readonly centre: [number, number];
  /** Web Mercator (unit square) a metre, at the middle of the network. */
  readonly mercatorPerMetre: number;
  readonly junctionIndex: Map<string, number>;
  private readonly point: [number, number] = [0, 0];

  constructor(readonly map: MapDocument) {
    const [x0, y0, x1, y1] = map.bounds;
    this.centre = [(x0 + x1) / 2, (y0 + y1) / 2];
    const [ax, ay] = this.mercator(this.centre[0], this.centre[1]);
    const [bx, by] = this.mercator(this.centre[0] + 1, this.centre[1]);
    this.mercatorPerMetre = Math.hypot(bx - ax, by - ay);
    this.junctionIndex = new Map(map.junctions.map((j, i) => [j.id, i]));
  }

  /** Web Mercator in the unit square of a point of the plane in metres; the result is used again by the next call. */
  mercator(x: number, y: number): [number, number] {
    const p = this.map.projection;
    const u = (x - p.x0) / p.scale;
    const v = (y - p.y0) / p.scale;
    const a = p.to_x;
    const b = p.to_y;
    this.point[0] = a[0] + a[1] * u + a[2] * v + a[3] * u * u + a[4] * u * v + a[5] * v * v;
    this.point[1] = b[0] + b[1] * u + b[2] * v + b[3] * u * u + b[4] * u * v + b[5] * v * v;
    return this.point;
  }

  /** Web Mercator of a point in whole units from the lower left of the bounds. */
  mercatorOfUnits(x: number, y: number): [number, number] {
    const { bounds, unit_m } = this.map;
    return this.mercator(bounds[0] + x * unit_m, bounds[1] + y * unit_m);
  }

  /** Longitude, latitude of each point of a path. */
  lonlats(path: number[]): [number, number][] {
    const line: [number, number][] = [];
    let x = 0;
    let y = 0;
    for (let i = 0; i + 1 < path.length; i += 2) {
      x += path[i];
      y += path[i + 1];
      const [mx, my] = this.mercatorOfUnits(x, y);
      line.push([longitude(mx), latitude(my)]);
    }
    return line;
  }

  /** Mercator coordinates of each point of a path, x and y in turn. */
  mercators(path: number[]): Float64Array {
    const line = new Float64Array(path.length);
    let x = 0;
    let y = 0;
    for (let i = 0; i + 1 < path.length; i += 2) {
      x += path[i];
      y += path[i + 1];
      const [mx, my] = this.mercatorOfUnits(x, y);
      line[i] = mx;
      line[i + 1] = my;
    }
    return line;
  }

  /** South-west and north-east corner in Web Mercator (y down). */
  mercatorCorners(): [[number, number], [number, number]] {
    const [x0, y0, x1, y1] = this.map.bounds;
    let [west, east, north, south] = [1, 0, 1, 0];
    for (const x of [x0, x1]) {
      for (const y of [y0, y1]) {
        const [mx, my] = this.mercator(x, y);
        west = Math.min(west, mx);
        east = Math.max(east, mx);
        north = Math.min(north, my);
        south = Math.max(south, my);
      }
    }
    return [
      [west, south],
      [east, north],
    ];
  }

  /** South-west and north-east corner, longitude and latitude. */
  corners(): [[number, number], [number, number]] {
    const [[west, south], [east, north]] = this.mercatorCorners();
    return [
      [longitude(west), latitude(south)],
      [longitude(east), latitude(north)],
    ];
  }
}

export function longitude(mercatorX: number): number {
  return mercatorX * 360 - 180;
}

export function latitude(mercatorY: number): number {
  return (Math.atan(Math.sinh(Math.PI * (1 - 2 * mercatorY))) * 180) / Math.PI;
}
