// The demo's conductor: listens to the controls, runs the first stage at once, then the reranker, and tells the view
// what to show. A newer question aborts the ranking of an older one, so the last one always wins.

import { CrossrankError, Reranker } from 'crossrank';
import { loadCorpus } from './corpus.js';
import { EXAMPLES } from './examples.js';
import { type Item, itemsFromPaste } from './items.js';
import { describe, Model, savesData } from './model.js';
import { ResultList, type Row } from './results.js';
import { type FirstStage, indexItems } from './search.js';
import { codeOf, linkOf, readLink } from './share.js';
import {
  choose,
  chosenDevice,
  chosenOrder,
  chosenSource,
  chosenWorkers,
  copy,
  page,
  say,
  setState,
  showExamples,
  showModel,
  showOffline,
  showSource,
  showSplit,
  showTimings,
} from './view.js';

/** Typing is answered by the first stage at once and by the model after this pause. */
const PAUSE_MS = 350;
/** Most own documents that are ranked; the first ones win. */
const MAX_OWN_DOCUMENTS = 200;

const list = new ResultList(page.results);
const model = new Model((state) => {
  showModel(state);
  // The model goes into the cache when it is ready; from then on the page works offline.
  if (state.kind === 'ready') {
    void Reranker.isCached().then(() => {
      if (model.state === state) showModel(state);
    });
  }
  showOffline(state.kind === 'ready');
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
  showSplit(undefined);
  page.copied.textContent = '';
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
  const candidates = inSearchOrder();
  setState('reranking');
  say(`Reranking ${count(candidates.length)} …`);
  const start = performance.now();
  try {
    const documents = documentsOf(candidates);
    const ranked = await reranker.rank(query, documents, { signal });
    if (signal.aborted) return;
    const ms = performance.now() - start;
    rows = ranked.map(({ index, score }, place) => ({ ...at(candidates, index), score, rank: place + 1 }));
    show(true);
    setState('reranked');
    showTimes(reranker, ms);
    say(`Reranked ${count(rows.length)} in ${(ms / 1000).toFixed(1)} s. First is ${at(rows, 0).item.title}.`);
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

function inSearchOrder(): Row[] {
  return [...rows].sort((a, b) => a.lexicalRank - b.lexicalRank);
}

/** What the model reads of the rows. */
function documentsOf(all: readonly Row[]): { text: string; path: string | undefined }[] {
  return all.map(({ item }) => ({ text: item.text, path: item.path }));
}

/** Where the time of a ranking of `ms` milliseconds went. */
function showTimes(reranker: Reranker, ms: number): void {
  const { last } = reranker.status;
  const entries: [string, string][] = [];
  if (chosenSource() === 'packages') entries.push(['first stage', `${firstStageMs.toFixed(1)} ms`]);
  if (last === null) entries.push(['ranking', milliseconds(ms)]);
  else {
    const rest = Math.max(0, ms - last.tokenizeMs - last.scoreMs);
    showSplit({ tokenise: last.tokenizeMs, score: last.scoreMs, rest });
    entries.push(['tokenising', milliseconds(last.tokenizeMs)], ['scoring', milliseconds(last.scoreMs)]);
    entries.push(['rest', milliseconds(rest)], ['workers', String(last.workers)]);
    entries.push(['pairs', String(last.pairs)], ['tokens', last.tokens.toLocaleString('en')]);
  }
  showTimings(entries);
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
  // Own documents are in an address only when the reader asks for one: addresses are kept in the browser's history.
  history.replaceState(null, '', link(null) ?? location.href);
}

/** The address of what is on the page, with own documents or without. */
function link(own: string | null): string | null {
  const candidates = Number(page.candidates.value);
  return linkOf(
    { query: page.query.value, candidates, workers: chosenWorkers(), own },
    new URL(location.href),
  );
}

async function copyLink(): Promise<void> {
  const address = link(chosenSource() === 'own' ? page.own.value : null);
  if (address === null) page.copied.textContent = 'Your documents are too long for a link.';
  else await copy(address, chosenSource() === 'own' ? 'Copied, with your documents in it.' : 'Copied.');
}

async function copyCode(): Promise<void> {
  if (rows.length === 0) page.copied.textContent = 'There is nothing to rank yet.';
  else
    await copy(
      codeOf(page.query.value.trim(), documentsOf(inSearchOrder()), chosenWorkers()),
      'Copied as JavaScript.',
    );
}

const chosenSettings = () => ({ workers: chosenWorkers(), device: chosenDevice() });

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
  page.workers.addEventListener('change', () => {
    search();
    void model.change(chosenSettings());
  });
  page.copyLink.addEventListener('click', () => void copyLink());
  page.copyCode.addEventListener('click', () => void copyCode());
  for (const event of ['online', 'offline']) {
    addEventListener(event, () => showOffline(model.state.kind === 'ready'));
  }
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
      void model.change(chosenSettings());
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
  // Browsers restore the controls of a page that was left; the page follows them, unless its address says otherwise.
  const shared = readLink(new URL(location.href));
  choose(page.candidates, shared.candidates);
  choose(page.workers, shared.workers);
  if (shared.own !== undefined) {
    page.own.value = shared.own ?? '';
    for (const source of page.sources) source.checked = source.value === 'own';
  }
  showSource(chosenSource());
  page.query.value = shared.query ?? at(EXAMPLES, 0);
  void model.change(chosenSettings());
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
