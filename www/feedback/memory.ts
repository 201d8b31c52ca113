// Rows that are not stored (yet), under the same caps: all of them where the browser gives no storage.

import { utf8Bytes } from '../text.js';
import type { Caps } from './options.js';

export class MemoryRows {
  lines: string[] = [];
  bytes = 0;
  dropped = 0;

  /** Adds a row and drops the oldest until the caps are kept. A row above the cap itself is dropped alone. */
  add(line: string, { maxEvents, maxBytes }: Caps): void {
    if (size(line) > maxBytes) {
      this.dropped += 1;
      return;
    }
    this.lines.push(line);
    this.bytes += size(line);
    while (this.lines.length > maxEvents || this.bytes > maxBytes) {
      this.bytes -= size(this.lines.shift() ?? '');
      this.dropped += 1;
    }
  }

  /** The rows, which are the caller's now. */
  take(): string[] {
    const { lines } = this;
    this.lines = [];
    this.bytes = 0;
    return lines;
  }

  /** Rows that were taken, before those that came since. */
  putBack(lines: readonly string[], caps: Caps): void {
    for (const line of [...lines, ...this.take()]) this.add(line, caps);
  }

  clear(): void {
    this.take();
    this.dropped = 0;
  }
}

/** Bytes of a row in the export, with its line break. */
export function size(line: string): number {
  return utf8Bytes(line) + 1;
}
