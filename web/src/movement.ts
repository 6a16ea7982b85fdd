/** Movements in words: where their traffic comes from and where it turns. */

import { say, type Word } from './words';

export interface MovementView {
  id: string;
  /** Where its traffic heads, degrees clockwise from north. */
  heading: number;
  turn: 's' | 'l' | 'r' | 't';
  street: string;
  always_green: boolean;
  links: number[];
  /** Approach lanes that feed it. */
  zones: string[];
  storage_m: number;
}

const SIDES = ['n', 'ne', 'e', 'se', 's', 'sw', 'w', 'nw'] as const;

/** from the north, left */
export function movementName(movement: MovementView | undefined): string {
  if (!movement) return say('movement.other');
  const turn = say(`turn.${movement.turn}` as Word);
  return say('movement.name', { from: approachName(movement.heading), turn });
}

/** from the north */
export function approachName(heading: number): string {
  return say(`from.${SIDES[Math.round(((heading + 180) % 360) / 45) % 8]}` as Word);
}

/** A lamp letter as green, amber, red or dark. */
export function lampOf(letters: string): 'green' | 'amber' | 'red' | 'dark' {
  if (/[Gg]/.test(letters)) return 'green';
  if (/[yYu]/.test(letters)) return 'amber';
  return /[rs]/.test(letters) ? 'red' : 'dark';
}

/** Movements of one approach, in the order of the compass. */
export interface Approach {
  heading: number;
  street: string;
  movements: MovementView[];
}

/** Movements by approach. Turning round from lanes that also go elsewhere has no queue of its own: left out. */
export function approaches(movements: readonly MovementView[]): Approach[] {
  const found = new Map<string, Approach>();
  for (const m of movements) {
    const shared = movements.some((o) => o !== m && o.turn !== 't' && m.zones.every((z) => o.zones.includes(z)));
    if (m.turn === 't' && shared) continue;
    const key = m.id.slice(0, m.id.indexOf('>'));
    const approach = found.get(key) ?? { heading: m.heading, street: m.street, movements: [] };
    approach.movements.push(m);
    found.set(key, approach);
  }
  return [...found.values()].sort((a, b) => ((a.heading + 200) % 360) - ((b.heading + 200) % 360));
}
