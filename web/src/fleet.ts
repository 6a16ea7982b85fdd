/** The vehicles between two frames: where each is now. Typed arrays only, nothing is allocated while drawing. */

import { Kind, type Frame } from './frame';
import type { Ground } from './ground';

/** Units of the local frame across the bounds: fine enough for Float32. */
const SPAN = 65536;
const JUMP_M = 120;
const STANDS_BELOW = 2; // 0.25 m/s units
const GRID = 64;

/** What vehicles look like: one run of slots a class, so that a colour is set once a frame. */
export const enum Look {
  Moving = 0,
  Standing = 1,
  Heavy = 2,
  Bus = 3,
  Bike = 4,
  Emergency = 5,
}
export const LOOKS = 6;

function look(kind: number, speed: number): Look {
  if (kind === Kind.Emergency) return Look.Emergency;
  if (kind === Kind.Bus || kind === Kind.Tram) return Look.Bus;
  if (kind === Kind.Truck) return Look.Heavy;
  if (kind === Kind.Bike) return Look.Bike;
  return speed < STANDS_BELOW ? Look.Standing : Look.Moving;
}

/** Slots of one frame. Positions in the local frame (see `Fleet.originX`), headings in radians from north. */
class Slots {
  count = 0;
  capacity: number;
  id: Uint32Array;
  fromX: Float32Array;
  fromY: Float32Array;
  toX: Float32Array;
  toY: Float32Array;
  fromHeading: Float32Array;
  turn: Float32Array;
  kind: Uint8Array;
  /** Slots in order of their look; `begin[look]` is where a look begins, `begin[LOOKS]` the end. */
  order: Uint32Array;
  readonly begin = new Uint32Array(LOOKS + 1);

  constructor(capacity: number) {
    this.capacity = capacity;
    this.id = new Uint32Array(capacity);
    this.fromX = new Float32Array(capacity);
    this.fromY = new Float32Array(capacity);
    this.toX = new Float32Array(capacity);
    this.toY = new Float32Array(capacity);
    this.fromHeading = new Float32Array(capacity);
    this.turn = new Float32Array(capacity);
    this.kind = new Uint8Array(capacity);
    this.order = new Uint32Array(capacity);
  }
}

/** Finds the slot of an id: open addressing over typed arrays. */
class SlotIndex {
  private slots = new Int32Array(0);
  private mask = 0;

  fill(ids: Uint32Array, count: number): void {
    let size = 16;
    while (size < count * 2) size *= 2;
    if (this.slots.length !== size) this.slots = new Int32Array(size);
    this.slots.fill(-1);
    this.mask = size - 1;
    for (let i = 0; i < count; i++) {
      let at = Math.imul(ids[i], 0x9e3779b1) & this.mask;
      while (this.slots[at] >= 0) at = (at + 1) & this.mask;
      this.slots[at] = i;
    }
  }

  find(id: number, ids: Uint32Array): number {
    if (this.slots.length === 0) return -1;
    let at = Math.imul(id, 0x9e3779b1) & this.mask;
    for (;;) {
      const slot = this.slots[at];
      if (slot < 0 || ids[slot] === id) return slot;
      at = (at + 1) & this.mask;
    }
  }
}

export class Fleet {
  /** Web Mercator of the local frame's zero, and of one of its units. */
  readonly originX: number;
  readonly originY: number;
  readonly unit: number;
  slots = new Slots(1024);
  private spare = new Slots(1024);
  private readonly index = new SlotIndex();
  private readonly ground: Ground;
  private readonly jump: number;
  private readonly gridX = new Float32Array((GRID + 1) * (GRID + 1));
  private readonly gridY = new Float32Array((GRID + 1) * (GRID + 1));
  private arrivedAt = 0;
  private interval = 1000;
  private run = -1;
  private timeMs = 0;
  /** True: vehicles jump from frame to frame (prefers-reduced-motion). */
  still = false;

  constructor(ground: Ground) {
    const [x0, y0, x1, y1] = ground.map.bounds;
    const span = Math.max(x1 - x0, y1 - y0);
    const [mx, my] = ground.mercator(ground.centre[0], ground.centre[1]);
    this.originX = mx;
    this.originY = my;
    this.unit = (ground.mercatorPerMetre * span) / SPAN;
    this.ground = ground;
    this.jump = (JUMP_M * ground.mercatorPerMetre) / this.unit;
    this.fillGrid();
  }

  /** Take in the next frame; every vehicle sets out from where it is drawn at `now` (performance.now()). */
  take(frame: Frame, now: number): void {
    const t = this.share(now);
    const before = this.slots;
    const again = frame.run === this.run && frame.timeMs >= this.timeMs;
    const next = this.spare.capacity >= frame.count ? this.spare : new Slots(frame.count * 2);
    const n = frame.count;
    next.count = n;
    next.id.set(frame.id);
    next.kind.set(frame.kind);
    if (again) this.index.fill(before.id, before.count);
    for (let i = 0; i < n; i++) {
      this.place(frame.x[i], frame.y[i], next, i);
      const heading = (frame.heading[i] / 256) * 2 * Math.PI;
      const old = again && !this.still ? this.index.find(frame.id[i], before.id) : -1;
      this.setOut(next, i, heading, before, old, t);
    }
    sortByLook(next, frame);
    this.spare = before;
    this.slots = next;
    this.clock(frame, now, again);
  }

  /** How much of the way from the last frame to the newest is done at `now`: 0..1. */
  share(now: number): number {
    if (this.still) return 1;
    const t = (now - this.arrivedAt) / this.interval;
    return t < 0 ? 0 : t > 1 ? 1 : t;
  }

  /** Whether anything still moves at `now`. */
  moves(now: number): boolean {
    return this.slots.count > 0 && !this.still && now - this.arrivedAt <= this.interval + 50;
  }

  private setOut(next: Slots, i: number, heading: number, before: Slots, old: number, t: number): void {
    let fromHeading = heading;
    next.fromX[i] = next.toX[i];
    next.fromY[i] = next.toY[i];
    if (old >= 0) {
      const x = before.fromX[old] + (before.toX[old] - before.fromX[old]) * t;
      const y = before.fromY[old] + (before.toY[old] - before.fromY[old]) * t;
      if (Math.abs(x - next.toX[i]) < this.jump && Math.abs(y - next.toY[i]) < this.jump) {
        next.fromX[i] = x;
        next.fromY[i] = y;
        fromHeading = before.fromHeading[old] + before.turn[old] * t;
      }
    }
    let turn = (heading - fromHeading) % (2 * Math.PI);
    if (turn > Math.PI) turn -= 2 * Math.PI;
    if (turn < -Math.PI) turn += 2 * Math.PI;
    next.fromHeading[i] = fromHeading;
    next.turn[i] = turn;
  }

  private clock(frame: Frame, now: number, again: boolean): void {
    const gap = now - this.arrivedAt;
    if (again && gap < 3000) this.interval = Math.max(40, Math.min(2000, this.interval * 0.8 + gap * 0.2));
    this.arrivedAt = now;
    this.run = frame.run;
    this.timeMs = frame.timeMs;
  }

  /** The projection is smooth: bilinear between the points of a grid is exact to millimetres. */
  private fillGrid(): void {
    const [x0, y0, x1, y1] = this.ground.map.bounds;
    for (let j = 0; j <= GRID; j++) {
      for (let i = 0; i <= GRID; i++) {
        const [mx, my] = this.ground.mercator(x0 + ((x1 - x0) * i) / GRID, y0 + ((y1 - y0) * j) / GRID);
        this.gridX[j * (GRID + 1) + i] = (mx - this.originX) / this.unit;
        this.gridY[j * (GRID + 1) + i] = (my - this.originY) / this.unit;
      }
    }
  }

  private place(x: number, y: number, into: Slots, slot: number): void {
    const u = (x / 65535) * GRID;
    const v = (y / 65535) * GRID;
    const i = Math.min(GRID - 1, u | 0);
    const j = Math.min(GRID - 1, v | 0);
    const a = u - i;
    const b = v - j;
    const k = j * (GRID + 1) + i;
    const l = k + GRID + 1;
    const gx = this.gridX;
    const gy = this.gridY;
    into.toX[slot] = (gx[k] * (1 - a) + gx[k + 1] * a) * (1 - b) + (gx[l] * (1 - a) + gx[l + 1] * a) * b;
    into.toY[slot] = (gy[k] * (1 - a) + gy[k + 1] * a) * (1 - b) + (gy[l] * (1 - a) + gy[l + 1] * a) * b;
  }
}

/** Counting sort of slots by their look. */
function sortByLook(slots: Slots, frame: Frame): void {
  const begin = slots.begin;
  begin.fill(0);
  for (let i = 0; i < slots.count; i++) begin[look(frame.kind[i], frame.speed[i]) + 1]++;
  for (let l = 0; l < LOOKS; l++) begin[l + 1] += begin[l];
  const at = begin.slice(0, LOOKS);
  for (let i = 0; i < slots.count; i++) slots.order[at[look(frame.kind[i], frame.speed[i])]++] = i;
}
