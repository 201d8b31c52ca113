// The public surface of the package, and nothing else. Importing it touches no browser API, so it works in Node too.

export { CrossrankError, type ErrorCode } from './errors.js';
export type { Activation, LoadOptions, LoadProgress, PredictOptions, RankOptions } from './options.js';
export { type Ranked, Reranker } from './reranker.js';
export type { CallTimings, Status } from './status.js';
export type { TextDocument } from './text.js';
