// Makes the default worker. Alone in a file because bundlers find workers by this literal expression, to the letter.

/** Starts the worker script that lies beside this module. */
export function spawnWorker(): Worker {
  return new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
}
