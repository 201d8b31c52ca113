// What the page of every project does: it loads, ranks two documents, and leaves the outcome where the test looks.
export async function ask(Reranker, options) {
  try {
    const reranker = await Reranker.load({ workers: 1, ...options });
    const documents = [
      'def add(a, b):\n    return a + b',
      '## Retries\n\nRetries are on by default. Set `maxRetries: 0` to turn them off.',
    ];
    const ranked = await reranker.rank('how do I switch retries off', documents);
    const { model } = reranker.status;
    await reranker.dispose();
    globalThis.outcome = { order: ranked.map(({ index }) => index), model: model.id };
  } catch ({ code, message }) {
    globalThis.outcome = { code, message };
  }
}
