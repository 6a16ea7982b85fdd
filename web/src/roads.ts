/** The road network as features for the map. */

import type { Feature, FeatureCollection } from 'geojson';
import type { Ground } from './ground';
import type { Slow } from './city';

/** Below this share of the allowed speed a slow link is very slow. */
const VERY_SLOW = 0.25;

export function emptyFeatures(): FeatureCollection {
  return { type: 'FeatureCollection', features: [] };
}

/** Links, the most important last. */
export function roads(ground: Ground): FeatureCollection {
  const { rank, lanes, path } = ground.map.links;
  const features = path.map((p, i) => line(ground.lonlats(p), { rank: rank[i], lanes: lanes[i] }));
  return { type: 'FeatureCollection', features };
}

/** The ground between the ends of links. */
export function grounds(ground: Ground): FeatureCollection {
  const features = ground.map.grounds.map((p): Feature => {
    const ring = ground.lonlats(p);
    return { type: 'Feature', properties: {}, geometry: { type: 'Polygon', coordinates: [[...ring, ring[0]]] } };
  });
  return { type: 'FeatureCollection', features };
}

/** Lines to write street names along. */
export function streetNames(ground: Ground): FeatureCollection {
  const { names, streets } = ground.map;
  const features = streets.map(([name, rank, path]) => line(ground.lonlats(path), { name: names[name], rank }));
  return { type: 'FeatureCollection', features };
}

/** The links that are slow now. */
export function slowLinks(ground: Ground, places: Map<string, number>, slow: readonly Slow[]): FeatureCollection {
  const { rank, lanes, path } = ground.map.links;
  const features: Feature[] = [];
  for (const [link, speed, free] of slow) {
    const i = places.get(link);
    if (i === undefined) continue;
    features.push(line(ground.lonlats(path[i]), { rank: rank[i], lanes: lanes[i], very: speed < VERY_SLOW * free }));
  }
  return { type: 'FeatureCollection', features };
}

function line(coordinates: [number, number][], properties: Record<string, unknown>): Feature {
  return { type: 'Feature', properties, geometry: { type: 'LineString', coordinates } };
}
