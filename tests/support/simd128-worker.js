// The client's worker with the binary for browsers without relaxed SIMD, whatever this browser has.
import { WasmEngine } from '/pkg/dist/engine.js';
import { serve } from '/pkg/dist/serve.js';

serve(globalThis, new WasmEngine('simd128'));
