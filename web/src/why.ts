/** The brain's reasons in words: what a stage serves, who waits meanwhile, and for how long. */

import type { Decision, Order, Queue } from './city';
import { movementName, type MovementView } from './movement';
import { age, number } from './number';
import { capital, say, sayOf } from './words';

/** What the words need to know of a junction. */
export interface Reasons {
  movements: readonly MovementView[];
  max_red_s: number;
}

/** Why a stage was chosen, in one sentence. */
export function whyWords(junction: Reasons, order: Order | Decision): string {
  const values = { serves: nameOf(junction, order.serves), veh: vehicles(order.serves_veh ?? 0), max: junction.max_red_s };
  return capital(sayOf('why', order.why, values));
}

/** Who has waited longest meanwhile: how many where the queues are known, and for how long. "" for nobody. */
export function waitsWords(junction: Reasons, order: Order | Decision, queues: readonly Queue[] = []): string {
  if (order.waits === null || !order.waits_s) return '';
  const queue = queues.find((q) => q.movement === order.waits);
  const values = { waits: nameOf(junction, order.waits), age: age(order.waits_s), veh: vehicles(queue?.queue_veh ?? 0) };
  return say(queue ? 'why.waits_veh' : 'why.waits', values);
}

function vehicles(n: number): string {
  if (n > 0 && n < 0.5) return say('count.few');
  return say(Math.round(n) === 1 ? 'count.vehicle' : 'count.vehicles', { n: number(n) });
}

function nameOf(junction: Reasons, movement: string | null): string {
  return movementName(movement === null ? undefined : junction.movements.find((m) => m.id === movement));
}
