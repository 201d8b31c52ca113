// A promise with an end. What the GPU or the storage is asked may never be answered, and no event tells. Pure but for its timer.

/** Ticks of a deadline: it is late by at most one part of this many. */
const TICKS = 10;

/**
 * The promise, or the rejection with `late()` when it is still pending after `ms`. Counts ticks of a timer and not the
 * clock: a machine that slept has missed ticks, but its work is not late.
 */
export function within<T>(promise: Promise<T>, ms: number, late: () => unknown): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    let left = TICKS;
    const timer = setInterval(() => {
      left -= 1;
      if (left > 0) return;
      clearInterval(timer);
      reject(late());
    }, ms / TICKS);
    promise.then(resolve, reject).finally(() => clearInterval(timer));
  });
}
