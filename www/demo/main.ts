// The demo's conductor: listens to the controls, runs the first stage at once, then the reranker, and tells the view
// what to show. A newer question aborts the ranking of an older one, so the last one always wins.

import { CrossrankError, type Reranker } from 'crossrank';
import { loadCorpus } from './corpus.js';
import { EXAMPLES } from './examples.js';
import { type Item, itemsFromPaste } from './items.js';
import { describe, Model, savesData } from './model.js';
import { ResultList, type Row } from './results.js';
import { type FirstStage, indexItems } from './search.js';
import {
  chosenDevice,
  chosenOrder,
  chosenSource,
  page,
  say,
  setState,
  showExamples,
  showModel,
  showSource,
  showTimings,
} from './view.js';

/** Typing is answered by the first stage at once and by the model after this pause. */
const PAUSE_MS = 350;
/** Most own documents that are ranked; the first ones win. */
const MAX_OWN_DOCUMENTS = 200;

const list = new ResultList(page.results);
const model = new Model((state) => {
  showModel(state);
  // Told again when another device takes over: what is being ranked goes on there.
  if (state.kind === 'ready' && document.body.dataset.state !== 'reranking') void rerank();
  if (state.kind === 'failed') {
    setState('failed');
    say('The model could not be loaded. The list is in search order.');
  }
});

let firstStage: FirstStage | undefined;
/** Why there are no sources to search in, when that is so. */
let sourcesError: string | undefined;
let rows: readonly Row[] = [];
let firstStageMs = 0;
let running: AbortController | undefined;
let pause: ReturnType<typeof setTimeout> | undefined;

/** The first stage, shown at once. Whatever was being ranked is stale from here on. */
function search(): void {
  running?.abort();
  clearTimeout(pause);
  const start = performance.now();
  const candidates = findCandidates();
  firstStageMs = performance.now() - start;
  rows = candidates.map((item, index) => ({
    item,
    lexicalRank: index + 1,
    score: undefined,
    rank: undefined,
  }));
  list.show(rows, 'lexical', false);
  showTimings([]);
  setState(model.state.kind === 'failed' ? 'failed' : 'lexical');
  if (rows.length === 0) say(nothingFound());
  else if (model.state.kind !== 'ready') say(`${count(rows.length)} in search order.`);
}

function findCandidates(): Item[] {
  const query = page.query.value.trim();
  if (chosenSource() === 'packages') return firstStage?.search(query, Number(page.candidates.value)) ?? [];
  const own = itemsFromPaste(page.own.value);
  page.ownCount.textContent =
    own.length > MAX_OWN_DOCUMENTS
      ? `${own.length} documents; the first ${MAX_OWN_DOCUMENTS} are ranked.`
      : `${count(own.length)}.`;
  return own.slice(0, MAX_OWN_DOCUMENTS);
}

/** Puts the rows on the page in the model's order, unless a newer question comes first. */
async function rerank(): Promise<void> {
  clearTimeout(pause);
  running?.abort();
  const query = page.query.value.trim();
  if (model.state.kind !== 'ready' || rows.length === 0 || query === '') return;
  const { reranker } = model.state;
  running = new AbortController();
  const { signal } = running;
  const candidates = rows;
  setState('reranking');
  say(`Reranking ${count(candidates.length)} …`);
  const start = performance.now();
  try {
    const documents = candidates.map(({ item }) => ({ text: item.text, path: item.path }));
    const ranked = await reranker.rank(query, documents, { signal });
    if (signal.aborted) return;
    const seconds = (performance.now() - start) / 1000;
    rows = ranked.map(({ index, score }, place) => ({ ...at(candidates, index), score, rank: place + 1 }));
    show(true);
    setState('reranked');
    showTimings(timings(reranker, seconds));
    say(`Reranked ${count(rows.length)} in ${seconds.toFixed(1)} s. First is ${at(rows, 0).item.title}.`);
  } catch (error) {
    if (signal.aborted) return;
    const { code, message } = describe(error);
    const again =
      error instanceof CrossrankError && error.retryable ? ' The next search starts a fresh worker.' : '';
    setState('failed');
    say(`Ranking failed (${code}). ${message}${again}`);
  }
}

/** The rows in the order that is chosen. */
function show(glide: boolean): void {
  const order = chosenOrder();
  const by = order === 'lexical' ? lexicalRank : rank;
  list.show(
    [...rows].sort((a, b) => by(a) - by(b)),
    order,
    glide,
  );
}

const lexicalRank = (row: Row) => row.lexicalRank;
const rank = (row: Row) => row.rank ?? row.lexicalRank;

function timings(reranker: Reranker, seconds: number): [string, string][] {
  const { last } = reranker.status;
  const entries: [string, string][] = [];
  if (chosenSource() === 'packages') entries.push(['first stage', `${firstStageMs.toFixed(1)} ms`]);
  if (last === null) entries.push(['ranking', `${seconds.toFixed(2)} s`]);
  else {
    entries.push(['tokenising', milliseconds(last.tokenizeMs)], ['scoring', milliseconds(last.scoreMs)]);
    entries.push(['pairs', String(last.pairs)], ['tokens', last.tokens.toLocaleString('en')]);
  }
  return entries;
}

function milliseconds(ms: number): string {
  return ms < 1000 ? `${ms.toFixed(0)} ms` : `${(ms / 1000).toFixed(2)} s`;
}

function count(documents: number): string {
  const noun = chosenSource() === 'own' ? 'document' : 'chunk';
  return `${documents} ${noun}${documents === 1 ? '' : 's'}`;
}

function nothingFound(): string {
  if (chosenSource() === 'own') return 'Paste some documents, and they are put in order for the question.';
  if (page.query.value.trim() === '') return 'Type a question.';
  if (firstStage === undefined) return sourcesError ?? 'Reading the sources …';
  return 'No chunk has any of these words.';
}

function at<T>(all: readonly T[], index: number): T {
  const value = all[index];
  if (value === undefined) throw new RangeError(`no entry ${index}`);
  return value;
}

/** A question that is final: Enter, a button, a choice. */
function ask(): void {
  search();
  void rerank();
  const url = new URL(location.href);
  url.searchParams.set('q', page.query.value);
  history.replaceState(null, '', url);
}

function listen(): void {
  showExamples((question) => {
    page.query.value = question;
    ask();
  });
  page.form.addEventListener('submit', (event) => {
    event.preventDefault();
    ask();
  });
  const typed = () => {
    search();
    pause = setTimeout(() => void rerank(), PAUSE_MS);
  };
  page.query.addEventListener('input', typed);
  page.own.addEventListener('input', typed);
  page.candidates.addEventListener('change', ask);
  for (const source of page.sources) {
    source.addEventListener('change', () => {
      showSource(chosenSource());
      ask();
    });
  }
  for (const order of page.orders) order.addEventListener('change', () => show(true));
  for (const device of page.devices) {
    device.addEventListener('change', () => {
      search();
      void model.use(chosenDevice());
    });
  }
  page.modelAction.addEventListener('click', () => void model.load());
  document.addEventListener('keydown', (event) => {
    const typing =
      event.target instanceof HTMLElement &&
      event.target.matches('input:not([type=radio]), textarea, select');
    if (event.key !== '/' || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    page.query.select();
  });
}

async function start(): Promise<void> {
  listen();
  // Browsers restore the controls of a page that was left; the page follows them.
  void model.use(chosenDevice());
  showSource(chosenSource());
  page.query.value = new URL(location.href).searchParams.get('q') ?? at(EXAMPLES, 0);
  say('Reading the sources …');
  try {
    const corpus = await loadCorpus(new URL('chunks.json.gz', document.baseURI));
    firstStage = await indexItems(corpus.items);
    page.packagesLabel.textContent = `${corpus.items.length.toLocaleString('en')} chunks of ${corpus.packages} packages`;
  } catch (error) {
    sourcesError = `The sources could not be read. ${describe(error).message} Your own documents can still be ranked.`;
  }
  search();
  // The list comes first: the model's download and start would only slow it down.
  if (savesData()) showModel(model.state);
  else void model.load();
}

void start();
