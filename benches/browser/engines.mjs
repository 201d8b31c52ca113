// The rows of the table: which library, with which settings, on which workloads. Plain data; page/page.js runs it.

// Other engines run between two passes of one; its second worker must not have stopped by then.
const idleMs = 3_600_000;

const comparison = ['a', 'b', 'c16'];

/** `model`: URL of our folder, or undefined for the package's default. `peer`: whether there is one to compare with. */
export function engines({ model, peer }) {
  const client = (name, workers, workloads) => {
    return { name, kind: 'client', options: { ...(model && { model }), workers, idleMs }, workloads };
  };
  const binary = (name, glue, precision, workloads) => {
    return { name, kind: 'glue-worker', options: { glue, precision, model: model ?? '/model/' }, workloads };
  };
  const ours = [
    client(oneWorker, 1, [...comparison, 'demo20', 'demo50']),
    client(twoWorkers, 2, ['b', 'demo50']),
    binary('ours, relaxed SIMD binary', 'crossrank_cpu_relaxed', 'int8', comparison),
    binary('ours, simd128 binary', 'crossrank_cpu', 'int8', comparison),
    binary(f32, 'crossrank_cpu_relaxed', 'f32', ['b']),
  ];
  const theirs = [
    { name: 'peer, default', kind: 'peer-worker', options: { tuned: false }, workloads: comparison },
    { name: peerTuned, kind: 'peer-worker', options: { tuned: true }, workloads: comparison },
  ];
  return peer ? [...ours, ...theirs] : ours;
}

export const oneWorker = 'ours, one worker';
export const twoWorkers = 'ours, two workers';
export const f32 = 'ours, f32';
export const peerTuned = 'peer, tuned';

/** The same engine from the bundle that a web app would ship. */
export const bundled = (engine) => ({ ...engine, name: `${engine.name}, bundled`, kind: 'bundled-client' });
