// The content of /search: a box, and all candidates below it. Its address says what was searched for.

import Head from '@docusaurus/Head';
import { useHistory, useLocation } from '@docusaurus/router';
import { useEffect, useRef, useState } from 'react';
import { ResultLink } from './ResultLink.js';
import { StatusLine } from './StatusLine.js';
import styles from './search.module.css';
import { strings } from './strings.js';
import { useHold } from './useHold.js';
import { useSearch } from './useSearch.js';

/** Rows of the page. */
const RESULTS = 50;

export function SearchPage() {
  const search = useSearch(RESULTS);
  const { session, view } = search;
  const { search: address, pathname } = useLocation();
  const history = useHistory();
  const [query, setQuery] = useState('');
  const input = useRef<HTMLInputElement>(null);
  const hold = useHold(session);
  const asked = new URLSearchParams(address).get('q') ?? '';

  // The address leads: it is there before the first key, and changes with the browser's Back. Never read while the
  // page is rendered on the server, which has no query.
  useEffect(() => {
    setQuery(asked);
    void session.search(asked);
  }, [asked, session]);
  useEffect(() => input.current?.focus(), []);

  const type = (text: string) => {
    const params = new URLSearchParams(text === '' ? {} : { q: text });
    history.replace({ pathname, search: params.toString() });
  };
  const found = view.phase === 'done' && view.results.length > 0;
  const title = query.trim() === '' ? strings.pageTitle() : strings.pageTitleFor(query);
  return (
    <main className="container margin-vert--lg">
      <Head>
        <title>{title}</title>
        <meta name="robots" content="noindex, follow" />
      </Head>
      <h1 className={styles.title} dir="auto">
        {title}
      </h1>
      {/* biome-ignore lint/a11y/useSemanticElements: React 18 does not know the element <search> */}
      <form
        role="search"
        onSubmit={(event) => {
          event.preventDefault();
          session.submit();
        }}
      >
        <input
          ref={input}
          className={styles.pageInput}
          type="search"
          name="q"
          aria-label={strings.dialog()}
          placeholder={strings.placeholder()}
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          enterKeyHint="search"
          maxLength={300}
          dir="auto"
          value={query}
          onChange={(event) => {
            setQuery(event.target.value);
            type(event.target.value);
          }}
        />
      </form>
      <StatusLine {...search} />
      {found ? (
        <ol
          className={styles.pageList}
          aria-label={strings.results()}
          onFocus={() => hold.focus(true)}
          onBlur={() => hold.focus(false)}
          {...hold.list}
        >
          {view.results.map((section) => (
            <li key={`${section.url} ${section.text.length}`}>
              <ResultLink section={section} query={view.query} locale={search.locale} />
            </li>
          ))}
        </ol>
      ) : (
        <p className={styles.message}>
          {view.phase === 'failed' && strings.failed()}
          {view.phase === 'searching' && strings.searching()}
          {view.phase === 'done' && strings.none(view.query)}
        </p>
      )}
    </main>
  );
}
