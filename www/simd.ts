// Which WebAssembly instructions this browser has, asked by validating the smallest modules that use them.
// Pure; the page asks before it starts anything, the worker when it chooses its binary.

/** What a binary needs. Their scores are the same bit for bit; `relaxed` is faster. */
export type Simd = 'relaxed' | 'simd128';

// Both modules: the header, a type `() -> v128`, one function of that type, and its body.
const HEADER = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0];
const ZERO = [65, 0, 253, 15]; // i32.const 0, i8x16.splat
const END = 11;

/** A module of one function that runs `code`. */
function moduleOf(code: readonly number[]): Uint8Array<ArrayBuffer> {
  const body = [0, ...code, END];
  return Uint8Array.of(...HEADER, 10, body.length + 2, 1, body.length, ...body);
}

/** `i8x16.popcnt` of a splat. */
const SIMD_PROBE = moduleOf([...ZERO, 253, 98]);

/** `i32x4.relaxed_dot_i8x16_i7x16_add_s`, opcode 0x113, of three splats. */
const RELAXED_PROBE = moduleOf([...ZERO, ...ZERO, ...ZERO, 253, 0x93, 0x02]);

/** The best that this browser runs; null without WebAssembly SIMD. */
export function bestSimd(): Simd | null {
  const { WebAssembly } = globalThis;
  if (WebAssembly === undefined || !WebAssembly.validate(SIMD_PROBE)) return null;
  return WebAssembly.validate(RELAXED_PROBE) ? 'relaxed' : 'simd128';
}
