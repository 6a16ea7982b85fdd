/** The base of the page's parts: drawn in the page itself (one style sheet), anew when the language changes. */

import { LitElement } from 'lit';
import { city, Shows, type Topic } from './city';
import { onLanguage } from './words';

export class Part extends LitElement {
  protected readonly city = city;
  private endLanguage: (() => void) | null = null;

  constructor(...topics: Topic[]) {
    super();
    if (topics.length) new Shows(this, () => city, topics);
  }

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.endLanguage = onLanguage(() => this.requestUpdate());
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.endLanguage?.();
  }
}
