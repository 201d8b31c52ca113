// The worker script: serves the wasm engine to the page that made this worker. Started by spawn.ts, never imported.

import { WasmEngine } from './engine.js';
import { type Port, serve } from './serve.js';

// The DOM library types the global scope as a window; in a worker it is a port to the page.
serve(globalThis as unknown as Port, new WasmEngine());
