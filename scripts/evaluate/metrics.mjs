// The metrics of one list, as the native `crossrank evaluate` defines them. `gains` are those of the documents in order;
// a document is relevant if its gain is above 0. Pure.

/** 1 / rank of the first relevant document among the first `k`, else 0. Its mean over queries is MRR@k. */
export function reciprocalRank(gains, k) {
  const place = gains.slice(0, k).findIndex((gain) => gain > 0);
  return place === -1 ? 0 : 1 / (place + 1);
}

/**
 * Discounted gain of the first `k` over that of the ideal order of all relevant documents, in the list or not. Gains are
 * taken as they are, the discount is log2(rank + 1). 0 if nothing is relevant.
 */
export function ndcg(gains, relevant, k) {
  const ideal = discounted([...relevant].sort((a, b) => b - a).slice(0, k));
  return ideal === 0 ? 0 : discounted(gains.slice(0, k)) / ideal;
}

function discounted(gains) {
  return gains.reduce((sum, gain, place) => sum + gain / Math.log2(place + 2), 0);
}

/** Mean; 0 for none. */
export function mean(values) {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}
