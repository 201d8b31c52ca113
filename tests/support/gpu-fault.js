// A GPU that goes wrong when a test says so, for gpu-worker.js. What is posted on the BroadcastChannel 'gpu-fault' is
// the fault from then on, and is answered by every worker that has a device:
//
//   { kind: 'nonsense', kernel: n, expression }  what kernel n stores becomes `expression`, in which VALUE is what it was
//   { kind: 'skip', dispatch: n }                the n-th dispatch from now on does not happen
//   { kind: 'hang' }                             no mapping for reading ever comes about
//   { kind: 'stale' }                            what is read is what was read before
//   { kind: 'destroy', dispatch: n }             the device is destroyed at the n-th dispatch from now on
//
// `fault=…` in the address of the worker, as JSON, is a fault from the start. A kernel is a pipeline with storage that it
// writes, in the order in which they are made. Each gets a twin for each expression that was asked for.

const state = { fault: JSON.parse(globalThis.fakeGpu.fault ?? '{}'), dispatches: 0, devices: [], last: null };
const codes = new WeakMap();
const kernels = [];
const twins = new Map();

const STORAGE =
  /@group\(0\)\s*@binding\((\d+)\)\s*var<\s*(storage|uniform)\s*(?:,\s*(read_write|read))?\s*>\s*(\w+)/g;

/**
 * `code` with each store to storage that it may write going wrong, but for the stamps that tell that a dispatch ran: the
 * values are to be found out.
 */
function spoilt(code, expression) {
  let wrong = code;
  for (const [, , , access, name] of code.matchAll(STORAGE)) {
    if (access !== 'read_write') continue;
    const store = new RegExp(`\\b${name}\\[([^\\]]+)\\] = ([^;]+);`, 'g');
    wrong = wrong.replace(store, (all, at, value) =>
      at.includes('stamp') ? all : `${name}[${at}] = ${expression.replaceAll('VALUE', `(${value})`)};`,
    );
  }
  if (wrong === code) throw new Error('the kernel stores nothing that a fault could spoil');
  return wrong;
}

/** An explicit layout, because the one that a pipeline makes for itself fits no other pipeline. */
function layoutOf(device, code) {
  const entries = [...code.matchAll(STORAGE)].map(([, binding, space, access]) => ({
    binding: Number(binding),
    visibility: GPUShaderStage.COMPUTE,
    buffer: { type: space === 'uniform' ? 'uniform' : access === 'read' ? 'read-only-storage' : 'storage' },
  }));
  return device.createPipelineLayout({ bindGroupLayouts: [device.createBindGroupLayout({ entries })] });
}

function twinOf(pipeline) {
  const { kind, kernel, expression } = state.fault;
  const entry = kernels.findLastIndex((made) => made.pipeline === pipeline);
  if (kind !== 'nonsense' || entry !== kernel) return pipeline;
  const key = `${entry} ${expression}`;
  if (!twins.has(key)) {
    const { device, code, descriptor } = kernels[entry];
    const module = createShaderModule.call(device, { code: spoilt(code, expression) });
    const compute = { ...descriptor.compute, module };
    twins.set(key, createComputePipeline.call(device, { ...descriptor, compute }));
  }
  return twins.get(key);
}

const { createShaderModule, createComputePipeline } = globalThis.GPUDevice?.prototype ?? {};

function install() {
  const { requestDevice } = GPUAdapter.prototype;
  GPUAdapter.prototype.requestDevice = async function (...parameters) {
    const device = await requestDevice.apply(this, parameters);
    state.devices.push(device);
    return device;
  };
  GPUDevice.prototype.createShaderModule = function (descriptor) {
    const module = createShaderModule.call(this, descriptor);
    codes.set(module, descriptor.code);
    return module;
  };
  GPUDevice.prototype.createComputePipeline = function (descriptor) {
    const code = codes.get(descriptor.compute.module);
    const explicit = { ...descriptor, layout: layoutOf(this, code) };
    const pipeline = createComputePipeline.call(this, explicit);
    kernels.push({ device: this, code, descriptor: explicit, pipeline });
    return pipeline;
  };
  GPUDevice.prototype.createComputePipelineAsync = async function (descriptor) {
    return this.createComputePipeline(descriptor);
  };
  const { setPipeline, dispatchWorkgroups } = GPUComputePassEncoder.prototype;
  GPUComputePassEncoder.prototype.setPipeline = function (pipeline) {
    setPipeline.call(this, twinOf(pipeline));
  };
  GPUComputePassEncoder.prototype.dispatchWorkgroups = function (...counts) {
    const { kind, dispatch } = state.fault;
    const now = state.dispatches === dispatch;
    state.dispatches += 1;
    if (kind === 'destroy' && now) for (const device of state.devices) device.destroy();
    if (kind === 'skip' && now) return;
    dispatchWorkgroups.apply(this, counts);
  };
  const { mapAsync, getMappedRange } = GPUBuffer.prototype;
  GPUBuffer.prototype.mapAsync = function (mode, ...rest) {
    if (state.fault.kind === 'hang' && mode === GPUMapMode.READ) return new Promise(() => {});
    return mapAsync.call(this, mode, ...rest);
  };
  GPUBuffer.prototype.getMappedRange = function (...parameters) {
    const range = getMappedRange.apply(this, parameters);
    if (!(this.usage & GPUBufferUsage.MAP_READ)) return range;
    if (state.fault.kind === 'stale' && state.last !== null) {
      const bytes = new Uint8Array(range);
      bytes.set(state.last.subarray(0, bytes.length));
    } else {
      state.last = new Uint8Array(range).slice();
    }
    return range;
  };
}

if (globalThis.GPUDevice !== undefined) install();

new BroadcastChannel('gpu-fault').onmessage = ({ data, currentTarget }) => {
  if (data.kind === undefined || state.devices.length === 0) return;
  state.fault = data;
  state.dispatches = 0;
  currentTarget.postMessage({ kernels: kernels.length });
};
