// The order of results, on the page because the scores of a call may come from several workers. Pure.
// The same order as src/rank/order.rs, whose tests these of tests/unit/order.test.mjs repeat.

/** Stands for a score that is not there. No model gives it: a logit that is not finite is an error. */
export const UNSCORED = Number.NaN;

/** Places of the scores, best first; equal scores (0 equals -0) by place. Places without a score are left out. */
export function order(scores: ArrayLike<number>): number[] {
  const places = Array.from(scores, (_, place) => place).filter((place) => !Number.isNaN(scores[place]));
  // Sorting is stable, which settles equal scores.
  return places.sort((a, b) => (scores[b] as number) - (scores[a] as number));
}
