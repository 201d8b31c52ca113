// Makes the default worker. Alone in a file because bundlers find workers by this literal expression, to the letter.

/** Starts the worker script that lies beside this module. */
export function spawnWorker(): Worker {
  return new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
}

/**
 * The URL that `spawnWorker` asks for, for an error message: a failed worker's event does not tell it, and bundlers
 * rewrite the literal above. So the call is made once more, with a recorder in the place of the constructor.
 */
export function workerUrl(): string | undefined {
  const { Worker: real } = globalThis;
  let asked: string | undefined;
  const recorder = function (this: object, url: string | URL) {
    asked = String(url);
  };
  try {
    globalThis.Worker = recorder as unknown as typeof Worker;
    spawnWorker();
  } finally {
    globalThis.Worker = real;
  }
  return asked;
}
