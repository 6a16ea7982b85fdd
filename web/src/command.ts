/** A person's command over signals: how it is sent, and what became of it, in words. */

import type { Command, Switch } from './city';
import { minute, number } from './number';
import { say, sayOf } from './words';

export interface Ask {
  area: string;
  control: Command;
  who: string;
  why: string;
  /** City time, ISO 8601; null: until further notice. */
  until: string | null;
  stage: number | null;
  lock: boolean;
  force: boolean;
}

/** What became of it: whether it was done, the guard's reason where it was not, and all in words. */
export interface Outcome {
  /** The request whose answer is still to come; "" for none. */
  waiting: string;
  done: boolean;
  reason: string;
  words: string;
}

/** Choices of term in minutes; null: until further notice. The guard holds a stage an hour, a lock a day at most. */
export const TERMS: Record<Command, readonly (number | null)[]> = {
  brain: [15, 60, 240, null],
  own_plan: [15, 60, 240, null],
  advised: [15, 60, 240, null],
  hold: [5, 15, 30, 60],
  flash: [15, 60, 240, 1440],
};
export const USUAL: Record<Command, number> = { brain: 60, own_plan: 60, advised: 60, hold: 15, flash: 60 };

const NAME_KEPT = 'citybrain.who';

/** Who asks, as this browser remembers it. */
export function ownName(): string {
  return localStorage.getItem(NAME_KEPT) ?? '';
}

export function keepName(name: string): void {
  localStorage.setItem(NAME_KEPT, name);
}

/** City time so many minutes from now; null: until further notice. */
export function inMinutes(now: number | null, minutes: number | null): string | null {
  return minutes === null || now === null ? null : new Date(now + minutes * 60_000).toISOString();
}

/** Send a command and say what became of it; never throws. */
export async function send(ask: Ask): Promise<Outcome> {
  try {
    const answer = await fetch('./api/switch', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(ask),
    });
    const body = (await answer.json()) as Switch & { detail?: string };
    return answer.ok ? outcome(body) : refused(body.reason, body.detail ?? String(answer.status));
  } catch (error) {
    return refused('', error instanceof Error ? error.message : String(error));
  }
}

function refused(reason: string, detail: string): Outcome {
  return { waiting: '', done: false, reason, words: say('switch.failed', { why: reason ? reasonWords(reason) : detail }) };
}

/** What became of a command, once its late answer has come. */
export function settled(before: Outcome | null, switches: readonly Switch[]): Outcome | null {
  const answer = before?.waiting ? switches.find((s) => s.request === before.waiting) : undefined;
  return answer && answer.accepted !== null ? outcome(answer) : before;
}

function outcome(body: Switch): Outcome {
  const waiting = '';
  if (body.accepted === null) return { waiting: body.request, done: true, reason: '', words: say('switch.waiting') };
  if (!body.accepted) {
    return { waiting, done: false, reason: body.reason, words: say('switch.refused', { why: reasonWords(body.reason) }) };
  }
  const done = body.junctions === 1 ? say('switch.done.one') : say('switch.done', { n: body.junctions });
  return { waiting, done: true, reason: '', words: body.locked ? `${done} ${say('switch.left_out', { n: body.locked })}` : done };
}

/** A reason code in words; what follows a colon is the fault as it came. */
export function reasonWords(text: string): string {
  const [code, ...rest] = text.split(':');
  return [sayOf('refusal', code), ...rest].join(':');
}

export function termWords(minutes: number | null): string {
  if (minutes === null) return say('switch.until.never');
  return minutes < 60 ? say('switch.until.minutes', { n: minutes }) : say('switch.until.hours', { n: minutes / 60 });
}

/** When a command ends, in words. */
export function until(s: Switch, zone: string): string {
  return s.until === null ? say('switch.until.never') : say('switch.until.time', { time: minute(s.until, zone) });
}

/** How long a command still lasts, in words; "" without an end. Minutes and seconds, so that it can be seen to run. */
export function leftWords(s: Switch, now: number | null): string {
  if (s.until === null || now === null) return '';
  const seconds = Math.max(0, Math.ceil((s.until - now) / 1000));
  const [minutes, rest] = [Math.floor(seconds / 60), seconds % 60];
  return say('switch.left', { time: `${number(minutes)}:${String(rest).padStart(2, '0')}` });
}

/** Whether it ends priority, and so has no end of its own. */
export function releases(s: Switch): boolean {
  return s.control === 'preempted' && s.stage === null;
}

/** What a command is, in words: stage 2 held. */
export function commandWords(s: { control: Command | 'preempted'; stage: number | null }): string {
  if (s.control === 'preempted') {
    return s.stage === null ? say('command.release') : say('command.preempt_stage', { n: s.stage + 1 });
  }
  if (s.control === 'hold') return say('command.hold_stage', { n: (s.stage ?? 0) + 1 });
  if (s.control === 'advised' && s.stage !== null) return say('command.approve_stage', { n: s.stage + 1 });
  return say(`control.${s.control}`);
}
