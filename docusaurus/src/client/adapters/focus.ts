// When the reader begins to use a search field that another plugin draws.

/** Calls back once, now or when a search field has the focus. */
export function onSearchFocus(callback: () => void): void {
  const isField = (element: unknown) => element instanceof HTMLInputElement && element.type !== 'checkbox';
  if (isField(document.activeElement)) {
    callback();
    return;
  }
  const listener = (event: FocusEvent) => {
    if (!isField(event.target)) return;
    document.removeEventListener('focusin', listener);
    callback();
  };
  document.addEventListener('focusin', listener);
}

/** Fetches the reranker's code and lets it begin. Fails silently: without it, search is what it was. */
export function prepareOnFocus(): void {
  onSearchFocus(() => {
    import('../rerank/index.js').then(
      ({ prepare }) => prepare('focus'),
      () => {},
    );
  });
}
