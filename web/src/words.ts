/** Every word on the page, in both languages, and the one that the reader has chosen. */

import { CITY_WORDS } from './words_city';
import { SIGNAL_WORDS } from './words_signal';

export type Language = 'en' | 'zh';

const WORDS = { ...CITY_WORDS, ...SIGNAL_WORDS };

export type Word = keyof typeof WORDS;

const KEPT = 'citybrain.language';
const calls = new Set<() => void>();
let chosen: Language = begin();

function begin(): Language {
  const kept = localStorage.getItem(KEPT);
  if (kept === 'en' || kept === 'zh') return kept;
  return navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en';
}

export function language(): Language {
  return chosen;
}

/** BCP 47 tag of the chosen language, for dates and numbers. */
export function locale(): string {
  return chosen === 'zh' ? 'zh-CN' : 'en-GB';
}

export function setLanguage(next: Language): void {
  chosen = next;
  localStorage.setItem(KEPT, next);
  document.documentElement.lang = next === 'zh' ? 'zh-CN' : 'en';
  calls.forEach((call) => call());
}

export function onLanguage(call: () => void): () => void {
  calls.add(call);
  return () => calls.delete(call);
}

/** A text in the chosen language. */
export function say(word: Word, values: Record<string, string | number> = {}): string {
  const text: string = WORDS[word][chosen === 'zh' ? 1 : 0];
  return text.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ''));
}

/** A text by a key that comes from data; the raw words where there is none. */
export function sayOf(prefix: string, key: string, values: Record<string, string | number> = {}): string {
  const word = `${prefix}.${key}`;
  return word in WORDS ? say(word as Word, values) : key;
}

/** A name that the data carry in both languages. */
export function named(names: { name_en: string; name_zh: string }): string {
  return chosen === 'zh' ? names.name_zh : names.name_en;
}

export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
