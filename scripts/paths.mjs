// Where things are: the checkout, the generated output, and the cache that outlives a checkout.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
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
  claimCargoTarget();
  return { ...process.env, CARGO_TARGET_DIR: cargoTarget };
}

/**
 * Cargo tells by time stamps whether our crate has changed, and gives it the same name in every checkout: after a build
 * in a newer checkout it would take that one's code for ours. So a checkout that was not the last one touches its roots.
 */
function claimCargoTarget() {
  const owner = path.join(cargoTarget, 'checkout');
  if (existsSync(owner) && readFileSync(owner, 'utf8') === root) return;
  const now = new Date();
  for (const file of [
    'src/lib.rs',
    'src/bin/crossrank.rs',
    'tests/native/main.rs',
    'benches/kernels/main.rs',
  ]) {
    utimesSync(path.join(root, file), now, now);
  }
  mkdirSync(cargoTarget, { recursive: true });
  writeFileSync(owner, root);
}

export function sha256(bytes) {
  return createHash('sha256').update(bytes).digest('hex');
}
