/** The key of the map, and what it must say about its data. */

import { html, type TemplateResult } from 'lit';
import { customElement } from 'lit/decorators.js';
import { Part } from './part';
import { say, type Word } from './words';

const ENTRIES: [string, Word][] = [
  ['moving', 'map.legend.moving'],
  ['standing', 'map.legend.standing'],
  ['bus', 'map.legend.bus'],
  ['emergency', 'map.legend.emergency'],
  ['slow', 'map.legend.slow'],
  ['very-slow', 'map.legend.very_slow'],
  ['red', 'map.legend.red'],
  ['amber', 'map.legend.amber'],
  ['green', 'map.legend.green'],
  ['own-plan', 'map.legend.own_plan'],
];

@customElement('cb-legend')
export class Legend extends Part {
  protected override render(): TemplateResult {
    return html`<details class="map-key">
      <summary>${say('map.legend')}</summary>
      <ul>
        ${ENTRIES.map(([name, word]) => html`<li><span class="sign sign-${name}" aria-hidden="true"></span>${say(word)}</li>`)}
      </ul>
    </details>`;
  }
}
