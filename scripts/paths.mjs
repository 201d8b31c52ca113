// Where things are: the checkout, the generated output, and the cache that outlives a checkout.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
export const dist = path.join(root, 'pkg/dist');
export const demo = path.join(root, 'pkg/demo');

/** Compiled dependencies and tools. Outside the checkout, so that a clean clone does not compile burn again. */
export const cache = path.join(process.env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache'), 'crossrank');
export const cargoTarget = process.env.CARGO_TARGET_DIR || path.join(cache, 'target');

export const wasmTarget = 'wasm32-unknown-unknown';

/** The version of a crate in Cargo.lock. */
export function lockedVersion(crate) {
  const lock = readFileSync(path.join(root, 'Cargo.lock'), 'utf8');
  const found = lock.match(new RegExp(`name = "${crate}"\\nversion = "([^"]+)"`));
  if (!found) throw new Error(`Cargo.lock has no ${crate}`);
  return found[1];
}

export function wasmBindgenRoot() {
  return path.join(cache, 'tools', `wasm-bindgen-${lockedVersion('wasm-bindgen')}`);
}

/** The environment of every cargo call. */
export function cargoEnv() {
  return { ...process.env, CARGO_TARGET_DIR: cargoTarget };
}

export function sha256(bytes) {
  return createHash('sha256').update(bytes).digest('hex');
}
