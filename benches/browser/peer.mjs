// The peer: transformers.js, pinned, installed into the cache by this command only, so that neither the package nor
// the tests depend on it. And the folder with its form of the weights.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { cache, root } from '../../scripts/paths.mjs';
import { must, SetupError, step } from '../../scripts/run.mjs';

const name = '@huggingface/transformers';
export const peerVersion = '4.3.1';
const home = path.join(cache, `bench-peer-${peerVersion}`);
export const peerModules = path.join(home, 'node_modules');

/** What transformers.js asks for when it loads a q8 model for ranking. */
const files = ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'onnx/model_quantized.onnx'];

/** Where the peer looks for each form of the weights. */
export const peerWeights = { q8: 'onnx/model_quantized.onnx', fp32: 'onnx/model.onnx' };

/** Looked at when `--peer-model` is not given: a folder beside the checkout. */
const besideCheckout = path.resolve(root, '../shared/model');

/** The folder with the peer's weights, or undefined where there is none. A folder that was named must be complete. */
export function findPeerModel(named) {
  const folder = named ?? besideCheckout;
  const missing = files.find((file) => !existsSync(path.join(folder, file)));
  if (missing === undefined) return folder;
  if (named !== undefined)
    throw new SetupError(`${folder} has no ${missing}; benches/README.md says how to export one`);
  return undefined;
}

/** Installs the peer once. Throws where it cannot; the caller goes on without. */
export function installPeer() {
  const installed = path.join(peerModules, name, 'package.json');
  if (existsSync(installed) && JSON.parse(readFileSync(installed, 'utf8')).version === peerVersion) return;
  step(`${name} ${peerVersion} (kept in ${home})`);
  mkdirSync(home, { recursive: true });
  writeFileSync(path.join(home, 'package.json'), '{ "private": true }\n');
  const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--save-exact'];
  must('npm', ['install', ...flags, `${name}@${peerVersion}`], `${name} cannot be installed`, { cwd: home });
}
