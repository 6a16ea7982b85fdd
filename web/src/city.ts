/** The city as the page knows it: fed by the live link, watched by the parts of the page. */

import type { ReactiveController, ReactiveControllerHost } from 'lit';
import type { Frame } from './frame';

export interface Score {
  city: 'live' | 'shadow';
  time: number;
  in_transit: number;
  waiting: number;
  mean_delay_s: number;
  delay_index: number;
  mean_speed_mps: number | null;
  arrived: number;
  halted: number;
  longest_queue_m: number;
  longest_queue_zone: string | null;
  teleports: number;
}

/** Link, speed and allowed speed in m/s, probe observations. */
export type Slow = [string, number, number, number];

/** What a person may ask for. */
export type Command = 'brain' | 'own_plan' | 'advised' | 'hold' | 'flash';

export type Control = Command | 'silence' | 'refused' | 'approved' | 'preempted' | 'fault';

/** Whether a junction does something else than what the city is set up for: it is told apart, in colour. */
export function apart(control: Control | undefined): boolean {
  return control !== undefined && APART.has(control);
}

const APART: ReadonlySet<Control> = new Set(['own_plan', 'silence', 'hold', 'flash', 'preempted', 'fault']);

export interface Signal {
  junction: string;
  time: number;
  stage: number;
  next_stage: number;
  since: number;
  lamps: string;
  control: Control;
}

export interface Queue {
  movement: string;
  time: number;
  queue_veh: number;
  queue_sd_veh: number;
  arrival_vph: number;
  waited_s: number;
  /** null: no detector that works has said anything yet. */
  age_s: number | null;
  approaching_veh: number | null;
  /** Occupied part of its exit. */
  exit_occupied: number | null;
}

/** Whether the brain believes the detector of an approach lane. */
export interface Detector {
  zone: string;
  time: number;
  since: number;
  state: 'works' | 'out' | 'silent' | 'disbelieved';
  reason: string | null;
}

export interface Order {
  junction: string;
  time: number;
  stage: number;
  why: string;
  serves: string | null;
  serves_veh: number | null;
  waits: string | null;
  waits_s: number | null;
}

/** A stage that the brain wanted for a reason, from its first order to its last. */
export interface Decision {
  time: number;
  last: number;
  stage: number;
  why: string;
  serves: string | null;
  serves_veh: number | null;
  waits: string | null;
  waits_s: number | null;
}

export interface Refusal {
  junction: string;
  time: number;
  source: string;
  stage: number;
  reason: string;
}

export interface Happening {
  id: string;
  time: number;
  kind: string;
  subject: string;
  state: string;
  detail: string;
  until: number | null;
}

export interface Switch {
  request: string;
  time: number;
  area: string;
  control: Command | 'preempted';
  who: string;
  why: string;
  until: number | null;
  accepted: boolean | null;
  reason: string;
  junctions: number;
  /** Stage held, or (advised) the proposal approved. */
  stage: number | null;
  lock: boolean;
  force: boolean;
  /** Junctions left out because somebody else has locked them. */
  locked: number;
}

export interface Seen {
  dataset: string;
  time: number;
  age_s: number;
  cadence_s: number | null;
}

export interface JunctionNow {
  id: string;
  time: number;
  signal: Signal | null;
  order: Order | null;
  queues: Queue[];
  /** The command in force, and the one that is in force again when it ends. */
  switch: Switch | null;
  below: (Switch & { control: Command }) | null;
  /** Newest first. */
  decisions: Decision[];
  detectors: Detector[];
}

export type Link = 'connecting' | 'live' | 'lost';

export type Topic =
  | 'link'
  | 'clock'
  | 'score'
  | 'slow'
  | 'control'
  | 'happening'
  | 'refusal'
  | 'switch'
  | 'junction'
  | 'seen'
  | 'frame';

const SCORES_KEPT = 900;
const LINES_KEPT = 100;
/** A source is stale when it is later than its cadence by this factor. */
const LATE = 1.5;
const STALE_LEAST_S = 3;
/** The pace of city time is told from so many frames, over at least so long. */
const BEATS_KEPT = 20;
const PACE_OVER_MS = 4000;

export class City {
  name = '';
  zone = 'UTC';
  link: Link = 'connecting';
  /** City time of the newest frame, null before the first. */
  timeMs: number | null = null;
  /** City seconds a wall second, as observed. */
  speed = 1;
  scores: Record<'live' | 'shadow', Score[]> = { live: [], shadow: [] };
  slow: Slow[] = [];
  control: Record<string, Control> = {};
  happenings: Happening[] = [];
  refusals: Refusal[] = [];
  switches: Switch[] = [];
  junction: JunctionNow | null = null;
  frame: Frame | null = null;
  private seen = new Map<string, { seen: Seen; at: number }>();
  private readonly watchers = new Map<Topic, Set<() => void>>();
  /** Wall and city time of the last frames. */
  private beats: [number, number][] = [];

  on(topic: Topic, call: () => void): () => void {
    const calls = this.watchers.get(topic) ?? new Set();
    this.watchers.set(topic, calls.add(call));
    return () => calls.delete(call);
  }

  tell(topic: Topic): void {
    this.watchers.get(topic)?.forEach((call) => call());
  }

  /** Wall seconds since the newest record of a dataset came; null when none has come. */
  age(dataset: string): number | null {
    const found = this.seen.get(dataset);
    return found ? found.seen.age_s + (performance.now() - found.at) / 1000 : null;
  }

  /** Whether a dataset is later than it promised. */
  stale(dataset: string): boolean {
    const found = this.seen.get(dataset);
    if (!found || found.seen.cadence_s === null) return false;
    const due = (found.seen.cadence_s * LATE) / Math.max(1, this.speed);
    return (this.age(dataset) ?? 0) > Math.max(STALE_LEAST_S, due);
  }

  takeFrame(frame: Frame): void {
    const now = performance.now();
    if (this.timeMs !== null && frame.timeMs < this.timeMs) this.beats = [];
    this.beats.push([now, frame.timeMs]);
    if (this.beats.length > BEATS_KEPT) this.beats.shift();
    const [wall, time] = this.beats[0];
    if (now - wall > PACE_OVER_MS) this.speed = (frame.timeMs - time) / (now - wall);
    this.timeMs = frame.timeMs;
    this.frame = frame;
    this.tell('frame');
    this.tell('clock');
  }

  takeSeen(all: Seen[]): void {
    const at = performance.now();
    for (const seen of all) this.seen.set(seen.dataset, { seen, at });
    this.tell('seen');
  }

  takeScores(scores: readonly Score[]): void {
    for (const score of scores) {
      const kept = this.scores[score.city];
      while (kept.length && kept[kept.length - 1].time >= score.time) kept.pop();
      kept.push(score);
      if (kept.length > SCORES_KEPT) kept.shift();
    }
    this.tell('score');
  }

  /** Scores of the past: they go before what is known. */
  rememberScores(past: Record<'live' | 'shadow', Score[]>): void {
    for (const which of ['live', 'shadow'] as const) {
      const known = this.scores[which];
      const first = known[0]?.time ?? Infinity;
      this.scores[which] = past[which].filter((s) => s.time < first).concat(known).slice(-SCORES_KEPT);
    }
    this.tell('score');
  }

  takeHappenings(happenings: readonly Happening[]): void {
    const known = new Map(this.happenings.map((h) => [h.id, h]));
    for (const h of happenings) known.set(h.id, h);
    this.happenings = [...known.values()].sort((a, b) => b.time - a.time).slice(0, LINES_KEPT);
    this.tell('happening');
  }

  takeSwitches(switches: readonly Switch[]): void {
    const known = new Map(this.switches.map((s) => [s.request, s]));
    for (const s of switches) known.set(s.request, s);
    this.switches = [...known.values()].sort((a, b) => b.time - a.time).slice(0, LINES_KEPT);
    this.tell('switch');
  }

  takeRefusals(refusals: readonly Refusal[]): void {
    this.refusals = [...refusals].reverse().concat(this.refusals).slice(0, LINES_KEPT);
    this.tell('refusal');
  }
}

/** Draws a part of the page anew when something that it shows changes. */
export class Shows implements ReactiveController {
  private ends: (() => void)[] = [];

  constructor(
    private readonly host: ReactiveControllerHost,
    private readonly city: () => City,
    private readonly topics: readonly Topic[],
  ) {
    host.addController(this);
  }

  hostConnected(): void {
    this.ends = this.topics.map((t) => this.city().on(t, () => this.host.requestUpdate()));
  }

  hostDisconnected(): void {
    this.ends.forEach((end) => end());
    this.ends = [];
  }
}

/** The one city of this page. */
export const city = new City();
