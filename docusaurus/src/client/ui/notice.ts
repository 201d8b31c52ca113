// Where the search is another plugin's, what its reader sees when the model is not available: one line at the bottom
// of the window, once a page. Made without React, as there is no component of ours on such pages.

import { translate } from '@docusaurus/Translate';
import styles from './notice.module.css';
import { strings } from './strings.js';

let shown = false;

export function showNotice(code: string): void {
  if (shown) return;
  shown = true;
  const notice = document.createElement('div');
  notice.className = styles.notice ?? '';
  notice.dataset.crossrankNotice = code;
  notice.setAttribute('role', 'status');
  const close = document.createElement('button');
  close.type = 'button';
  close.textContent = '×';
  close.setAttribute('aria-label', translate({ id: 'crossrank.dialog.close', message: 'Close' }));
  close.addEventListener('click', () => notice.remove());
  document.body.append(notice);
  // A status is spoken when its text changes, not when it appears with it.
  requestAnimationFrame(() => notice.append(strings.noModel(code), close));
}
