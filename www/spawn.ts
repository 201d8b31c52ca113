// Makes the default worker. Alone in a file because bundlers find workers by this literal expression, to the letter.

/** Starts the worker script that lies beside this module. */
function spawnNeighbour(): Worker {
  return new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
}

let spawn = spawnNeighbour;

/** Starts a worker where the caller has given no `createWorker`. */
export function spawnWorker(): Worker {
  return spawn();
}

/** Puts another way to start workers in the place of the literal, for the whole page. Only cdn.ts does. */
export function replaceWorker(create: () => Worker): void {
  spawn = create;
}

/**
 * The URL that the literal asks for: a failed worker's event does not tell it, and bundlers rewrite the literal. So the
 * call is made once more, with a recorder in the place of the constructor.
 */
export function workerUrl(): string | undefined {
  const { Worker: real } = globalThis;
  let asked: string | undefined;
  const recorder = function (this: object, url: string | URL) {
    asked = String(url);
  };
  try {
    globalThis.Worker = recorder as unknown as typeof Worker;
    spawnNeighbour();
  } finally {
    globalThis.Worker = real;
  }
  return asked;
}
