// The entry for pages that import crossrank from another origin, a CDN. Browsers start workers from the page's own origin
// only, so the worker is a Blob that imports the real script. Opt-in, because strict policies forbid such workers.
// Everything else is what index.ts exports.

import { replaceWorker, workerUrl } from './spawn.js';

/** The Blob's URL. Kept as long as the page, as workers may be started at any time. */
let script: string | undefined;

replaceWorker(() => {
  script ??= URL.createObjectURL(
    new Blob([`import ${JSON.stringify(workerUrl())};`], { type: 'text/javascript' }),
  );
  return new Worker(script, { type: 'module' });
});

export * from './index.js';
