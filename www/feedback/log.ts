// The public class of the entry `crossrank/feedback`. Checks what callers pass and writes one row after the other. A
// failure of the storage is never the caller's: what cannot be stored stays in memory, and is stored with the next row.

import { CrossrankError, describe } from '../errors.js';
import { documentText, type TextDocument, typeName } from '../text.js';
import { cut, type FeedbackEvent, newId, toLine } from './events.js';
import { MemoryRows } from './memory.js';
import {
  type Caps,
  type FeedbackOptions,
  type FeedbackStatus,
  readFeedbackOptions,
  readShownOptions,
  type ShownOptions,
} from './options.js';
import { RowStore } from './store.js';

/** `FeedbackEvent` without the time. */
type What = FeedbackEvent extends infer E ? (E extends FeedbackEvent ? Omit<E, 'at'> : never) : never;

/**
 * What readers asked, what they were shown, and what they did with it: kept in their own browser, sent nowhere.
 * `export()` gives what `crossrank mine` makes training data of. Several tabs may write to the same log.
 *
 * @example
 * const log = new FeedbackLog();
 * const list = log.shown(query, ranked.map(({ document }) => document));
 * link.onclick = () => log.click(list, place);
 */
export class FeedbackLog {
  readonly #caps: Caps;
  readonly #maxTextChars: number;
  readonly #maxTexts: number;
  readonly #store: RowStore;
  readonly #memory = new MemoryRows();
  #why: string | null = null;
  /** Whether the older half was dropped because the disk was full. */
  #madeRoom = false;
  /** Whether rows in memory are about to be stored. */
  #flushing = false;
  /** Settles when all that was asked for before is done. Never rejects. */
  #last: Promise<unknown> = Promise.resolve();

  /** Opens nothing yet: the first row or the first question does. */
  constructor(options?: FeedbackOptions) {
    const { name, maxEvents, maxBytes, maxTextChars, maxTexts } = readFeedbackOptions(options);
    this.#caps = { maxEvents, maxBytes };
    this.#maxTextChars = maxTextChars;
    this.#maxTexts = maxTexts;
    this.#store = new RowStore(`crossrank-feedback${name === '' ? '' : `-${name}`}`);
  }

  /**
   * A list was shown: these documents, in this order. Returns its id, by which later calls name it, on another page of
   * the site too. The texts are those that the model reads, cut to `maxTextChars`.
   */
  shown<T extends string | TextDocument>(
    query: string,
    documents: readonly T[],
    options?: ShownOptions<T>,
  ): string;
  shown<T>(
    query: string,
    documents: readonly T[],
    options: ShownOptions<T> & { readonly text: (document: T) => string },
  ): string;
  shown<T>(query: string, documents: readonly T[], options?: ShownOptions<T>): string {
    if (typeof query !== 'string') throw wrong('The query of shown', query, 'a string');
    if (!Array.isArray(documents)) throw wrong('The documents of shown', documents, 'an array');
    const { text } = readShownOptions<T>(options);
    const texts = documents
      .slice(0, this.#maxTexts)
      .map((document: T, i) => cut(documentText(document, i, text), this.#maxTextChars));
    const id = newId();
    this.#record({ type: 'shown', id, query: cut(query, this.#maxTextChars), texts });
    return id;
  }

  /** The reader opened the document at this place of the list, from 0. */
  click(list: string, place: number): void {
    this.#record({ type: 'click', of: listId(list), place: placeOf(place) });
  }

  /** The reader judged the list as a whole. The last judgement counts. */
  thumb(list: string, up: boolean): void {
    if (typeof up !== 'boolean') throw wrong('The thumb', up, 'true (up) or false (down)');
    this.#record({ type: 'thumb', of: listId(list), up });
  }

  /** The reader judged the list as a whole, with 1 to 5 stars. The last judgement counts. */
  stars(list: string, stars: number): void {
    if (!(Number.isInteger(stars) && stars >= 1 && stars <= 5)) {
      throw wrong('The number of stars', stars, 'a whole number from 1 to 5');
    }
    this.#record({ type: 'stars', of: listId(list), stars });
  }

  /** The reader marked the document at this place as relevant, or took the mark back. */
  relevance(list: string, place: number, relevant = true): void {
    if (typeof relevant !== 'boolean') throw wrong('The relevance', relevant, 'true or false');
    this.#record({ type: 'relevance', of: listId(list), place: placeOf(place), relevant });
  }

  /** All rows of all tabs, the oldest first, one line of JSON each. Nothing is removed. */
  export(): Promise<string> {
    return this.#then(async () => {
      const stored = (await this.#try(() => this.#store.lines())) ?? [];
      return [...stored, ...this.#memory.lines].map((line) => `${line}\n`).join('');
    });
  }

  /** Removes all rows, those of other tabs too. */
  clear(): Promise<void> {
    return this.#then(async () => {
      this.#memory.clear();
      await this.#try(() => this.#store.clear());
    });
  }

  /** What there is, and whether it is stored. */
  status(): Promise<FeedbackStatus> {
    return this.#then(async () => {
      const { lines, bytes, dropped } = this.#memory;
      const stored = await this.#try(() => this.#store.totals());
      return Object.freeze({
        stored: this.#why === null,
        why: this.#why,
        events: (stored?.events ?? 0) + lines.length,
        bytes: (stored?.bytes ?? 0) + bytes,
        dropped: (stored?.dropped ?? 0) + dropped,
      });
    });
  }

  /** Waits until the rows are written, and lets go of the storage. A later call takes it up again. */
  close(): Promise<void> {
    return this.#then(() => this.#store.close());
  }

  /** The rows of one task are stored together, and are the browser's before the task ends: a click may leave the page. */
  #record(what: What): void {
    this.#memory.add(toLine({ ...what, at: Date.now() } as FeedbackEvent), this.#caps);
    if (this.#flushing) return;
    this.#flushing = true;
    void this.#then(() => {
      this.#flushing = false;
      return this.#flush();
    });
  }

  /** Stores the rows that are in memory, or leaves them there. */
  async #flush(): Promise<void> {
    const lines = this.#memory.take();
    if (lines.length === 0) return;
    const stored = await this.#try(async () => {
      try {
        await this.#store.add(lines, this.#caps);
      } catch (error) {
        // Once: browsers take a while to give the room of deleted rows back, and time after time all would be dropped.
        if (!isFull(error) || this.#madeRoom) throw error;
        await this.#store.halve();
        this.#madeRoom = true;
        await this.#store.add(lines, this.#caps);
      }
      return true;
    });
    if (!stored) this.#memory.putBack(lines, this.#caps);
  }

  /** Runs `work` after all that was asked for before. */
  #then<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(work);
    this.#last = mine.catch(() => {});
    return mine;
  }

  /** Uses the storage; undefined if it fails, and `status` says why. */
  async #try<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      const value = await work();
      if (this.#memory.lines.length === 0) this.#why = null;
      return value;
    } catch (error) {
      this.#why = `The browser's storage failed (${describe(error)}). It is blocked, full or absent.`;
      return undefined;
    }
  }
}

/** Whether the disk, or this site's share of it, is full. */
function isFull(error: unknown): boolean {
  return error instanceof Error && error.name === 'QuotaExceededError';
}

function listId(value: unknown): string {
  if (typeof value === 'string' && /^[0-9a-f]{24}$/.test(value)) return value;
  throw wrong('The list', value, 'an id that shown has returned');
}

function placeOf(value: unknown): number {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
  throw wrong('The place', value, 'a whole number, 0 for the first document');
}

function wrong(name: string, value: unknown, must: string): CrossrankError {
  const shown =
    typeof value === 'number' ? String(value) : typeof value === 'string' ? 'a string' : typeName(value);
  return new CrossrankError('OPTION', `${name} is ${shown}. It must be ${must}.`);
}
