/** Movements in words: where their traffic comes from and where it turns. */

import { say, type Word } from './words';

export interface MovementView {
  id: string;
  /** Where its traffic heads, degrees clockwise from north. */
  heading: number;
  /** Straight, left, right, turning round; p for people who cross on foot. */
  turn: 's' | 'l' | 'r' | 't' | 'p';
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
  if (movement.turn === 'p') return say('movement.on_foot', { lamps: movement.links.join(', ') });
  const turn = say(`turn.${movement.turn}` as Word);
  return say('movement.name', { from: approachName(movement.heading), turn });
}

/** from the north */
export function approachName(heading: number): string {
  return say(`from.${SIDES[Math.round(((heading + 180) % 360) / 45) % 8]}` as Word);
}

/** A lamp letter (o flashes amber) as green, amber, red or dark. */
export function lampOf(letters: string): 'green' | 'amber' | 'red' | 'dark' {
  if (/[Gg]/.test(letters)) return 'green';
  if (/[yYuo]/.test(letters)) return 'amber';
  return /[rs]/.test(letters) ? 'red' : 'dark';
}

/** Movements of one approach, in the order of the compass. */
export interface Approach {
  /** null for the crossings on foot. */
  heading: number | null;
  street: string;
  movements: MovementView[];
}

/** Whether it turns round from lanes that also go elsewhere: then it has no queue and no figures of its own. */
export function sharesLanes(m: MovementView, all: readonly MovementView[]): boolean {
  return m.turn === 't' && all.some((o) => o !== m && o.turn !== 't' && m.zones.every((z) => o.zones.includes(z)));
}

/** Movements by approach, but for those that only share lanes. */
export function approaches(movements: readonly MovementView[]): Approach[] {
  const found = new Map<string, Approach>();
  for (const m of movements) {
    if (sharesLanes(m, movements)) continue;
    const key = m.turn === 'p' ? '' : m.id.slice(0, m.id.indexOf('>'));
    const heading = m.turn === 'p' ? null : m.heading;
    const approach = found.get(key) ?? { heading, street: m.street, movements: [] };
    approach.movements.push(m);
    found.set(key, approach);
  }
  const place = (a: Approach): number => (a.heading === null ? 360 : (a.heading + 200) % 360);
  return [...found.values()].sort((a, b) => place(a) - place(b));
}
