// The first import of gpu-worker.js: puts an adapter of the test's choice where the browser's is. Its query says which:
// `adapter=ok` is one that everything suits; `none`, `absent`, `software`, `small` each lack something;
// `real` is the browser's own; `masked` the same, but it does not tell that it is software; `untimed` the same without
// `timestamp-query`. The other parameters are for fake-webgpu.js, gpu-fault.js and gpu-worker.js.

globalThis.fakeGpu = Object.fromEntries(new URLSearchParams(location.search));
for (const key of ['gpuStepMs', 'cpuStepMs', 'readbackMs']) {
  if (key in globalThis.fakeGpu) globalThis.fakeGpu[key] = Number(globalThis.fakeGpu[key]);
}

const info = { vendor: 'test', architecture: 'unit', device: '', description: '', isFallbackAdapter: false };
const limits = {
  maxStorageBufferBindingSize: 2 ** 27,
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupStorageSize: 2 ** 14,
};
const ok = { info, limits, features: new Set() };

const adapters = {
  ok,
  none: null,
  software: { ...ok, info: { ...info, architecture: 'swiftshader', isFallbackAdapter: true } },
  small: { ...ok, limits: { ...limits, maxComputeInvocationsPerWorkgroup: 128 } },
};

const { adapter = 'ok' } = globalThis.fakeGpu;
const put = (gpu) => Object.defineProperty(navigator, 'gpu', { value: gpu, configurable: true });
if (adapter === 'absent') put(undefined);
else if (adapter === 'masked') {
  Object.defineProperty(GPUAdapter.prototype, 'info', { get: () => info });
} else if (adapter === 'untimed') {
  const { get } = Object.getOwnPropertyDescriptor(GPUAdapter.prototype, 'features');
  Object.defineProperty(GPUAdapter.prototype, 'features', {
    get() {
      return new Set([...get.call(this)].filter((feature) => feature !== 'timestamp-query'));
    },
  });
} else if (adapter !== 'real') put({ requestAdapter: async () => adapters[adapter] });
