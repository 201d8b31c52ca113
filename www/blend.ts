// Mixing the model's scores with those of a first stage. Pure: numbers in, numbers out. Off unless a call asks for it,
// because it is only meaningful where both are on known scales. Called by ranking.ts and presets.ts.

/** How `rank` mixes its scores with the caller's: `alpha · score + (1 − alpha) · base`. */
export interface Blend {
  /** The share of the model's score, from 0 to 1. */
  readonly alpha: number;
  /** The first stage's score of each document, higher is better, in the order of the documents. */
  readonly base: readonly number[];
  /**
   * `'minmax'` (default) puts the base scores that are mixed on a scale from 0 to 1, all equal ones on 0.5; `'none'`
   * takes them as they are. The model's scores are never rescaled: with the activation `'identity'` they are logits
   * of about ±11, beside which such a base only parts ties.
   */
  readonly normalize?: 'minmax' | 'none' | undefined;
  /**
   * How many documents the model reads: those with the highest base scores. The others follow them in base order,
   * with `scored: false`, and only the head's base scores are mixed. Default: all.
   */
  readonly topN?: number | undefined;
}

/** Places by base score, highest first; equal ones by place. */
export function baseOrder(base: readonly number[]): number[] {
  return [...base.keys()].sort((a, b) => (base[b] as number) - (base[a] as number)); // stable
}

/** The values on a scale from 0 to 1; 0.5 each where all are equal (to 9 digits). */
export function minMax(values: readonly number[]): number[] {
  const [low, high] = range(values);
  const equal = Math.abs(high - low) <= 1e-9 * Math.max(Math.abs(low), Math.abs(high));
  return values.map((value) => (equal ? 0.5 : (value - low) / (high - low)));
}

/** `alpha · score + (1 − alpha) · base`, place by place. A score that is NaN stays NaN. */
export function blendScores(
  scores: ArrayLike<number>,
  base: readonly number[],
  { alpha, normalize = 'minmax' }: Pick<Blend, 'alpha' | 'normalize'>,
): number[] {
  const scaled = normalize === 'minmax' ? minMax(base) : base;
  return Array.from(scores, (score, i) => alpha * score + (1 - alpha) * (scaled[i] as number));
}

/** The lowest and the highest of the values. Not by spreading them: there may be more than a call takes. */
export function range(values: readonly number[]): [low: number, high: number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) [low, high] = [Math.min(low, value), Math.max(high, value)];
  return [low, high];
}
