// With `load: 'idle'`: the model is fetched when the page has nothing else to do.

function whenIdle(): void {
  import('../rerank/index.js').then(
    ({ prepare }) => prepare('idle'),
    () => {},
  );
}

if (typeof window !== 'undefined') {
  if (typeof window.requestIdleCallback === 'function') window.requestIdleCallback(whenIdle);
  else window.addEventListener('load', () => setTimeout(whenIdle, 2000), { once: true });
}
