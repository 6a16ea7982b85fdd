/** Numbers and times as the page writes them. */

import { locale, say } from './words';

export function number(value: number, decimals = 0): string {
  return value.toLocaleString(locale(), { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}

/** An age or a duration in seconds: 8 s, 3 min, 2 h. */
export function age(seconds: number): string {
  if (seconds < 90) return say('age.s', { n: Math.max(0, Math.round(seconds)) });
  if (seconds < 5400) return say('age.min', { n: Math.round(seconds / 60) });
  return say('age.h', { n: Math.round(seconds / 3600) });
}

const clocks = new Map<string, Intl.DateTimeFormat>();

function formatter(key: string, zone: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const id = `${key}/${locale()}/${zone}`;
  let found = clocks.get(id);
  if (!found) {
    found = new Intl.DateTimeFormat(locale(), { timeZone: zone, hour12: false, ...options });
    clocks.set(id, found);
  }
  return found;
}

/** 07:28:34 */
export function clock(ms: number, zone: string): string {
  return formatter('clock', zone, { hour: '2-digit', minute: '2-digit', second: '2-digit' }).format(ms);
}

/** 07:28 */
export function minute(ms: number, zone: string): string {
  return formatter('minute', zone, { hour: '2-digit', minute: '2-digit' }).format(ms);
}

/** Sat 7 Nov 2026 */
export function day(ms: number, zone: string): string {
  return formatter('day', zone, { weekday: 'short', day: 'numeric', month: 'short', year: 'numeric' }).format(ms);
}
