// Rows in IndexedDB. A new row is a transaction of its own that asks nothing first, so that the browser has all of it
// when the page ends a moment later. What the caps need is counted afterwards, by whichever tab comes next, in one
// transaction over the rows and their totals: tabs that write at once count right. Every method may reject, with
// whatever the browser says; log.ts decides what then.

import { size } from './memory.js';
import type { Caps } from './options.js';

/** A row as it is kept. */
interface Row {
  readonly line: string;
  readonly bytes: number;
}

export interface Totals {
  readonly events: number;
  readonly bytes: number;
  readonly dropped: number;
  /** The key of the last row that is counted here. Keys grow, and are never given twice. */
  readonly counted: number;
}

const NOTHING: Totals = { events: 0, bytes: 0, dropped: 0, counted: 0 };
const EVENTS = 'events';
const TOTALS = 'totals';

/** Milliseconds after which a database that neither opens nor fails is given up; browsers have had such bugs. */
const OPEN_MS = 5000;

/** Why a database was given up. It is not tried again, unless it opens after all. */
class GaveUp extends Error {}

export class RowStore {
  readonly #name: string;
  #opening: Promise<IDBDatabase> | undefined;

  constructor(name: string) {
    this.#name = name;
  }

  /** Adds rows, then drops the oldest until the caps are kept. */
  async add(lines: readonly string[], { maxEvents, maxBytes }: Caps): Promise<void> {
    const db = await this.#open();
    const transaction = db.transaction(EVENTS, 'readwrite');
    const done = committed(transaction);
    try {
      const rows = transaction.objectStore(EVENTS);
      for (const line of lines) rows.add({ line, bytes: size(line) } satisfies Row);
      // Else the browser would wait for this page's word that nothing follows. Safari has it since 15.
      transaction.commit?.();
    } catch (error) {
      abort(transaction);
      await done.catch(() => {});
      throw error;
    }
    await done;
    const fits = ({ events, bytes }: Totals) => events <= maxEvents && bytes <= maxBytes;
    // The rows are stored, so this is no failure of theirs. The next one counts and drops what this did not.
    await this.#change((rows, before) => dropOldest(rows, before, fits)).catch(() => {});
  }

  /** Drops the older half, to make room on a full disk. */
  async halve(): Promise<void> {
    await this.#change((rows, before) =>
      dropOldest(rows, before, ({ events }) => events <= before.events / 2),
    );
  }

  /** All rows, the oldest first. */
  async lines(): Promise<string[]> {
    const db = await this.#open();
    const rows: Row[] = await outcome(db.transaction(EVENTS).objectStore(EVENTS).getAll());
    return rows.map(({ line }) => line);
  }

  totals(): Promise<Totals> {
    return this.#change(async (_, totals) => totals);
  }

  async clear(): Promise<void> {
    await this.#change(async (rows, { counted }) => {
      rows.clear();
      return { ...NOTHING, counted };
    });
  }

  /** Lets go of the database. The next use opens it again. */
  async close(): Promise<void> {
    const opening = this.#opening;
    this.#opening = undefined;
    (await opening?.catch(() => undefined))?.close();
  }

  /** One transaction: `work` changes the rows and gives the new totals. Resolves to them when it is committed. */
  async #change(work: (rows: IDBObjectStore, before: Totals) => Promise<Totals>): Promise<Totals> {
    const db = await this.#open();
    const transaction = db.transaction([EVENTS, TOTALS], 'readwrite');
    const done = committed(transaction);
    const [rows, totals] = [transaction.objectStore(EVENTS), transaction.objectStore(TOTALS)];
    let after = NOTHING;
    let failure: unknown;
    try {
      const before = (await outcome<Totals | undefined>(totals.get(0))) ?? NOTHING;
      after = await work(rows, await countNew(rows, before));
      totals.put(after, 0);
    } catch (error) {
      failure = error;
      if (transaction.error === null) abort(transaction);
    }
    await done.catch((error) => {
      throw transaction.error ?? failure ?? error;
    });
    return after;
  }

  #open(): Promise<IDBDatabase> {
    if (this.#opening === undefined) {
      const forget = () => {
        this.#opening = undefined;
      };
      this.#opening = open(this.#name, forget);
      this.#opening.catch((error) => {
        if (!(error instanceof GaveUp)) forget();
      });
    }
    return this.#opening;
  }
}

/** Opens a database. `onGone` learns when it must not be used any more. */
function open(name: string, onGone: () => void): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    // Throws where storage is blocked, and where there is none at all.
    const request = indexedDB.open(name, 1);
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      reject(new GaveUp('the database did not open'));
    }, OPEN_MS);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(EVENTS, { autoIncrement: true });
      request.result.createObjectStore(TOTALS);
    };
    request.onerror = () => {
      clearTimeout(timer);
      reject(request.error);
    };
    request.onsuccess = () => {
      clearTimeout(timer);
      const db = request.result;
      if (late) {
        onGone();
        return db.close();
      }
      // Cleared by the reader, or another tab wants to delete or change it.
      db.onclose = onGone;
      db.onversionchange = () => {
        onGone();
        db.close();
      };
      resolve(db);
    };
  });
}

function outcome<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function committed(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error ?? new Error('the transaction was aborted'));
  });
}

function abort(transaction: IDBTransaction): void {
  try {
    transaction.abort();
  } catch {
    // Over already; `committed` tells how.
  }
}

/** The totals with the rows that were added since. */
async function countNew(rows: IDBObjectStore, totals: Totals): Promise<Totals> {
  let { events, bytes, dropped, counted } = totals;
  await eachRow(rows, IDBKeyRange.lowerBound(counted, true), (row, cursor) => {
    events += 1;
    bytes += row.bytes;
    counted = cursor.primaryKey as number;
    return true;
  });
  return { events, bytes, dropped, counted };
}

/** Drops rows, the oldest first, until what is left `fits`. */
async function dropOldest(
  rows: IDBObjectStore,
  before: Totals,
  fits: (totals: Totals) => boolean,
): Promise<Totals> {
  let totals = before;
  if (fits(totals)) return totals;
  await eachRow(rows, null, (row, cursor) => {
    cursor.delete();
    totals = {
      ...totals,
      events: totals.events - 1,
      bytes: totals.bytes - row.bytes,
      dropped: totals.dropped + 1,
    };
    return !fits(totals);
  });
  return totals;
}

/** Visits the rows of a range, the oldest first, until `visit` says false. */
function eachRow(
  rows: IDBObjectStore,
  range: IDBKeyRange | null,
  visit: (row: Row, cursor: IDBCursor) => boolean,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = rows.openCursor(range);
    request.onerror = () => reject(request.error);
    request.onsuccess = () => {
      const cursor = request.result;
      if (cursor !== null && visit(cursor.value as Row, cursor)) cursor.continue();
      else resolve();
    };
  });
}
