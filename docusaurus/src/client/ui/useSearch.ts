// The session of one search box, and what its component draws.

import useDocusaurusContext from '@docusaurus/useDocusaurusContext';
import { useEffect, useState, useSyncExternalStore } from 'react';
import { crossrankData } from '../data.js';
import { model, reranker, served } from '../rerank/index.js';
import type { ModelState } from '../rerank/model.js';
import { mayLoad } from '../rerank/permission.js';
import { searchSections } from '../search/index.js';
import { SearchSession, type View } from '../session.js';

export interface Search {
  readonly session: SearchSession;
  readonly view: View;
  readonly model: ModelState;
  /** Whether the model comes only when the reader asks for it. */
  readonly askFirst: boolean;
  readonly locale: string;
}

/** A search that shows `results` rows. */
export function useSearch(results: number): Search {
  const { i18n } = useDocusaurusContext();
  const [session] = useState(() => makeSession(results));
  const view = useSyncExternalStore(session.subscribe, session.view, session.view);
  const state = useSyncExternalStore(model.subscribe, model.state, model.state);
  const [askFirst, setAskFirst] = useState(false);
  useEffect(() => {
    setAskFirst(served && !mayLoad(crossrankData().options, 'focus'));
    void session.start();
    return () => session.stop();
  }, [session]);
  return { session, view, model: state, askFirst, locale: i18n.currentLocale };
}

function makeSession(results: number): SearchSession {
  const { options } = crossrankData();
  return new SearchSession({
    search: searchSections,
    reranker,
    model,
    mayLoad: (trigger) => served && mayLoad(options, trigger),
    results,
    candidates: options.candidates,
    budgetMs: options.budgetMs,
  });
}
