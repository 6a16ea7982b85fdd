/** Calls again and again while its element stands on the page. */

import type { ReactiveController, ReactiveControllerHost } from 'lit';

export class Again implements ReactiveController {
  private timer = 0;

  constructor(
    host: ReactiveControllerHost,
    private readonly call: () => void,
    private readonly everyMs: number,
  ) {
    host.addController(this);
  }

  hostConnected(): void {
    this.timer = window.setInterval(this.call, this.everyMs);
  }

  hostDisconnected(): void {
    clearInterval(this.timer);
  }
}
