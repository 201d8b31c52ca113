// The search box over the page: a modal dialog with a combobox, whose list keeps still under keys and pointer. The
// browser's own <dialog> keeps the focus in and the page behind it inert.

import { useHistory } from '@docusaurus/router';
import { type KeyboardEvent, useId, useLayoutEffect, useRef, useState } from 'react';
import { createPortal } from 'react-dom';
import { crossrankData } from '../data.js';
import { ResultLink } from './ResultLink.js';
import { StatusLine } from './StatusLine.js';
import styles from './search.module.css';
import { strings } from './strings.js';
import { useHold } from './useHold.js';
import { useSearch } from './useSearch.js';

export function SearchDialog({ onClose }: { readonly onClose: () => void }) {
  const { options: settings, searchPath } = crossrankData();
  const search = useSearch(settings.results);
  const { session, view } = search;
  const history = useHistory();
  const dialog = useRef<HTMLDialogElement>(null);
  const [query, setQuery] = useState('');
  const [active, setActive] = useState(-1);
  const hold = useHold(session);
  const id = useId();
  const options = view.results;

  // Closed before it is taken from the page: that gives the focus back to where it was.
  useLayoutEffect(() => {
    const shown = dialog.current;
    shown?.showModal();
    return () => shown?.close();
  }, []);

  const choose = (place: number) => {
    setActive(place);
    hold.focus(place >= 0);
    document.getElementById(`${id}-${place}`)?.scrollIntoView({ block: 'nearest' });
  };
  const type = (text: string) => {
    setQuery(text);
    choose(-1);
    void session.search(text);
  };
  const go = (url: string) => {
    onClose();
    history.push(url);
  };
  const enter = () => {
    if (search.askFirst && active < 0 && view.order === 'base' && search.model.kind === 'waiting') {
      session.submit();
      return;
    }
    const chosen = options[Math.max(0, active)];
    if (view.query === query && chosen !== undefined) go(chosen.url);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return;
    const { length } = options;
    if (event.key === 'ArrowDown' && length > 0) choose(active + 1 >= length ? 0 : active + 1);
    else if (event.key === 'ArrowUp' && length > 0) choose(active <= 0 ? length - 1 : active - 1);
    else if (event.key === 'Enter') enter();
    else return;
    event.preventDefault();
  };

  const expanded = view.phase === 'done' && options.length > 0;
  return createPortal(
    // biome-ignore lint/a11y/useKeyWithClickEvents: a click beside the box closes it; the key for that is Escape
    <dialog
      ref={dialog}
      className={styles.dialog}
      aria-label={strings.dialog()}
      onClick={(event) => {
        if (event.target === dialog.current) onClose();
      }}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
    >
      <div className={styles.box}>
        <div className={styles.head}>
          <input
            className={styles.input}
            type="text"
            role="combobox"
            aria-label={strings.dialog()}
            aria-expanded={expanded}
            aria-controls={`${id}-list`}
            aria-autocomplete="list"
            aria-activedescendant={active >= 0 ? `${id}-${active}` : undefined}
            placeholder={strings.placeholder()}
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            enterKeyHint="go"
            maxLength={300}
            dir="auto"
            value={query}
            onChange={(event) => type(event.target.value)}
            onKeyDown={onKeyDown}
          />
          <button type="button" className={styles.close} onClick={onClose}>
            <span className={styles.spoken}>{strings.close()}</span>
            <span className={styles.key} aria-hidden="true">
              Esc
            </span>
          </button>
        </div>
        <div
          id={`${id}-list`}
          className={styles.list}
          role="listbox"
          aria-label={strings.results()}
          // The options are reached through the box; the list itself is no stop of the Tab key.
          tabIndex={-1}
          hidden={!expanded}
          {...hold.list}
        >
          {options.map((section, place) => (
            <ResultLink
              key={`${section.url} ${section.text.length}`}
              id={`${id}-${place}`}
              role="option"
              aria-selected={place === active}
              tabIndex={-1}
              section={section}
              query={view.query}
              locale={search.locale}
              onOpen={onClose}
            />
          ))}
        </div>
        {!expanded && <p className={styles.message}>{message(view.phase, view.query)}</p>}
        <div className={styles.foot}>
          <StatusLine {...search} />
          {searchPath !== null && query.trim() !== '' && (
            <a
              className={styles.all}
              href={`${searchPath}?q=${encodeURIComponent(query)}`}
              onClick={(event) => {
                if (event.metaKey || event.ctrlKey || event.shiftKey) return;
                event.preventDefault();
                go(`${searchPath}?q=${encodeURIComponent(query)}`);
              }}
            >
              <span>{strings.all()}</span>
            </a>
          )}
          <p className={styles.keys}>
            <Key name="↑" /> <Key name="↓" /> {strings.keyMove()} <Key name="↵" /> {strings.keyOpen()}{' '}
            <Key name="Esc" /> {strings.keyClose()}
          </p>
        </div>
      </div>
    </dialog>,
    document.body,
  );
}

function Key({ name }: { readonly name: string }) {
  return <kbd className={styles.key}>{name}</kbd>;
}

/** What stands where there is no list. */
function message(phase: 'empty' | 'searching' | 'done' | 'failed', query: string): string {
  if (phase === 'failed') return strings.failed();
  if (phase === 'done') return strings.none(query);
  return phase === 'searching' ? strings.searching() : '';
}
