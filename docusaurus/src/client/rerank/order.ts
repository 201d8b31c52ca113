// From scores to an order: the model's and the first stage's scores mixed, weighted by path. Pure.

/** What a score becomes an order from. */
export interface Scored {
  /** The first stage's score, higher is better. */
  readonly base: number;
  /** The boost of its path; 1 is none. */
  readonly weight: number;
}

/** Places in the first stage's order, boosts applied; equal ones as they came. */
export function baseOrder(items: readonly Scored[]): number[] {
  return sorted(items.map(({ base, weight }) => base * weight));
}

/**
 * Places in the mixed order. `scores` has the model's score from 0 to 1 of each item that it has read; the others
 * follow those in base order, because a score and none cannot be compared.
 */
export function mixedOrder(
  items: readonly Scored[],
  scores: readonly (number | undefined)[],
  blend: number,
): number[] {
  const places = baseOrder(items);
  const read = places.filter((place) => scores[place] !== undefined);
  const bases = read.map((place) => items[place]?.base ?? 0);
  const [low, high] = [Math.min(...bases), Math.max(...bases)];
  const final = read.map((place, i) => {
    const base = high > low ? ((bases[i] ?? 0) - low) / (high - low) : 0.5;
    return (blend * (scores[place] ?? 0) + (1 - blend) * base) * (items[place]?.weight ?? 1);
  });
  const head = sorted(final).map((i) => read[i] as number);
  return [...head, ...places.filter((place) => scores[place] === undefined)];
}

function sorted(scores: readonly number[]): number[] {
  return Array.from(scores.keys()).sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0)); // stable
}
