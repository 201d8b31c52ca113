// Says in which order the results are and what the model is doing, in a line of constant height; and, for those who
// do not see the list, how many results there are and that their order has changed.

import { usePluralForm } from '@docusaurus/theme-common';
import { crossrankData } from '../data.js';
import { served } from '../rerank/index.js';
import type { ModelState } from '../rerank/model.js';
import type { View } from '../session.js';
import styles from './search.module.css';
import { megabytes, strings } from './strings.js';
import type { Search } from './useSearch.js';

export function StatusLine({ view, model, session, locale, askFirst }: Search) {
  const { selectMessage } = usePluralForm();
  const counted = selectMessage(view.results.length, strings.count()).replace(
    '{count}',
    view.results.length.toLocaleString(locale),
  );
  const { modelBytes } = crossrankData();
  const improve =
    modelBytes === null ? strings.improve() : strings.improveSize(megabytes(modelBytes, locale));
  const done = view.phase === 'done';
  return (
    <div className={styles.status} data-crossrank-order={done ? view.order : undefined}>
      <span className={styles.state}>
        {served && model.kind === 'loading' ? (
          <Loading model={model} locale={locale} />
        ) : (
          stateOf(view, model)
        )}
      </span>
      {view.better && (
        <button type="button" className={styles.action} onClick={() => session.showBetter()}>
          {strings.showBetter()}
        </button>
      )}
      {done && askFirst && model.kind === 'waiting' && view.results.length > 1 && (
        <button type="button" className={styles.action} onClick={() => session.submit()}>
          {improve}
        </button>
      )}
      <span className={styles.spoken} role="status" aria-live="polite">
        {spoken(view, counted)}
      </span>
    </div>
  );
}

function Loading({ model, locale }: { readonly model: ModelState; readonly locale: string }) {
  if (model.kind !== 'loading' || model.bytes === null) return <>{strings.starting()}</>;
  const { loaded, total } = model.bytes;
  const words = strings.loading(megabytes(loaded, locale), megabytes(total, locale));
  return (
    <>
      <progress className={styles.progress} max={total} value={loaded} aria-label={words} />
      {words}
    </>
  );
}

function stateOf(view: View, model: ModelState): string {
  if (view.better) return strings.better();
  if (view.reading) return strings.reading();
  if (model.kind === 'failed') return strings.noModel(model.code);
  if (view.phase !== 'done' || view.results.length === 0) return '';
  return view.order === 'reranked' ? strings.reranked() : strings.base();
}

function spoken(view: View, counted: string): string {
  if (view.phase === 'failed') return strings.failed();
  if (view.phase !== 'done') return '';
  if (view.results.length === 0) return strings.none(view.query);
  if (view.better) return `${counted}. ${strings.better()}.`;
  return view.order === 'reranked' ? strings.reordered(counted) : counted;
}
