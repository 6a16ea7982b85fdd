/** A frame of moving vehicles and lamps, as it comes over the wire (little endian). */

const MAGIC = 0x31464243;
const VERSION = 1;
const HEADER_BYTES = 40;
const BYTES_A_VEHICLE = 11;

export const enum Kind {
  Car = 0,
  Bus = 1,
  Truck = 2,
  Emergency = 3,
  Bike = 4,
  Tram = 5,
}

export interface Frame {
  /** City time, milliseconds since 1970 UTC. */
  timeMs: number;
  /** Incarnation of the source: ids of two runs have nothing to do with each other. */
  run: number;
  count: number;
  id: Uint32Array;
  /** 0..65535 over the bounds of the network. */
  x: Uint16Array;
  y: Uint16Array;
  /** 0..255 for 0..360° clockwise from north. */
  heading: Uint8Array;
  /** In 0.25 m/s. */
  speed: Uint8Array;
  kind: Uint8Array;
  /** Lamp letters of all junctions, one after the other. */
  lamps: Uint8Array;
}

/** The frame in a message, without copying; null for what is not a whole frame of this version. */
export function decodeFrame(data: ArrayBuffer): Frame | null {
  if (data.byteLength < HEADER_BYTES) return null;
  const head = new DataView(data);
  if (head.getUint32(0, true) !== MAGIC || head.getUint16(4, true) !== VERSION) return null;
  const n = head.getUint32(20, true);
  const m = head.getUint32(24, true);
  if (data.byteLength !== HEADER_BYTES + BYTES_A_VEHICLE * n + m) return null;
  let at = HEADER_BYTES;
  const next = (bytes: number): number => {
    const here = at;
    at += bytes;
    return here;
  };
  return {
    timeMs: head.getFloat64(8, true),
    run: head.getUint32(16, true),
    count: n,
    id: new Uint32Array(data, next(4 * n), n),
    x: new Uint16Array(data, next(2 * n), n),
    y: new Uint16Array(data, next(2 * n), n),
    heading: new Uint8Array(data, next(n), n),
    speed: new Uint8Array(data, next(n), n),
    kind: new Uint8Array(data, next(n), n),
    lamps: new Uint8Array(data, next(m), m),
  };
}
