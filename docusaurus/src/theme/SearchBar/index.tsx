// The button in the navbar: all of this package that a page carries before somebody searches. The first click, or
// Ctrl/Cmd+K or "/", brings the rest.

import { translate } from '@docusaurus/Translate';
import { type ComponentType, useCallback, useEffect, useState } from 'react';
import { crossrankData } from '../../client/data.js';
import styles from './styles.module.css';

const { hotkeys } = crossrankData().options;

type Dialog = ComponentType<{ readonly onClose: () => void }>;

export default function SearchBar() {
  const [Dialog, setDialog] = useState<Dialog>();
  const [open, setOpen] = useState(false);
  const [failed, setFailed] = useState(false);
  const [mac, setMac] = useState(false);

  const show = useCallback(async () => {
    try {
      const { SearchDialog } = await import('../../client/ui/SearchDialog.js');
      setDialog(() => SearchDialog);
      setFailed(false);
      setOpen(true);
    } catch (error) {
      console.warn(`crossrank: the search could not be loaded. ${String(error)}`);
      setFailed(true);
    }
  }, []);

  useEffect(() => {
    if (!hotkeys) return;
    setMac(/mac|iphone|ipad/i.test(navigator.platform));
    const onKey = (event: KeyboardEvent) => {
      if (event.isComposing || event.altKey || event.shiftKey) return;
      const mod = event.ctrlKey || event.metaKey;
      const asked = mod ? event.key.toLowerCase() === 'k' : event.key === '/' && !isTyping(event.target);
      if (!asked) return;
      event.preventDefault();
      void show();
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, [show]);

  const close = useCallback(() => {
    setOpen(false);
  }, []);

  const label = translate({ id: 'crossrank.button.label', message: 'Search' });
  return (
    <>
      <button
        type="button"
        className={styles.button}
        aria-haspopup="dialog"
        aria-keyshortcuts={hotkeys ? 'Control+K Meta+K /' : undefined}
        onClick={() => void show()}
      >
        <svg viewBox="0 0 20 20" width="18" height="18" aria-hidden="true">
          <path d="M13.2 13.2 18 18M15 8.5a6.5 6.5 0 1 1-13 0 6.5 6.5 0 0 1 13 0z" />
        </svg>
        <span className={styles.label}>{label}</span>
        {hotkeys && (
          <span className={styles.keys} aria-hidden="true">
            {mac ? '⌘' : 'Ctrl'} K
          </span>
        )}
      </button>
      {failed && (
        <span role="status" className={styles.failed}>
          {translate({
            id: 'crossrank.button.unavailable',
            message: 'The search could not be loaded. Check the connection and try again.',
          })}
        </span>
      )}
      {open && Dialog !== undefined && <Dialog onClose={close} />}
    </>
  );
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || target.matches('input, textarea, select, [role=textbox]'))
  );
}
