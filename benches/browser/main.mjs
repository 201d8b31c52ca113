// The browser bench from start to end: what to serve, what to measure, in which order, and where the numbers go.
// Called by scripts/bench.mjs, which has built everything.
import { mkdirSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { serveMounts } from '../../scripts/mounts.mjs';
import { root } from '../../scripts/paths.mjs';
import { bundle, bundleFolder } from './bundle.mjs';
import { emptyPagePeak, measureCold } from './cold.mjs';
import { bundled, engines, oneWorker } from './engines.mjs';
import { findPeerModel, installPeer, peerModules, peerVersion } from './peer.mjs';
import { coldTable, demoLines, throughputTable } from './report.mjs';
import { Reports } from './reports.mjs';
import { transferSizes } from './sizes.mjs';
import { measureThroughput } from './throughput.mjs';
import { makeWorkloads } from './workloads.mjs';

const DEMO = ['demo20', 'demo50'];
const COLD_SAMPLES = 5;

const say = (text) => console.log(`  ${text}`);

export async function bench(options) {
  const { quick, passes, model } = options;
  const peerModel = quick ? undefined : preparePeer(options.peerModel);
  // Before anything is timed: the disk is still busy with it afterwards.
  await bundle();
  const workloads = await makeWorkloads(model);
  const reports = new Reports();
  const mounts = {
    '/pkg/': path.join(root, 'pkg'),
    '/model/': path.join(root, 'model'),
    '/crossrank-model-code/': path.join(root, 'model'),
    '/benches/': path.join(root, 'benches/browser'),
    '/bundle/': bundleFolder,
    ...(model && { '/other-model/': model }),
    ...(peerModel && { '/peer/': peerModules, '/peer-model/': peerModel }),
  };
  const served = await serveMounts(mounts, {}, (request, response) => reports.answer(request, response));
  const server = { ...served, reports };
  try {
    const all = engines({ model: model && '/other-model/', peer: peerModel !== undefined });
    const chosen = quick ? all.filter(({ name }) => name === oneWorker) : all;
    const names = options.cold ? [] : quick ? DEMO : [...options.only, ...DEMO];
    const run = { machine: machine(), peer: peerModel && peerVersion, passes };
    const { rows, version } = await measureThroughput({
      origin: server.origin,
      engines: chosen,
      workloads,
      names,
      passes,
      say,
    });
    // A result as soon as there is one: what follows must not lose it.
    save(options.json, { ...run, chromium: version, workloads: describe(workloads), rows });
    const cold = await measureAllCold(server, chosen, workloads, quick);
    save(options.json, { ...run, chromium: version, workloads: describe(workloads), rows, ...cold });
    print(rows, cold, quick);
    console.log(
      `\n${run.machine.cpu}, ${run.machine.cores} cores, load ${run.machine.load}, Chromium ${version}`,
    );
    console.log(`All numbers: ${path.relative(process.cwd(), options.json)}`);
  } finally {
    await server.close();
  }
}

/** The peer's folder of weights, with the peer installed; undefined, with a line that says why, where it cannot be. */
export function preparePeer(named) {
  const folder = findPeerModel(named);
  if (folder === undefined) {
    say('no peer: --peer-model DIR names its ONNX folder; export one with optimum-cli (benches/README.md)');
    return undefined;
  }
  try {
    installPeer();
    return folder;
  } catch (error) {
    say(`no peer: ${error.message}`);
    return undefined;
  }
}

/** One fresh browser for each sample of the engines that a reader could meet: one worker, and the peer. */
async function measureAllCold(server, chosen, workloads, quick) {
  const ours = chosen.filter(({ name }) => name === oneWorker);
  const theirs = chosen.filter(({ kind }) => kind === 'peer-worker');
  const workload = quick ? workloads.demo20 : workloads.b;
  const tasks = [...ours, ...ours.map(bundled), ...theirs].map((engine) => ({ engine, workload }));
  const rows = await measureCold({ server, tasks, samples: quick ? 1 : COLD_SAMPLES, say });
  const emptyPage = await emptyPagePeak(server);
  // Compressing is heavy work of its own, so it comes after everything that is timed.
  say('sizes of what was fetched');
  return {
    emptyPage,
    cold: rows.map(({ code, ...row }) => ({ ...row, bytes: code && transferSizes(code) })),
  };
}

function print(rows, { cold, emptyPage }, quick) {
  console.log(`\n${throughputTable(rows)}\n\n${coldTable(cold, emptyPage)}\n`);
  for (const line of demoLines(rows)) console.log(line);
  const failed = [...rows, ...cold].filter(({ error }) => error !== undefined);
  for (const { engine, error } of failed) console.log(`failed: ${engine}: ${error}`);
  if (quick) console.log('Without --quick the peer and the other workloads are measured too.');
}

export function machine() {
  const load = os
    .loadavg()
    .map((value) => value.toFixed(1))
    .join(' ');
  return {
    cpu: os.cpus()[0]?.model ?? os.arch(),
    cores: os.cpus().length,
    load,
    date: new Date().toISOString(),
  };
}

const describe = (workloads) =>
  Object.fromEntries(
    Object.entries(workloads).map(([name, { about, pairs, tokens }]) => [
      name,
      { about, pairs: pairs.length, tokens },
    ]),
  );

export function save(file, value) {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(value, null, 1)}\n`);
}
