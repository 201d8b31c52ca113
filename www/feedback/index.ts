// The entry `crossrank/feedback`: what readers do with results, kept in their own browser. An entry of its own, so that
// pages that keep no log load none of it.

export { CrossrankError } from '../errors.js';
export { FeedbackLog } from './log.js';
export type { FeedbackOptions, FeedbackStatus, ShownOptions } from './options.js';
