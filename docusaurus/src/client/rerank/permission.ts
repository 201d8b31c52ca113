// When the model may be brought: as the site's owner says, unless the reader asks to save data. Then only when the
// reader asks for it.

import type { ClientOptions } from '../../shared/options.js';

/** What has happened: the page is idle, the reader is at the search box, the reader asks for the best order. */
export type Trigger = 'idle' | 'focus' | 'submit';

const ALLOWED: Record<ClientOptions['load'], readonly Trigger[]> = {
  idle: ['idle', 'focus', 'submit'],
  'on-focus': ['focus', 'submit'],
  'on-submit': ['submit'],
};

export function mayLoad(options: Pick<ClientOptions, 'load' | 'saveData'>, trigger: Trigger): boolean {
  if (trigger !== 'submit' && options.saveData === 'respect' && savesData()) return false;
  return ALLOWED[options.load].includes(trigger);
}

/** Whether the reader asked to be spared large downloads. */
function savesData(): boolean {
  const { connection } = navigator as Navigator & { connection?: { saveData?: boolean } };
  return connection?.saveData === true || matchMedia('(prefers-reduced-data: reduce)').matches;
}
