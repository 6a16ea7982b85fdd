/** The style of the base map: the road network itself, nothing from outside. */

import type { ExpressionSpecification, LineLayerSpecification, StyleSpecification } from 'maplibre-gl';
import type { Ground } from './ground';
import type { Palette } from './palette';
import { emptyFeatures, grounds, roads, streetNames } from './roads';

const LANE_M = 3.2;
/** Left free between two directions. */
const GAP_M = 0.35;
/** Least width in pixels by rank, at the zoom where the real width takes over. */
const LEAST = [3.2, 3, 2.4, 1.8, 1.1, 0.6];
const REAL_FROM = 15;

/** A slow link is a line in its middle; near by it makes room for the vehicles themselves. */
const SLOW_WIDTH: ExpressionSpecification = ['interpolate', ['linear'], ['zoom'], 11, 1.6, 14, 3.2, 17, 5];
const SLOW_OPACITY: ExpressionSpecification = ['interpolate', ['linear'], ['zoom'], 15, 0.95, 17.5, 0.45];

type Width = ExpressionSpecification;

/** Width of a road: by rank from afar, as wide as its lanes from near by. `more` pixels make a casing. */
function width(perMetre: number, more: number): Width {
  const real = (zoom: number): ExpressionSpecification => [
    '*',
    ['-', ['*', ['get', 'lanes'], LANE_M], GAP_M],
    perMetre * 512 * 2 ** zoom,
  ];
  const least: ExpressionSpecification = ['match', ['get', 'rank'], ...LEAST.flatMap((w, r) => [r, w]), 1] as never;
  return [
    'interpolate',
    ['exponential', 1.6],
    ['zoom'],
    10,
    ['+', more * 0.5, ['*', 0.45, least]],
    REAL_FROM,
    ['+', more, ['max', least, real(REAL_FROM)]],
    16,
    ['+', more, ['max', least, real(16)]],
    17,
    ['+', more, real(17)],
    18,
    ['+', more, real(18)],
    19,
    ['+', more, real(19)],
    20,
    ['+', more, real(20)],
    21,
    ['+', more, real(21)],
    22,
    ['+', more, real(22)],
  ];
}

/** Sideways shift of the `k`th line between lanes, counted from the right. */
function dividerShift(perMetre: number, k: number): ExpressionSpecification {
  const at = (zoom: number): ExpressionSpecification => [
    '*',
    ['-', ['/', ['get', 'lanes'], 2], k],
    LANE_M * perMetre * 512 * 2 ** zoom,
  ];
  return ['interpolate', ['exponential', 2], ['zoom'], 15, at(15), 22, at(22)];
}

function divider(perMetre: number, k: number, colours: Palette): LineLayerSpecification {
  return {
    id: `divider-${k}`,
    type: 'line',
    source: 'roads',
    filter: ['all', ['<', ['get', 'rank'], 5], ['>', ['get', 'lanes'], k]],
    minzoom: 16.4,
    paint: {
      'line-color': colours.divider,
      'line-width': 1,
      'line-dasharray': [6, 6],
      'line-offset': dividerShift(perMetre, k),
    },
  };
}

export function mapStyle(ground: Ground, colours: Palette): StyleSpecification {
  const perMetre = ground.mercatorPerMetre;
  const round = { 'line-cap': 'round', 'line-join': 'round' } as const;
  const drivable: ExpressionSpecification = ['<', ['get', 'rank'], 5];
  return {
    version: 8,
    sources: {
      roads: { type: 'geojson', data: roads(ground), maxzoom: 16, tolerance: 0.3 },
      grounds: { type: 'geojson', data: grounds(ground), maxzoom: 16, tolerance: 0.1 },
      names: { type: 'geojson', data: streetNames(ground), maxzoom: 16 },
      slow: { type: 'geojson', data: emptyFeatures(), maxzoom: 16, tolerance: 0.3 },
    },
    layers: [
      { id: 'land', type: 'background', paint: { 'background-color': colours.land } },
      {
        id: 'paths',
        type: 'line',
        source: 'roads',
        filter: ['>=', ['get', 'rank'], 5],
        minzoom: 14.5,
        layout: round,
        paint: { 'line-color': colours.path, 'line-width': width(perMetre * 0.6, 0) },
      },
      {
        id: 'casing',
        type: 'line',
        source: 'roads',
        filter: drivable,
        layout: { 'line-cap': 'butt', 'line-join': 'round' },
        paint: { 'line-color': colours.casing, 'line-width': width(perMetre, 1.6) },
      },
      {
        id: 'ground-casing',
        type: 'line',
        source: 'grounds',
        minzoom: 12.5,
        layout: { 'line-join': 'round' },
        paint: { 'line-color': colours.casing, 'line-width': 1.6 },
      },
      {
        id: 'grounds',
        type: 'fill',
        source: 'grounds',
        minzoom: 12.5,
        paint: { 'fill-color': colours.ground, 'fill-outline-color': colours.ground },
      },
      {
        id: 'roads',
        type: 'line',
        source: 'roads',
        filter: drivable,
        layout: round,
        paint: { 'line-color': colours.road, 'line-width': width(perMetre, 0) },
      },
      ...[1, 2, 3, 4].map((k) => divider(perMetre, k, colours)),
      {
        id: 'slow',
        type: 'line',
        source: 'slow',
        filter: ['!', ['get', 'very']],
        layout: round,
        paint: { 'line-color': colours.slow, 'line-width': SLOW_WIDTH, 'line-opacity': SLOW_OPACITY },
      },
      {
        id: 'very-slow',
        type: 'line',
        source: 'slow',
        filter: ['get', 'very'],
        layout: { 'line-cap': 'butt', 'line-join': 'round' },
        paint: {
          'line-color': colours.verySlow,
          'line-width': SLOW_WIDTH,
          'line-dasharray': [1.8, 0.5],
          'line-opacity': SLOW_OPACITY,
        },
      },
      {
        id: 'names',
        type: 'symbol',
        source: 'names',
        minzoom: 12.5,
        layout: {
          'symbol-placement': 'line',
          'symbol-spacing': 420,
          'symbol-sort-key': ['get', 'rank'],
          'text-field': ['get', 'name'],
          'text-font': ['Noto Sans Regular'],
          'text-size': ['interpolate', ['linear'], ['zoom'], 12.5, 10, 16, 12, 18, 13],
          'text-max-angle': 35,
          'text-padding': 8,
        },
        paint: { 'text-color': colours.label, 'text-halo-color': colours.halo, 'text-halo-width': 1.6 },
      },
    ],
  };
}
