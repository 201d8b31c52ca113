// The options of the feedback log: their types, what each may be, and their readers.

import { aFunction, type Check, positiveInteger, read, type Spec } from '../check.js';

/** Options of `new FeedbackLog`. */
export interface FeedbackOptions {
  /** Parts logs of one origin: letters, digits and `-`. Default: one log for the origin. */
  readonly name?: string | undefined;
  /** Events kept at most, the oldest dropped first. Default 5,000. */
  readonly maxEvents?: number | undefined;
  /** Bytes of the log at most, as `export()` gives it. Default 4 MiB. */
  readonly maxBytes?: number | undefined;
  /** UTF-16 units kept of a query or of a document's text. Default 2,000. */
  readonly maxTextChars?: number | undefined;
  /** Documents kept of a list, the first ones. Default 20. */
  readonly maxTexts?: number | undefined;
}

/** Options of `shown`. */
export interface ShownOptions<T> {
  /** The text of a document, when it is not a string or `{ text, title?, path? }`: the one that `rank` was given. */
  readonly text?: ((document: T) => string) | undefined;
}

/** A snapshot of a log. */
export interface FeedbackStatus {
  /** Whether everything is in the browser's storage. If not, the rest is in this page's memory and ends with it. */
  readonly stored: boolean;
  /** Why not; null if it is. */
  readonly why: string | null;
  readonly events: number;
  readonly bytes: number;
  /** Events that the caps have dropped since the log was last cleared. */
  readonly dropped: number;
}

/** The caps of a log. */
export interface Caps {
  readonly maxEvents: number;
  readonly maxBytes: number;
}

const DEFAULTS: Required<{ [K in keyof FeedbackOptions]: Exclude<FeedbackOptions[K], undefined> }> = {
  name: '',
  maxEvents: 5000,
  maxBytes: 4 * 1024 * 1024,
  maxTextChars: 2000,
  maxTexts: 20,
};

const logName: Check = (v) =>
  (typeof v === 'string' && /^[A-Za-z0-9-]{1,64}$/.test(v)) || 'a name of 1 to 64 letters, digits and dashes';

const LOG: Spec<FeedbackOptions> = {
  name: logName,
  maxEvents: positiveInteger,
  maxBytes: positiveInteger,
  maxTextChars: positiveInteger,
  maxTexts: positiveInteger,
};

const SHOWN: Spec<ShownOptions<unknown>> = { text: aFunction };

/** Options of `new FeedbackLog`, checked, with their defaults. */
export function readFeedbackOptions(value: unknown): typeof DEFAULTS {
  // What `read` gives has no undefined values.
  return { ...DEFAULTS, ...(read(value, LOG, 'FeedbackLog') as Partial<typeof DEFAULTS>) };
}

/** Options of `shown`, checked. */
export function readShownOptions<T>(value: unknown): ShownOptions<T> {
  return read(value, SHOWN, 'shown') as ShownOptions<T>;
}
