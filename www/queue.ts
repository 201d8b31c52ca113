// First in, first out: runs the worker's tasks one at a time, and lets messages (a cancel, say) be seen in between.
// Runs inside the worker; knows nothing of models or messages.

/** What a running task may ask. */
export interface Turn {
  /**
   * Lets waiting messages be handled. Call it between two steps. Throws `Cancelled` when the task was cancelled.
   */
  between(): Promise<void>;
}

/** Thrown by `between`, and by the queue for a task that was cancelled before its turn. */
export class Cancelled extends Error {}

type Task = (turn: Turn) => Promise<void> | void;

export class Queue {
  readonly #waiting: { readonly id: number; readonly task: Task; readonly onCancel: () => void }[] = [];
  #runningId: number | null = null;
  #cancelRunning = false;
  #stopped = false;

  /** Adds a task. It must not reject, save with `Cancelled`; `onCancel` is called instead of running or finishing it. */
  add(id: number, task: Task, onCancel: () => void): void {
    if (this.#stopped) return;
    this.#waiting.push({ id, task, onCancel });
    if (this.#runningId === null) void this.#drain();
  }

  /** Takes a task back: at once if it waits, at its next `between` if it runs. False if it is neither. */
  cancel(id: number): boolean {
    if (id === this.#runningId) {
      this.#cancelRunning = true;
      return true;
    }
    const place = this.#waiting.findIndex((entry) => entry.id === id);
    if (place < 0) return false;
    this.#waiting.splice(place, 1)[0]?.onCancel();
    return true;
  }

  /** Runs nothing more. */
  stop(): void {
    this.#stopped = true;
    this.#waiting.length = 0;
  }

  async #drain(): Promise<void> {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      this.#runningId = next.id;
      this.#cancelRunning = false;
      try {
        await next.task({ between: () => this.#between() });
      } catch (error) {
        if (!(error instanceof Cancelled)) throw error;
        next.onCancel();
      } finally {
        this.#runningId = null;
      }
    }
  }

  async #between(): Promise<void> {
    await macrotask();
    if (this.#cancelRunning) throw new Cancelled();
  }
}

/** A turn of the event loop. Not a timer: nested timers wait at least 4 ms, a message port does not. */
function macrotask(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
