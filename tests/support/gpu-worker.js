// The client's worker on an adapter of the test's choice (gpu-setup.js), counted, with faults (gpu-fault.js), and with a
// readback deadline of the test's choice (`readbackMs`).
import './gpu-setup.js';
import '/benches/browser/page/gpu-count.js';
import './gpu-fault.js';
import { WasmEngine } from '/pkg/dist/engine.js';
import { serve } from '/pkg/dist/serve.js';

const { readbackMs } = globalThis.fakeGpu;
serve(globalThis, new WasmEngine(undefined, readbackMs && { leastMs: readbackMs, times: 3 }));
