// The rows of a feedback log: what they hold, and how each becomes one line of JSON. Pure.
// `crossrank mine` reads them (src/cli/mine/log.rs); docs/feedback.md defines them.

import { wellFormed } from '../text.js';

/** The version that every row carries. */
const LOG_VERSION = 1;

/** What happened. `at` is Date.now(); places count from 0 in the order shown; `of` is the id of a list. */
export type FeedbackEvent = { readonly at: number } & (
  | { readonly type: 'shown'; readonly id: string; readonly query: string; readonly texts: readonly string[] }
  | { readonly type: 'click'; readonly of: string; readonly place: number }
  | { readonly type: 'thumb'; readonly of: string; readonly up: boolean }
  | { readonly type: 'stars'; readonly of: string; readonly stars: number }
  | { readonly type: 'relevance'; readonly of: string; readonly place: number; readonly relevant: boolean }
);

/** One row, without a line break. */
export function toLine({ type, at, ...rest }: FeedbackEvent): string {
  return JSON.stringify({ v: LOG_VERSION, type, at, ...rest });
}

/** The first `chars` UTF-16 units of a text. Half a character at the cut, or anywhere, becomes U+FFFD. */
export function cut(text: string, chars: number): string {
  return wellFormed(text.slice(0, chars));
}

/** An id that no other list has. `crypto.randomUUID` is absent on pages that are not served securely. */
export function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
