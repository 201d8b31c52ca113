// Everything of the page but the result rows: finds the elements of index.html once, and writes text into them.
// It decides nothing; main.ts tells it what to show. Text nodes only.
//
// Hooks that end-to-end tests may rely on:
//   body[data-state]              loading | lexical | reranking | reranked | failed
//                                 (failed: the model could not be loaded or a ranking failed; the list is lexical)
//   body[data-model]              waiting | loading | ready | failed
//   #query, #search               the question and its form; #candidates: how many chunks are ranked
//   #examples button              one button an example question; its text is the question
//   [name=source], #own           packages | own; the textarea for own documents
//   [name=order]                  reranked | lexical
//   [name=device]                 auto | cpu | webgpu; body[data-device]: cpu | webgpu, where the model runs
//   #results > li                 one row an item: data-chunk (its index in the corpus or the paste),
//                                 data-lexical-rank (from 1), data-score (absent before ranking; all digits)
//   #model-text, #model-progress, #model-action      loading: words, bar, and the load or retry button
//   #status, #timings, #split     the spoken summary, and the times of the last ranking, in figures and as a bar
//   #workers                      how many workers a ranking may have
//   #copy-link, #copy-code        copy the page's address, and a program that ranks the same; #copied says so
//   #offline                      what the page can do without a network

import { EXAMPLES } from './examples.js';
import { MODEL_BYTES, type ModelState, type Settings } from './model.js';

export type PageState = 'loading' | 'lexical' | 'reranking' | 'reranked' | 'failed';
export type Order = 'lexical' | 'reranked';
export type Source = 'packages' | 'own';

const PHASES = {
  download: 'Fetching the model',
  verify: 'Checking the model',
  compile: 'Building the model',
  'warm-up': 'Warming up',
} as const;

function find<T extends Element>(selector: string, type: new () => T): T {
  const found = document.querySelector(selector);
  if (!(found instanceof type)) throw new Error(`index.html has no ${selector}`);
  return found;
}

export const page = {
  form: find('#search', HTMLFormElement),
  query: find('#query', HTMLInputElement),
  examples: find('#examples', HTMLUListElement),
  examplesSection: find('#examples-section', HTMLElement),
  packagesLabel: find('#packages-label', HTMLElement),
  ownSection: find('#own-section', HTMLElement),
  own: find('#own', HTMLTextAreaElement),
  ownCount: find('#own-count', HTMLElement),
  candidates: find('#candidates', HTMLSelectElement),
  candidatesLabel: find('#candidates-label', HTMLElement),
  modelText: find('#model-text', HTMLElement),
  modelProgress: find('#model-progress', HTMLProgressElement),
  modelAction: find('#model-action', HTMLButtonElement),
  status: find('#status', HTMLElement),
  timings: find('#timings', HTMLElement),
  results: find('#results', HTMLOListElement),
  workers: find('#workers', HTMLSelectElement),
  split: find('#split', HTMLElement),
  copyLink: find('#copy-link', HTMLButtonElement),
  copyCode: find('#copy-code', HTMLButtonElement),
  copied: find('#copied', HTMLElement),
  offline: find('#offline', HTMLElement),
  sources: Array.from(document.querySelectorAll<HTMLInputElement>('[name=source]')),
  devices: Array.from(document.querySelectorAll<HTMLInputElement>('[name=device]')),
  deviceWhy: find('#device-why', HTMLElement),
  orders: Array.from(document.querySelectorAll<HTMLInputElement>('[name=order]')),
};

export function showExamples(pick: (question: string) => void): void {
  page.examples.replaceChildren(
    ...EXAMPLES.map((question) => {
      const button = document.createElement('button');
      button.type = 'button';
      button.textContent = question;
      button.addEventListener('click', () => pick(question));
      const entry = document.createElement('li');
      entry.append(button);
      return entry;
    }),
  );
}

export function setState(state: PageState): void {
  document.body.dataset.state = state;
}

/** The line that screen readers speak. */
export function say(text: string): void {
  page.status.textContent = text;
}

export function chosenSource(): Source {
  return page.sources.find(({ checked }) => checked)?.value === 'own' ? 'own' : 'packages';
}

export function chosenOrder(): Order {
  return page.orders.find(({ checked }) => checked)?.value === 'lexical' ? 'lexical' : 'reranked';
}

export function chosenDevice(): NonNullable<Settings['device']> {
  const value = page.devices.find(({ checked }) => checked)?.value;
  return value === 'cpu' || value === 'webgpu' ? value : 'auto';
}

export function showSource(source: Source): void {
  page.ownSection.hidden = source !== 'own';
  page.examplesSection.hidden = source === 'own';
  // Own documents are all ranked: there is no first stage to choose from.
  page.candidatesLabel.hidden = source === 'own';
}

export function showModel(state: ModelState): void {
  document.body.dataset.model = state.kind;
  // What the browser lacks, it will lack at the next try too.
  const canRetry = state.kind === 'failed' && state.code !== 'UNSUPPORTED';
  page.modelAction.hidden = state.kind !== 'waiting' && !canRetry;
  page.modelProgress.hidden = state.kind !== 'loading';
  delete document.body.dataset.device;
  page.deviceWhy.textContent = '';
  switch (state.kind) {
    case 'waiting':
      page.modelText.textContent =
        'Your browser asks to save data, so the model waits. The list is in search order.';
      page.modelAction.textContent = `Load the model (${megabytes(MODEL_BYTES)} MB)`;
      break;
    case 'loading':
      showProgress(state);
      break;
    case 'ready': {
      const { device, model, bytes, cached } = state.reranker.status;
      const from = bytes.downloaded === 0 ? ' from the cache' : '';
      const name = device.kind === 'webgpu' ? 'GPU' : 'CPU';
      document.body.dataset.device = device.kind;
      page.deviceWhy.textContent = `Runs on the ${name}: ${device.why}.`;
      page.modelText.textContent = `Ready${cached ? ', also offline' : ''}: ${model.id} on the ${name}, loaded in ${state.seconds.toFixed(1)} s${from}.`;
      break;
    }
    case 'failed':
      page.modelText.textContent = `The model could not be loaded (${state.code}). ${state.message} The list stays in search order.`;
      page.modelAction.textContent = 'Try again';
      break;
  }
}

function showProgress({ progress }: Extract<ModelState, { kind: 'loading' }>): void {
  page.modelProgress.value = progress?.progress ?? 0;
  if (progress === undefined) {
    page.modelText.textContent = 'Starting the worker …';
    return;
  }
  const { phase, loaded, total } = progress;
  const amount =
    total === null ? `${megabytes(loaded)} MB` : `${megabytes(loaded)} of ${megabytes(total)} MB`;
  page.modelText.textContent = phase === 'warm-up' ? `${PHASES[phase]} …` : `${PHASES[phase]}: ${amount}`;
}

/** What the page can do without a network, once the model is there. */
export function showOffline(ready: boolean): void {
  if (!ready) page.offline.textContent = '';
  else if (navigator.onLine)
    page.offline.textContent = 'Go offline and ask again: ranking needs no network now.';
  else page.offline.textContent = 'You are offline. Ask on: ranking needs no network.';
}

/** Parts of a ranking's time in milliseconds, as a bar; none clears it. */
export function showSplit(parts: { tokenise: number; score: number; rest: number } | undefined): void {
  page.split.hidden = parts === undefined;
  if (parts === undefined) return;
  for (const [i, share] of [parts.tokenise, parts.score, parts.rest].entries()) {
    const bar = page.split.children[i];
    if (bar instanceof HTMLElement) bar.style.setProperty('--share', String(share));
  }
}

export function chosenWorkers(): 'auto' | number {
  return page.workers.value === 'auto' ? 'auto' : Number(page.workers.value);
}

/** Chooses an entry of a list, if it is one. */
export function choose(list: HTMLSelectElement, value: string | number | undefined): void {
  if (Array.from(list.options).some((option) => option.value === String(value))) list.value = String(value);
}

/** Copies a text; where the browser forbids it, says so. */
export async function copy(text: string, done: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    page.copied.textContent = done;
  } catch {
    page.copied.textContent = 'This browser does not let the page copy.';
  }
}

/** Name and value, side by side; an empty list clears the line. */
export function showTimings(entries: readonly (readonly [name: string, value: string])[]): void {
  page.timings.replaceChildren(
    ...entries.map(([name, value]) => {
      const pair = document.createElement('div');
      pair.dataset.part = name;
      const term = document.createElement('dt');
      const description = document.createElement('dd');
      term.textContent = name;
      description.textContent = value;
      pair.append(term, description);
      return pair;
    }),
  );
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
