/** The vital signs: what each is called, its unit, and which way is better. */

import type { Score } from './city';
import { number } from './number';
import { say, type Word } from './words';

export type MetricId =
  | 'in_transit'
  | 'mean_delay_s'
  | 'delay_index'
  | 'mean_speed_mps'
  | 'longest_queue_m'
  | 'arrived';

export interface Metric {
  id: MetricId;
  unit: Word;
  decimals: number;
  /** From the unit of the records to the unit shown. */
  factor: number;
  better: 'low' | 'high' | 'neither';
}

/** The dataset that all of them come from. */
export const SOURCE = 'sim.score';

export const METRICS: readonly Metric[] = [
  { id: 'mean_delay_s', unit: 'unit.s', decimals: 1, factor: 1, better: 'low' },
  { id: 'delay_index', unit: 'unit.index', decimals: 2, factor: 1, better: 'low' },
  { id: 'mean_speed_mps', unit: 'unit.kmh', decimals: 1, factor: 3.6, better: 'high' },
  { id: 'longest_queue_m', unit: 'unit.m', decimals: 0, factor: 1, better: 'low' },
  { id: 'in_transit', unit: 'unit.veh', decimals: 0, factor: 1, better: 'neither' },
  { id: 'arrived', unit: 'unit.vph', decimals: 0, factor: 1, better: 'high' },
];

/** Differences below this share are none. */
const SAME = 0.02;
const TREND_OVER_MS = 5 * 60_000;

export function metricOf(id: string): Metric | undefined {
  return METRICS.find((m) => m.id === id);
}

export function nameOf(metric: Metric): string {
  return say(`metric.${metric.id}`);
}

/** The value in the unit shown. */
export function valueOf(metric: Metric, score: Score | undefined): number | null {
  const value = score?.[metric.id];
  return value === undefined || value === null ? null : value * metric.factor;
}

export function written(metric: Metric, value: number | null): string {
  return value === null ? '–' : number(value, metric.decimals);
}

export interface Against {
  words: string;
  worse: boolean;
}

/** The difference from the shadow, in words. */
export function against(metric: Metric, live: number | null, shadow: number | null): Against {
  if (live === 0 && shadow === 0) return { words: say('against.same'), worse: false };
  if (live === null || shadow === null || shadow === 0) return { words: say('against.none'), worse: false };
  const share = live / shadow - 1;
  if (Math.abs(share) < SAME) return { words: say('against.same'), worse: false };
  const n = number(Math.abs(share) * 100);
  const words = say(share < 0 ? 'against.less' : 'against.more', { n });
  return { words, worse: metric.better === 'low' ? share > 0 : metric.better === 'high' && share < 0 };
}

export type Trend = 'up' | 'down' | 'flat';

/** Where a metric went over the last five minutes of city time. */
export function trend(metric: Metric, scores: readonly Score[]): Trend {
  const last = scores[scores.length - 1];
  if (!last) return 'flat';
  const before = scores.findLast((s) => s.time <= last.time - TREND_OVER_MS) ?? scores[0];
  const [a, b] = [valueOf(metric, before), valueOf(metric, last)];
  if (a === null || b === null || Math.abs(b - a) <= 0.03 * Math.abs(a)) return 'flat';
  return b > a ? 'up' : 'down';
}
