/** Asks before something touches the street. The dialog is the browser's own: the focus stays in it, Escape leaves. */

import { html, render } from 'lit';
import { say } from './words';

/** Whether the person means it. `what` says what will happen, `then` what that means for people on the street. */
export function confirmed(what: string, then: string): Promise<boolean> {
  const dialog = document.createElement('dialog');
  dialog.className = 'confirm';
  dialog.setAttribute('aria-labelledby', 'confirm-what');
  render(
    html`<form method="dialog">
      <h2 id="confirm-what">${what}</h2>
      <p>${then}</p>
      <div class="confirm-choices">
        <button class="quiet" value="no" autofocus>${say('confirm.no')}</button>
        <button class="primary" value="yes">${say('confirm.yes')}</button>
      </div>
    </form>`,
    dialog,
  );
  document.body.append(dialog);
  return new Promise((answer) => {
    dialog.addEventListener('close', () => {
      dialog.remove();
      answer(dialog.returnValue === 'yes');
    });
    dialog.showModal();
  });
}
