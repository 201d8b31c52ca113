// The worker's message loop: each request becomes a task of the queue, each task answers with one message, and
// a `run` with parts before it.
// The worker script (worker.ts) calls it with its own scope; tests call it with a message port.

import { EngineBroken } from './broken.js';
import { probe } from './device.js';
import type { Engine } from './engine.js';
import { CrossrankError, toWire } from './errors.js';
import { isToWorker, type Part, PROTOCOL_VERSION, type Request, type ToPage } from './protocol.js';
import { Cancelled, Queue, type Turn } from './queue.js';

/** What a worker's scope and a MessagePort have in common. */
export interface Port {
  postMessage(message: ToPage, transfer: Transferable[]): void;
  addEventListener(type: 'message', listener: (event: MessageEvent<unknown>) => void): void;
}

/** Serves an engine until it breaks. Returns a counter of messages that were none of the protocol's. */
export function serve(port: Port, engine: Engine): { readonly ignored: number } {
  const queue = new Queue();
  const counters = { ignored: 0 };
  const post = (message: ToPage, transfer: Transferable[] = []) => port.postMessage(message, transfer);
  const fail = (id: number, error: unknown) =>
    post({ v: PROTOCOL_VERSION, id, type: 'error', error: toWire(error) });

  const handle = async (request: Request, turn: Turn) => {
    const { id } = request;
    try {
      const onPart = (part: Part) =>
        post({ v: PROTOCOL_VERSION, id, type: 'part', part }, [part.scores.buffer]);
      const value = await answer(request, engine, turn, onPart);
      post({ v: PROTOCOL_VERSION, id, type: 'result', value });
    } catch (error) {
      if (error instanceof Cancelled) throw error;
      if (!(error instanceof EngineBroken)) return fail(id, error);
      queue.stop();
      post({ v: PROTOCOL_VERSION, id, type: 'fatal', error: toWire(error.error) });
    }
  };

  port.addEventListener('message', ({ data }) => {
    if (!isToWorker(data)) {
      counters.ignored += 1;
    } else if (data.type !== 'cancel') {
      queue.add(
        data.id,
        (turn) => handle(data, turn),
        () => fail(data.id, new CrossrankError('ABORTED', 'The call was cancelled.')),
      );
    } else if (!queue.cancel(data.id)) {
      // Its answer is on the way already: nothing is left to cancel.
      counters.ignored += 1;
    }
  });
  return counters;
}

async function answer(
  request: Request,
  engine: Engine,
  turn: Turn,
  onPart: (part: Part) => void,
): Promise<unknown> {
  switch (request.type) {
    case 'hello':
      return { lock: await holdLifeLock() };
    case 'probe':
      return await probe();
    case 'start':
      return await engine.start(request.device, request.wasmUrl);
    case 'model':
      engine.model(request.config, request.tokenizer, request.precision);
      return null;
    case 'weights':
      engine.weights(request.bytes);
      return null;
    case 'finish':
      return engine.finish();
    case 'canaries':
      return { logits: await engine.canaries() };
    case 'trust':
      await engine.trust(request.expected);
      return null;
    case 'run':
      return await engine.run(request, turn, onPart);
  }
}

/**
 * Takes a Web Lock and never lets go. The browser frees it when the worker ends, however it ends, and that is how the
 * page learns of an end that fires no event (`terminate()` by somebody else, or the browser). Null without Web Locks.
 */
function holdLifeLock(): Promise<string | null> {
  const locks = globalThis.navigator?.locks;
  if (locks === undefined) return Promise.resolve(null);
  const name = `crossrank-worker-${crypto.randomUUID()}`;
  return new Promise((resolve) => {
    locks
      .request(name, () => {
        resolve(name);
        return new Promise<never>(() => {});
      })
      .catch(() => resolve(null));
  });
}
