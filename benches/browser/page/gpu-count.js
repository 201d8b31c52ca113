// Counts what a worker asks of the GPU, whoever asks: to be imported before any code that does. Whoever listens to the
// BroadcastChannel 'gpu-count' gets the counts by posting 'read', and sets them to 0 by posting 'reset'.

const zero = () => ({
  dispatches: 0,
  submits: 0,
  pipelines: 0,
  shaders: 0,
  buffers: 0,
  /** Transfers to the GPU, and their bytes. */
  writes: 0,
  writtenBytes: 0,
  /** Buffers mapped for reading, and the bytes that were looked at. */
  readbacks: 0,
  readBytes: 0,
});

let counts = zero();

/** Calls `note(this, arguments, result)` after each call of a method. */
function after(prototype, method, note) {
  const real = prototype[method];
  prototype[method] = function (...parameters) {
    const result = real.apply(this, parameters);
    note(this, parameters, result);
    return result;
  };
}

const elementBytes = (data) => data.BYTES_PER_ELEMENT ?? 1;

if (globalThis.GPUDevice !== undefined) {
  for (const method of ['createComputePipeline', 'createComputePipelineAsync']) {
    after(GPUDevice.prototype, method, () => {
      counts.pipelines += 1;
    });
  }
  after(GPUDevice.prototype, 'createShaderModule', () => {
    counts.shaders += 1;
  });
  after(GPUDevice.prototype, 'createBuffer', (_, [{ size, mappedAtCreation }]) => {
    counts.buffers += 1;
    if (!mappedAtCreation) return;
    counts.writes += 1;
    counts.writtenBytes += size;
  });
  after(GPUQueue.prototype, 'submit', () => {
    counts.submits += 1;
  });
  after(GPUQueue.prototype, 'writeBuffer', (_, [, , data, offset = 0, size]) => {
    counts.writes += 1;
    counts.writtenBytes +=
      size === undefined ? data.byteLength - offset * elementBytes(data) : size * elementBytes(data);
  });
  for (const method of ['dispatchWorkgroups', 'dispatchWorkgroupsIndirect']) {
    after(GPUComputePassEncoder.prototype, method, () => {
      counts.dispatches += 1;
    });
  }
  after(GPUBuffer.prototype, 'mapAsync', (_, [mode]) => {
    if (mode === GPUMapMode.READ) counts.readbacks += 1;
    else counts.writes += 1;
  });
  after(GPUBuffer.prototype, 'getMappedRange', (buffer, _, range) => {
    if (buffer.usage & GPUBufferUsage.MAP_READ) counts.readBytes += range.byteLength;
    else if (buffer.usage & GPUBufferUsage.MAP_WRITE) counts.writtenBytes += range.byteLength;
  });
}

new BroadcastChannel('gpu-count').onmessage = ({ data, currentTarget }) => {
  if (data === 'reset') counts = zero();
  if (data === 'read' || data === 'reset') currentTarget.postMessage({ counts });
};
