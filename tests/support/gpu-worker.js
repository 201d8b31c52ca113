// The client's worker on an adapter of the test's choice (gpu-setup.js), with a readback deadline of the test's choice.
import './gpu-setup.js';
import { WasmEngine } from '/pkg/dist/engine.js';
import { serve } from '/pkg/dist/serve.js';

serve(globalThis, new WasmEngine(undefined, globalThis.fakeGpu.readbackMs));
