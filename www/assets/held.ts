// The bytes of a model on the page, for pages whose cache cannot keep them: each further worker is fed a copy.
// Costs the size of the model in memory. Not used where there is a cache.

import type { ModelSink } from './model.js';
import type { Bytes } from './streams.js';

export class HeldModel {
  #start: { readonly config: Bytes; readonly tokenizer: Bytes } | undefined;
  readonly #weights: Bytes[] = [];

  /** A sink that copies what passes through it. */
  recording(sink: ModelSink): ModelSink {
    return {
      begin: (config, tokenizer) => {
        this.#start = { config: config.slice(), tokenizer: tokenizer.slice() };
        return sink.begin(config, tokenizer);
      },
      push: (weights) => {
        this.#weights.push(weights.slice());
        return sink.push(weights);
      },
    };
  }

  /** Hands a copy of the whole model to the sink. */
  async deliver(sink: ModelSink): Promise<void> {
    if (this.#start === undefined) return;
    const { config, tokenizer } = this.#start;
    await sink.begin(config.slice(), tokenizer.slice());
    for (const weights of this.#weights) await sink.push(weights.slice());
  }
}
