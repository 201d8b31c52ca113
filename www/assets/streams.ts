// Small helpers over async sequences of byte chunks. Pure, and knows nothing of models.

export type Bytes = Uint8Array<ArrayBuffer>;

/** Runs `work` on each item, a few ahead, and yields the outcomes in the order of the items. */
export async function* inOrder<I, O>(
  items: readonly I[],
  ahead: number,
  work: (item: I) => Promise<O>,
): AsyncGenerator<O> {
  const running: Promise<O>[] = [];
  for (const item of items) {
    const outcome = work(item);
    // Whoever awaits it gets the error; until then it must not count as unhandled.
    outcome.catch(() => {});
    running.push(outcome);
    if (running.length > ahead) yield await (running.shift() as Promise<O>);
  }
  for (const outcome of running) yield await outcome;
}

export async function* readAll(body: ReadableStream<Bytes>): AsyncGenerator<Bytes> {
  const reader = body.getReader();
  for (let step = await reader.read(); !step.done; step = await reader.read()) yield step.value;
}

/** The next piece of a body. */
export type Read = () => Promise<{ readonly done: boolean; readonly value?: Bytes | undefined }>;

export function pieces(body: ReadableStream<Bytes>): Read {
  const reader = body.getReader();
  return () => reader.read();
}

/**
 * The pieces of a body, each of which is valid until the next is asked for: they come into the same `size` bytes, as many
 * as there are at a time. That takes a quarter of a plain reader's pieces, and 14 MiB less memory for a model of 23.
 */
export function passingPieces(body: ReadableStream<Bytes>, size: number): Read {
  let reader: ReadableStreamBYOBReader;
  try {
    reader = body.getReader({ mode: 'byob' });
  } catch {
    return passing(pieces(body)); // not in every browser
  }
  let memory = new ArrayBuffer(size);
  return async () => {
    const { done, value } = await reader.read(new Uint8Array(memory));
    if (value !== undefined) memory = value.buffer;
    return { done, value };
  };
}

/** Gives the memory of each piece back when the next is asked for. */
function passing(read: Read): Read {
  let last: Bytes | undefined;
  return async () => {
    if (last !== undefined) release(last);
    const step = await read();
    last = step.value;
    return step;
  };
}

/**
 * Gives the memory of bytes that were used up back at once. The garbage collector counts such memory too little to
 * hurry, and the bytes of a model would lie in the process twice or three times.
 */
export function release(bytes: Bytes): void {
  // Not in every browser; there the collector does it some time.
  (bytes.buffer as { transfer?: (length: number) => ArrayBuffer }).transfer?.(0);
}

export async function collect(chunks: AsyncIterable<Bytes>): Promise<Bytes[]> {
  const parts: Bytes[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return parts;
}

/** One copy of all parts, which are used up. */
export function concat(parts: readonly Bytes[]): Bytes {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.byteLength;
    release(part);
  }
  return whole;
}

/** Joins small chunks, so that fewer messages cross to the worker. */
export async function* gather(chunks: AsyncIterable<Bytes>, size: number): AsyncGenerator<Bytes> {
  let parts: Bytes[] = [];
  let held = 0;
  for await (const chunk of chunks) {
    parts.push(chunk);
    held += chunk.byteLength;
    if (held < size) continue;
    yield concat(parts);
    [parts, held] = [[], 0];
  }
  if (held > 0) yield concat(parts);
}
