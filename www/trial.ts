// The trial of the GPU: is there one, did an earlier load condemn it, does it give the right answers, is it faster than
// the CPU? Runs on the page beside a CPU pool that serves meanwhile. devices.ts decides what follows.

import { type Adapter, nameOf } from './device.js';
import { CrossrankError } from './errors.js';
import { type GpuOrigin, Pool, type PoolSettings, processors } from './pool.js';
import type { Requests } from './protocol.js';
import { workersFor } from './share.js';
import { readVerdict, verdictKey, writeVerdict } from './verdict.js';

export interface Trial {
  /** The worker of the GPU; undefined: the CPU serves. */
  readonly pool: Pool | undefined;
  readonly adapter: Adapter | null;
  readonly why: string;
  /** Under which name a later failure is remembered. */
  readonly key: string | undefined;
}

const F32_ON_CPU = "precision: 'f32' is computed on the CPU";

/** Pairs of the call that the devices are compared on: about what a search page shows. */
const CALL_PAIRS = 20;
/** Pairs of it that the CPU is timed on; it takes so much the longer for all of them, shared by its workers. */
const CPU_PAIRS = 4;
/** Times that the GPU runs the call; the first may still compile. */
const GPU_RUNS = 3;

/**
 * The trial that `device: 'auto'` makes. Rejects only if the CPU pool ends meanwhile. A verdict of an earlier load
 * spares the comparison, not the tests: those are part of every start on the GPU.
 */
export async function tryGpu(cpu: Pool, settings: PoolSettings, onLost: GpuOrigin['onLost']): Promise<Trial> {
  if (settings.precision === 'f32')
    return { pool: undefined, adapter: null, why: F32_ON_CPU, key: undefined };
  const { adapter, missing } = await cpu.ask('probe', {});
  const stay = (why: string): Trial => ({ pool: undefined, adapter, why, key: undefined });
  if (missing !== undefined || adapter === null) return stay(missing ?? 'there is no adapter');
  const name = nameOf(adapter);
  if (adapter.software) return stay(`the adapter (${name}) is software, which the CPU binary outruns`);
  if (!(await cpu.repeatable())) return stay('the model can be neither cached nor held for a second worker');
  const key = keyOf(cpu, settings, adapter);
  const kept = await readVerdict(key, settings.cache);
  if (kept?.device === 'cpu') return stay(`${kept.why} (found by an earlier load)`);
  let pool: Pool;
  try {
    pool = await startGpu(cpu, settings, onLost);
  } catch (error) {
    cpu.throwIfDisposed();
    const why = `the GPU (${name}) did not start: ${messageOf(error)}`;
    if (condemns(error)) await writeVerdict(key, { device: 'cpu', why }, settings.cache);
    return stay(why);
  }
  if (kept !== undefined) return { pool, adapter, why: `${kept.why} (found by an earlier load)`, key };
  try {
    const { faster, why } = await compare(cpu, pool, settings.workers, name);
    await writeVerdict(key, { device: faster ? 'webgpu' : 'cpu', why }, settings.cache);
    if (faster && pool.lost === undefined) return { pool, adapter, why, key };
    pool.dispose();
    return stay(why);
  } catch (error) {
    pool.dispose();
    cpu.throwIfDisposed();
    const why = `the GPU (${name}) failed: ${messageOf(error)}`;
    if (condemns(error)) await writeVerdict(key, { device: 'cpu', why }, settings.cache);
    return stay(why);
  }
}

/** What `device: 'webgpu'` makes of it: the GPU if it can give right answers, else a rejection with a code. */
export async function forceGpu(
  cpu: Pool,
  settings: PoolSettings,
  onLost: GpuOrigin['onLost'],
): Promise<Trial> {
  const { adapter, missing } = await cpu.ask('probe', {});
  if (missing !== undefined || adapter === null) {
    throw new CrossrankError(
      'UNSUPPORTED',
      `device: 'webgpu' was asked for, but ${missing ?? 'there is no adapter'}. Use device 'auto'.`,
    );
  }
  const pool = await startGpu(cpu, settings, onLost);
  const key = keyOf(cpu, settings, adapter);
  return { pool, adapter, why: "device: 'webgpu' was asked for", key };
}

/** Whether a failure is remembered: wrong answers are, an accident may not come again. */
export const condemns = (error: unknown): boolean =>
  error instanceof CrossrankError && error.code === 'GPU_UNTRUSTED';

/** An error in a sentence, without the place that explains its code. */
export function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(/ \(docs\/[^)]*\)$/, '');
}

const keyOf = (cpu: Pool, { precision }: PoolSettings, adapter: Adapter) =>
  verdictKey(adapter, cpu.delivery?.identity ?? '', precision);

async function startGpu(cpu: Pool, settings: PoolSettings, onLost: GpuOrigin['onLost']): Promise<Pool> {
  const { logits: expected } = await cpu.ask('canaries', {});
  const pool = new Pool(settings, { pool: cpu, expected, onLost });
  try {
    await pool.join();
    return pool;
  } catch (error) {
    pool.dispose();
    throw error;
  }
}

/** Times a call on both. The CPU is timed on a part of it, by one worker, and credited with ideal sharing. */
async function compare(
  cpu: Pool,
  gpu: Pool,
  workers: PoolSettings['workers'],
  name: string,
): Promise<{ faster: boolean; why: string }> {
  let gpuMs = Number.POSITIVE_INFINITY;
  for (let run = 0; run < GPU_RUNS; run += 1) gpuMs = Math.min(gpuMs, await time(gpu, CALL_PAIRS));
  const shared = workersFor(CALL_PAIRS, workers, processors());
  const cpuMs = ((await time(cpu, CPU_PAIRS)) * CALL_PAIRS) / CPU_PAIRS / shared;
  const faster = gpuMs < cpuMs;
  const figures = `${CALL_PAIRS} pairs in ${gpuMs.toFixed(0)} ms, the CPU in about ${cpuMs.toFixed(0)} ms`;
  return { faster, why: `the GPU (${name}) scores ${figures}` };
}

async function time(pool: Pool, count: number): Promise<number> {
  const { tokenizeMs, scoreMs } = await pool.ask('run', callOf(count));
  return tokenizeMs + scoreMs;
}

/** A call as a search page makes it: one question, pieces of code of some 110 tokens. */
function callOf(count: number): Requests['run'] {
  const piece = (i: number) =>
    Array.from({ length: 9 }, (_, line) => `let value_${i}_${line} = self.read(offset + ${line})?;`).join(
      '\n',
    );
  const pairs = Array.from({ length: count }, (_, i) => ['where is the file read', piece(i)]).flat();
  return { pairs, maxLength: 0, activation: '', early: false };
}
