/** Finds a junction by its name, by keyboard alone: `/` to begin, arrows to choose, Enter to go. */

import { html, nothing, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import type { Ground, MapJunction } from './ground';
import { Part } from './part';
import { go } from './place';
import { named, say } from './words';

const MOST = 8;

@customElement('cb-search')
export class Search extends Part {
  @property({ attribute: false }) ground: Ground | null = null;
  @state() private text = '';
  @state() private open = false;
  @state() private at = 0;

  private readonly onSlash = (event: KeyboardEvent): void => {
    const typing = event.target instanceof HTMLElement && event.target.closest('input, select, textarea');
    if (event.key !== '/' || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    this.querySelector('input')?.focus();
  };

  override connectedCallback(): void {
    super.connectedCallback();
    document.addEventListener('keydown', this.onSlash);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    document.removeEventListener('keydown', this.onSlash);
  }

  protected override render(): TemplateResult {
    const found = this.open ? this.found() : [];
    const at = Math.min(this.at, found.length - 1);
    return html`<div class="search">
      <input
        type="search"
        role="combobox"
        aria-label=${say('search.label')}
        placeholder=${say('search.hint')}
        aria-expanded=${this.open ? 'true' : 'false'}
        aria-controls="search-list"
        aria-autocomplete="list"
        aria-activedescendant=${this.open && found.length ? `search-${at}` : ''}
        autocomplete="off"
        spellcheck="false"
        .value=${this.text}
        @focus=${() => (this.open = true)}
        @blur=${() => (this.open = false)}
        @input=${(e: InputEvent) => this.type((e.target as HTMLInputElement).value)}
        @keydown=${(e: KeyboardEvent) => this.key(e, found, at)}
      />
      <kbd aria-hidden="true">/</kbd>
      <ul id="search-list" role="listbox" aria-label=${say('search.label')} ?hidden=${!this.open}>
        ${found.map((j, i) => this.option(j, i, i === at))}
        ${found.length ? nothing : html`<li role="option" aria-selected="false" aria-disabled="true">${say('search.none')}</li>`}
      </ul>
    </div>`;
  }

  private option(j: MapJunction, i: number, chosen: boolean): TemplateResult {
    const district = this.ground?.map.areas.find((a) => a.id === j.district);
    return html`<li
      id="search-${i}"
      role="option"
      aria-selected=${chosen ? 'true' : 'false'}
      @mousedown=${(e: Event) => e.preventDefault()}
      @click=${() => this.choose(j)}
    >
      <span>${j.name}</span><span class="caption">${district ? named(district) : ''}</span>
    </li>`;
  }

  private found(): MapJunction[] {
    const wanted = this.text.trim().toLowerCase();
    const all = this.ground?.map.junctions ?? [];
    if (!wanted) return all.slice(0, MOST);
    return all.filter((j) => j.name.toLowerCase().includes(wanted) || j.id.toLowerCase().includes(wanted)).slice(0, MOST);
  }

  private type(text: string): void {
    this.text = text;
    this.at = 0;
    this.open = true;
  }

  private key(event: KeyboardEvent, found: MapJunction[], at: number): void {
    if (event.key === 'ArrowDown') this.at = Math.min(found.length - 1, at + 1);
    else if (event.key === 'ArrowUp') this.at = Math.max(0, at - 1);
    else if (event.key === 'Enter' && found[at]) this.choose(found[at]);
    else if (event.key === 'Escape') this.leave(event.target as HTMLInputElement);
    else return;
    event.preventDefault();
  }

  private choose(j: MapJunction): void {
    this.text = '';
    this.leave(this.querySelector('input') as HTMLInputElement);
    go({ view: 'junction', id: j.id });
  }

  private leave(input: HTMLInputElement): void {
    this.open = false;
    input.blur();
  }
}
