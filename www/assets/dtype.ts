// How the weights of a safetensors file are stored, read from its header for status. The engine reads and checks the
// header itself; here anything unexpected is null.

import type { Bytes } from './streams.js';

/** The project's names for what safetensors calls them. U8 are the 4-bit words of its int8 form. */
const NAMES: Readonly<Record<string, string>> = {
  F32: 'f32',
  F16: 'f16',
  BF16: 'bf16',
  I8: 'int8',
  U8: 'int8',
};

/** The dtype that most bytes of the tensors have. `start` is the beginning of the file, with its whole header. */
export function weightsDtype(start: Bytes): string | null {
  try {
    const length = Number(new DataView(start.buffer, start.byteOffset).getBigUint64(0, true));
    const header: unknown = JSON.parse(new TextDecoder().decode(start.subarray(8, 8 + length)));
    const sums = new Map<string, number>();
    for (const { dtype, data_offsets: offsets } of Object.values(header as Record<string, Entry>)) {
      if (!dtype || !offsets) continue;
      const name = NAMES[dtype] ?? dtype;
      sums.set(name, (sums.get(name) ?? 0) + offsets[1] - offsets[0]);
    }
    const [most] = [...sums].sort(([, a], [, b]) => b - a);
    return most === undefined ? null : most[0];
  } catch {
    return null;
  }
}

interface Entry {
  readonly dtype?: string;
  readonly data_offsets?: readonly [number, number];
}
