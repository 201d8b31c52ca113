// The one failure after which a worker serves nothing more. Thrown by engine.ts and gpu.ts, caught by serve.ts.

import type { CrossrankError } from './errors.js';

/** The wasm instance broke: its memory is in an unknown state, so nothing may be asked of it any more. */
export class EngineBroken extends Error {
  readonly error: CrossrankError;
  constructor(error: CrossrankError) {
    super(error.message);
    this.error = error;
  }
}
