// The public surface of the package, and nothing else. Importing it touches no browser API, so it works in Node too.

export {
  type RerankingCall,
  type RerankingModel,
  type RerankingModelOptions,
  type RerankingOutcome,
  rerankingModel,
} from './ai-sdk.js';
export type { Blend } from './blend.js';
export { CrossrankError, type ErrorCode } from './errors.js';
export type { DeviceChangeEvent } from './events.js';
export type {
  Activation,
  LoadOptions,
  LoadProgress,
  PredictOptions,
  RankOptions,
  WarmupOptions,
} from './options.js';
export * as presets from './presets.js';
export type { Ranked } from './ranking.js';
export type { ReloadEvent, ReloadStatus } from './reload.js';
export { Reranker } from './reranker.js';
export {
  type CohereOptions,
  type CohereResponse,
  type CohereResult,
  type TEIOptions,
  type TEIResult,
  toCohere,
  toTEI,
} from './shapes.js';
export type { CallTimings, Status } from './status.js';
export type { TextDocument } from './text.js';
