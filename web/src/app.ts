/** The page: its head, the map, and the panel beside it. */

import { html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, state } from 'lit/decorators.js';
import { CityMap } from './citymap';
import './control';
import { fetchGround, type Ground } from './ground';
import './history';
import './junction';
import './legend';
import { LiveLink } from './livelink';
import './measures';
import { Part } from './part';
import { go, here, onPlace, type Place } from './place';
import './records';
import './report';
import './ticker';
import './top';
import './vitals';
import { language, say, setLanguage } from './words';
import type { Score } from './city';

@customElement('cb-app')
export class App extends Part {
  @state() private ground: Ground | null = null;
  @state() private failure = '';
  @state() private plain = false;
  @state() private place: Place = here();
  private map: CityMap | null = null;
  private readonly link = new LiveLink(this.city);

  override connectedCallback(): void {
    super.connectedCallback();
    setLanguage(language());
    this.city.on('link', () => (document.title = `${this.city.name} | ${say('app.name')}`));
    onPlace(() => this.arrive());
    document.addEventListener('keydown', (event) => {
      const typing = event.target instanceof HTMLElement && event.target.closest('input, select');
      if (event.key === 'Escape' && !typing && !document.querySelector('dialog[open]')) go({ view: 'overview' });
    });
    this.link.open();
    void this.load();
    void this.remember();
  }

  private async load(): Promise<void> {
    this.failure = '';
    try {
      this.ground = await fetchGround();
    } catch (error) {
      this.failure = error instanceof Error ? error.message : String(error);
    }
  }

  /** Fill the past of the vital signs. */
  private async remember(): Promise<void> {
    const answer = await fetch('./api/vitals').catch(() => null);
    if (!answer?.ok) return;
    const past = (await answer.json()) as Record<'live' | 'shadow', Score[]>;
    this.city.rememberScores(past);
  }

  private arrive(): void {
    this.place = here();
  }

  /** Let the map and the live link follow to the junction that the panel shows. */
  private follow(): void {
    const at = this.place.view === 'junction' || this.place.view === 'measures' ? this.place.id : null;
    this.link.watch(at);
    this.map?.select(at);
  }

  protected override updated(changed: PropertyValues): void {
    if (this.ground && !this.map) this.draw(this.ground);
    const before = (changed as Map<string, Place | undefined>).get('place');
    if (!before) return;
    this.follow();
    void this.moveFocus(before);
  }

  /** Bring the focus to the head of the new panel, or back to what opened the one before, once all is drawn. */
  private async moveFocus(before: Place): Promise<void> {
    const panel = this.querySelector<Part>('.side > *');
    await panel?.updateComplete;
    const opener = before.view === 'records' ? `[data-metric="${before.id}"]` : `[data-${before.view}]`;
    const wanted = this.place.view === 'overview' ? (this.querySelector(opener) ?? this.querySelector('.side')) : panel?.querySelector('h2');
    if (wanted instanceof HTMLElement) wanted.focus();
  }

  private draw(ground: Ground): void {
    const box = this.querySelector<HTMLElement>('.map-box');
    if (!box) return;
    this.map = new CityMap(box, ground, this.city, say('app.map', { city: ground.map.name }));
    this.map.onChoose = (junction) => {
      if (junction !== null) go({ view: 'junction', id: junction });
    };
    this.map.onPlain = () => (this.plain = true);
    this.follow();
  }

  protected override render(): TemplateResult {
    return html`<a class="skip" href="#" @click=${(e: Event) => this.skip(e)}>${say('app.skip')}</a>
      <cb-top .ground=${this.ground}></cb-top>
      <main class=${this.place.view === 'measures' || this.place.view === 'report' ? 'is-wide' : ''}>
        <div class="map">
          <div class="map-box"></div>
          ${this.overMap()}
        </div>
        <aside class="side" aria-label=${say('vitals.title')} tabindex="-1">${this.panel()}</aside>
      </main>`;
  }

  private overMap(): TemplateResult {
    if (this.failure)
      return html`<p class="map-message" role="alert">
        ${say('app.failed', { why: this.failure })}
        <button class="quiet" @click=${() => void this.load()}>${say('app.retry')}</button>
      </p>`;
    const button = (word: 'map.zoom_in' | 'map.zoom_out' | 'map.show_all', sign: string, act: () => void): TemplateResult =>
      html`<button title=${say(word)} aria-label=${say(word)} @click=${act}><span aria-hidden="true">${sign}</span></button>`;
    return html`${this.ground ? nothing : html`<p class="map-message" role="status">${say('app.loading')}</p>`}
      <div class="map-tools">
        ${button('map.zoom_in', '+', () => this.map?.zoomBy(1))}
        ${button('map.zoom_out', '−', () => this.map?.zoomBy(-1))}
        ${button('map.show_all', '⤢', () => this.map?.showAll())}
      </div>
      ${this.plain ? html`<p class="map-plain" role="status">${say('map.plain')}</p>` : nothing}
      <cb-legend></cb-legend>
      <p class="map-credit"><span class="truth">${say('map.truth')}</span>${credit(this.ground?.map.attribution ?? '')}</p>`;
  }

  private panel(): TemplateResult {
    const { place } = this;
    switch (place.view) {
      case 'records':
        return html`<cb-records .metric=${place.id}></cb-records>`;
      case 'junction':
        return html`<cb-junction .junction=${place.id} .ground=${this.ground}></cb-junction>`;
      case 'measures':
        return html`<cb-measures .junction=${place.id}></cb-measures>`;
      case 'report':
        return html`<cb-report></cb-report>`;
      case 'control':
        return html`<cb-control .ground=${this.ground}></cb-control>`;
      case 'overview':
        return html`<cb-vitals></cb-vitals><cb-history></cb-history><cb-ticker></cb-ticker>`;
    }
  }

  private skip(event: Event): void {
    event.preventDefault();
    this.querySelector<HTMLElement>('.side')?.focus();
  }
}

function credit(attribution: string): TemplateResult | typeof nothing {
  if (!attribution) return nothing;
  if (!attribution.includes('OpenStreetMap')) return html`<span class="credit">${attribution}</span>`;
  return html`<a class="credit" href="https://www.openstreetmap.org/copyright" rel="noreferrer" target="_blank">${attribution}</a>`;
}
