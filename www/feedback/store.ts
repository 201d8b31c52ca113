// Rows in IndexedDB. Each change is one transaction over the rows and their totals, so that tabs that write at once
// count right. Every method may reject, with whatever the browser says; log.ts decides what then.

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
}

const NOTHING: Totals = { events: 0, bytes: 0, dropped: 0 };
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

  /** Adds rows, and drops the oldest until the caps are kept. */
  add(lines: readonly string[], { maxEvents, maxBytes }: Caps): Promise<void> {
    return this.#change(async (rows, before) => {
      let { events, bytes, dropped } = before;
      for (const line of lines) {
        const row: Row = { line, bytes: size(line) };
        rows.add(row);
        events += 1;
        bytes += row.bytes;
      }
      if (events > maxEvents || bytes > maxBytes) {
        await eachRow(rows, (row, cursor) => {
          if (events <= maxEvents && bytes <= maxBytes) return false;
          cursor.delete();
          events -= 1;
          bytes -= row.bytes;
          dropped += 1;
          return true;
        });
      }
      return { events, bytes, dropped };
    });
  }

  /** Drops the older half, to make room on a full disk. */
  halve(): Promise<void> {
    return this.#change(async (rows, before) => {
      let { events, bytes, dropped } = before;
      await eachRow(rows, (row, cursor) => {
        if (events <= before.events / 2) return false;
        cursor.delete();
        events -= 1;
        bytes -= row.bytes;
        dropped += 1;
        return true;
      });
      return { events, bytes, dropped };
    });
  }

  /** All rows, the oldest first. */
  async lines(): Promise<string[]> {
    const db = await this.#open();
    const rows: Row[] = await outcome(db.transaction(EVENTS).objectStore(EVENTS).getAll());
    return rows.map(({ line }) => line);
  }

  async totals(): Promise<Totals> {
    const db = await this.#open();
    return (await outcome<Totals | undefined>(db.transaction(TOTALS).objectStore(TOTALS).get(0))) ?? NOTHING;
  }

  clear(): Promise<void> {
    return this.#change(async (rows) => {
      rows.clear();
      return NOTHING;
    });
  }

  /** Lets go of the database. The next use opens it again. */
  async close(): Promise<void> {
    const opening = this.#opening;
    this.#opening = undefined;
    (await opening?.catch(() => undefined))?.close();
  }

  /** One transaction: `work` changes the rows and gives the new totals. Resolves when it is committed. */
  async #change(work: (rows: IDBObjectStore, before: Totals) => Promise<Totals>): Promise<void> {
    const db = await this.#open();
    const transaction = db.transaction([EVENTS, TOTALS], 'readwrite');
    const done = committed(transaction);
    const totals = transaction.objectStore(TOTALS);
    let failure: unknown;
    try {
      const before = (await outcome<Totals | undefined>(totals.get(0))) ?? NOTHING;
      totals.put(await work(transaction.objectStore(EVENTS), before), 0);
    } catch (error) {
      failure = error;
      if (transaction.error === null) abort(transaction);
    }
    await done.catch((error) => {
      throw transaction.error ?? failure ?? error;
    });
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

/** Visits rows, the oldest first, as long as `visit` says so. */
function eachRow(rows: IDBObjectStore, visit: (row: Row, cursor: IDBCursor) => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = rows.openCursor();
    request.onerror = () => reject(request.error);
    request.onsuccess = () => {
      const cursor = request.result;
      if (cursor !== null && visit(cursor.value as Row, cursor)) cursor.continue();
      else resolve();
    };
  });
}
