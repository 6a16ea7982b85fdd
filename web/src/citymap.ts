/** The map: roads by MapLibre, signals and vehicles on canvases over it. */

import 'maplibre-gl/dist/maplibre-gl.css';
import { type GeoJSONSource, LngLat, Map as BaseMap, MercatorCoordinate, setWorkerUrl } from 'maplibre-gl';
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?url';
import type { Camera } from './camera';
import type { City } from './city';
import { Fleet } from './fleet';
import { type Ground, latitude, longitude } from './ground';
import { Overlay } from './overlay';
import { onScheme, palette } from './palette';
import { slowLinks } from './roads';
import { Signals } from './signals';
import { Rest } from './rest';
import { sketchRoads, wholeCity } from './sketch';
import { mapStyle } from './style';

setWorkerUrl(workerUrl);

const NEAR_PX = 28;
const JUNCTION_ZOOM = 17.6;
const still = matchMedia('(prefers-reduced-motion: reduce)');

export class CityMap {
  /** The map itself; null for the first moments, while the sketch stands in for it. */
  private base: BaseMap | null = null;
  /** The picture of the base map: first the sketch, then a copy of the map whenever it stands still. */
  private readonly picture: HTMLCanvasElement;
  private readonly fleet: Fleet;
  readonly overlay: Overlay;
  private readonly signals: Signals;
  private readonly camera: Camera;
  private readonly places: Map<string, number>;
  private colours = palette();
  private due = true;
  private signalsDue = true;
  /** Called when a junction is chosen on the map; null for none. */
  onChoose: (junction: string | null) => void = () => {};
  /** Called when the browser can draw the plain sketch only. */
  onPlain: () => void = () => {};

  constructor(
    private readonly box: HTMLElement,
    private readonly ground: Ground,
    private readonly city: City,
    label: string,
  ) {
    this.camera = wholeCity(ground, box.clientWidth, box.clientHeight);
    this.picture = addCanvas(box, 'map-picture');
    const holder = box.appendChild(document.createElement('div'));
    holder.className = 'map-base';
    sketchRoads(this.picture, ground, this.camera, this.colours);
    box.dataset.sketched = String(Math.round(performance.now()));
    this.fleet = new Fleet(ground);
    this.fleet.still = still.matches;
    this.signals = new Signals(addCanvas(box, 'map-signals'), ground);
    this.overlay = new Overlay(addCanvas(box, 'map-vehicles'), this.fleet);
    this.places = new Map(ground.map.links.id.map((id, i) => [id, i]));
    this.listen();
    this.step = this.step.bind(this);
    requestAnimationFrame(this.step);
    // the sketch is on the screen before the heavy part begins
    requestAnimationFrame(() => setTimeout(() => this.begin(holder, label)));
  }

  zoomBy(steps: number): void {
    this.base?.zoomTo(this.base.getZoom() + steps, { animate: !still.matches });
  }

  showAll(): void {
    this.base?.fitBounds(this.ground.corners(), { padding: 24, animate: !still.matches });
  }

  /** Mark a junction and go there; null unmarks. */
  select(junction: string | null): void {
    this.signals.selected = junction;
    this.signalsDue = true;
    const index = junction === null ? undefined : this.ground.junctionIndex.get(junction);
    if (!this.base || index === undefined) return;
    const { x, y } = this.ground.map.junctions[index];
    const [mx, my] = this.ground.mercatorOfUnits(x, y);
    const center = new LngLat(longitude(mx), latitude(my));
    const zoom = Math.max(this.base.getZoom(), JUNCTION_ZOOM);
    this.base.resize(); // the panel beside it may just have become wider
    if (still.matches) this.base.jumpTo({ center, zoom });
    else this.base.easeTo({ center, zoom, duration: 500 });
  }

  /** Make the map itself, which takes over from the sketch when it has drawn. */
  private begin(holder: HTMLElement, label: string): void {
    let base: BaseMap;
    try {
      base = this.makeBase(holder, label);
    } catch {
      this.onPlain(); // no WebGL 2: the sketch stays, and the city moves on it
      return;
    }
    this.base = base;
    new Rest(base, this.picture, this.box);
    base.on('render', () => this.paint(true));
    base.on('resize', () => (this.due = this.signalsDue = true));
    base.once('load', () => {
      this.box.dataset.ready = String(Math.round(performance.now()));
      this.showSlow();
    });
    base.on('click', (event) => this.onChoose(this.nearest(event.point.x, event.point.y)));
    base.on('mousemove', (event) => {
      const near = this.nearest(event.point.x, event.point.y) !== null;
      base.getCanvasContainer().style.cursor = near ? 'pointer' : '';
    });
    this.select(this.signals.selected);
  }

  private makeBase(holder: HTMLElement, label: string): BaseMap {
    const [[west, south], [east, north]] = this.ground.corners();
    const [w, h] = [(east - west) * 0.5 + 0.002, (north - south) * 0.5 + 0.002];
    const base = new BaseMap({
      container: holder,
      style: mapStyle(this.ground, this.colours),
      center: new LngLat(longitude(this.camera.x), latitude(this.camera.y)),
      zoom: Math.log2(this.camera.world / 512),
      maxBounds: [
        [west - w, south - h],
        [east + w, north + h],
      ],
      minZoom: 8,
      maxZoom: 20.5,
      attributionControl: false,
      dragRotate: false,
      pitchWithRotate: false,
      touchPitch: false,
      renderWorldCopies: false,
      fadeDuration: 0,
      localIdeographFontFamily: "'Noto Sans CJK SC', 'PingFang SC', 'Microsoft YaHei', sans-serif",
    });
    takesFocus(base, label);
    base.touchZoomRotate.disableRotation();
    base.keyboard.disableRotation();
    return base;
  }

  private listen(): void {
    const { city } = this;
    city.on('frame', () => {
      if (!city.frame) return;
      this.fleet.take(city.frame, performance.now());
      this.signals.take(city.frame.lamps);
      this.due = this.signalsDue = true;
    });
    city.on('control', () => {
      this.signals.control = city.control;
      this.signalsDue = true;
    });
    city.on('slow', () => this.showSlow());
    still.addEventListener('change', () => (this.fleet.still = still.matches));
    onScheme(() => this.recolour());
  }

  private showSlow(): void {
    const source = this.base?.getSource<GeoJSONSource>('slow');
    source?.setData(slowLinks(this.ground, this.places, this.city.slow));
  }

  private recolour(): void {
    this.colours = palette();
    this.base?.setStyle(mapStyle(this.ground, this.colours));
    this.base?.once('styledata', () => this.showSlow());
    this.due = this.signalsDue = true;
  }

  /** The junction within reach of a point in pixels. */
  private nearest(px: number, py: number): string | null {
    this.look();
    const { x, y, world, width, height } = this.camera;
    const mx = x + (px - width / 2) / world;
    const my = y + (py - height / 2) / world;
    const reach = Math.max(NEAR_PX / world, 18 * this.ground.mercatorPerMetre);
    let best: string | null = null;
    let least = reach;
    for (const j of this.ground.map.junctions) {
      const [jx, jy] = this.ground.mercatorOfUnits(j.x, j.y);
      const away = Math.hypot(jx - mx, jy - my);
      if (away < least) [best, least] = [j.id, away];
    }
    return best;
  }

  private look(): void {
    const { base, camera, box } = this;
    if (!base) return;
    const centre = MercatorCoordinate.fromLngLat(base.getCenter());
    camera.x = centre.x;
    camera.y = centre.y;
    camera.world = 512 * 2 ** base.getZoom();
    camera.width = box.clientWidth;
    camera.height = box.clientHeight;
    camera.ratio = Math.min(2, devicePixelRatio);
  }

  private paint(moved: boolean): void {
    this.look();
    const pixelsPerMetre = this.ground.mercatorPerMetre * this.camera.world;
    if (moved || this.signalsDue) this.signals.draw(this.camera, this.colours, pixelsPerMetre);
    this.overlay.draw(this.camera, this.colours, pixelsPerMetre, performance.now());
    this.due = this.signalsDue = false;
  }

  private step(): void {
    requestAnimationFrame(this.step);
    if (this.due || this.signalsDue || this.fleet.moves(performance.now())) this.paint(false);
  }
}

/** Let the frame of the map take clicks, keys and focus: its canvas is away while it rests. */
function takesFocus(base: BaseMap, label: string): void {
  const canvas = base.getCanvas();
  for (const name of ['tabindex', 'role', 'aria-label']) canvas.removeAttribute(name);
  canvas.setAttribute('aria-hidden', 'true');
  const frame = base.getCanvasContainer();
  frame.tabIndex = 0;
  frame.setAttribute('role', 'region');
  frame.setAttribute('aria-label', label);
}

function addCanvas(box: HTMLElement, name: string): HTMLCanvasElement {
  const canvas = box.appendChild(document.createElement('canvas'));
  canvas.className = `map-layer ${name}`;
  canvas.setAttribute('aria-hidden', 'true');
  return canvas;
}
