// The reranker of the page: one model, shared by whichever search boxes it has, and the only place that imports
// crossrank, lazily. Also for the searches of other plugins (adapters/). Nothing here rejects.

import { crossrankData } from '../data.js';
import { type LoadEngine, Model } from './model.js';
import { mayLoad, type Trigger } from './permission.js';
import { type Candidate, SearchReranker } from './reranker.js';

export type { Candidate } from './reranker.js';

const { baseUrl, mode, model: source, options } = crossrankData();

const loadCrossrank: LoadEngine = async (onProgress) => {
  const { Reranker } = await import('crossrank');
  const { device, workers, maxLength } = options;
  return Reranker.load({
    device,
    workers,
    maxLength,
    onProgress,
    ...(source === null ? {} : { model: source }),
  });
};

/** Whether the model reads the language of this site at all. */
export const served = source !== null;
export const model = new Model(loadCrossrank);
export const reranker = new SearchReranker({ ...options, baseUrl }, model);

model.subscribe(showState);

/** Brings the model if the options allow it at this point. */
export function prepare(trigger: Trigger): void {
  if (!served || !mayLoad(options, trigger)) return;
  if (trigger !== 'idle') model.forgive();
  void model.load();
}

/** See `SearchReranker.takeTurn`. */
export const takeTurn = () => reranker.takeTurn();

export interface Reordered {
  /** Indexes into the candidates: all of them, best first. */
  readonly order: number[];
  readonly reranked: boolean;
  /** Why not, where it is not. */
  readonly reason?: 'not served' | 'not needed' | 'not loaded' | 'late' | 'failed or superseded';
}

/**
 * The candidates of another search in the model's order, if that is there within the budget; else as they are. What
 * comes too late is kept for the next time that the same is asked. The last query wins: `turn` is what `takeTurn` gave when
 * this one began.
 */
export async function rerankResults(
  query: string,
  candidates: readonly Candidate[],
  turn: number,
  trigger: 'type' | 'submit' = 'type',
): Promise<Reordered> {
  const base = (reason: NonNullable<Reordered['reason']>): Reordered => ({
    order: Array.from(candidates.keys()),
    reranked: false,
    reason,
  });
  if (!served) return base('not served');
  if (!reranker.isWorthIt(query, candidates)) {
    reranker.cancel(turn);
    return base('not needed');
  }
  const known = reranker.known(query, candidates);
  if (known !== undefined) return { order: known, reranked: true };
  prepare(trigger === 'submit' ? 'submit' : 'focus');
  if (model.state().kind === 'waiting') return base('not loaded');
  const order = reranker.order(query, candidates, turn);
  // A download takes longer than any budget: no reason to keep the reader waiting.
  if (isDownloading()) return base('not loaded');
  const late = new Promise<'late'>((resolve) => setTimeout(() => resolve('late'), options.budgetMs));
  const first = await Promise.race([order, late]);
  if (first === 'late') return base('late');
  return first === undefined ? base('failed or superseded') : { order: first, reranked: true };
}

function isDownloading(): boolean {
  const state = model.state();
  return state.kind === 'loading' && state.bytes !== null && state.bytes.loaded > 0;
}

const STATES = { waiting: 'idle', loading: 'loading', ready: 'ready', failed: 'basic' } as const;

/** For whoever looks at the page; and where the search is not ours, what the reader sees of a failure. */
function showState(): void {
  const state = model.state();
  document.documentElement.dataset.crossrank = STATES[state.kind];
  if (state.kind !== 'failed' || mode !== 'rerank') return;
  const { code } = state;
  void import('../ui/notice.js').then(({ showNotice }) => showNotice(code)).catch(() => {});
}
