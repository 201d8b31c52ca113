// How the pairs of a call are shared out among workers. Pure. Called by pool.ts.

import { AUTO_PAIRS_PER_WORKER, MAX_AUTO_WORKERS } from './limits.js';

/** A rough measure, on the high side; only where a text is cut depends on it. */
const CHARS_PER_TOKEN = 4;

/** Workers that a call of `pairs` pairs is worth, of those that the `workers` option allows. At least 1. */
export function workersFor(pairs: number, workers: 'auto' | number, processors: number): number {
  const most = workersAtMost(workers, processors);
  const worth = workers === 'auto' ? Math.floor(pairs / AUTO_PAIRS_PER_WORKER) : pairs;
  return Math.max(1, Math.min(most, worth));
}

/** Workers that the `workers` option allows. `'auto'` leaves one processor to the page. */
export function workersAtMost(workers: 'auto' | number, processors: number): number {
  return workers === 'auto' ? Math.max(1, Math.min(MAX_AUTO_WORKERS, processors - 1)) : workers;
}

/**
 * What each pair costs, for want of its tokens: its characters, up to what `maxLength` tokens may have.
 * `pairs` are flat: query, document, query, document, …
 */
export function weigh(pairs: readonly string[], maxLength: number): number[] {
  const most = maxLength * CHARS_PER_TOKEN;
  return Array.from({ length: pairs.length / 2 }, (_, i) =>
    Math.min(most, (pairs[2 * i]?.length ?? 0) + (pairs[2 * i + 1]?.length ?? 0)),
  );
}

/**
 * Places of the weights in `count` shares of about the same sum: the heaviest first, each to the share that is the
 * lightest so far. A share keeps the order of the places, so that the first stage's best are scored first.
 */
export function split(weights: readonly number[], count: number): number[][] {
  const shares = Array.from({ length: count }, () => ({ sum: 0, places: [] as number[] }));
  const weight = (place: number) => weights[place] ?? 0;
  for (const place of [...weights.keys()].sort((a, b) => weight(b) - weight(a))) {
    // Of equally heavy shares the one with fewer pairs: empty texts cost something too.
    const lightest = shares.reduce((best, share) =>
      share.sum < best.sum || (share.sum === best.sum && share.places.length < best.places.length)
        ? share
        : best,
    );
    lightest.places.push(place);
    lightest.sum += weight(place);
  }
  return shares.map(({ places }) => places.sort((a, b) => a - b));
}
