// The default model: the package crossrank-model-code. It is a package of its own, so that those who bring a model of
// their own neither install nor publish it. Fetches the package's module, which holds the manifest and the URLs; not
// the model's files.

import { CrossrankError, describe } from '../errors.js';
import { MODEL_PACKAGE } from '../generated/model-package.js';
import { workerUrl } from '../spawn.js';
import type { BundledModel } from './manifest.js';

/** The default model, by the name of its package, or else by its place beside ours. Throws MODEL_MISSING. */
export async function importDefaultModel(): Promise<BundledModel> {
  try {
    // A literal, so that bundlers find it; inside `try`, so that a missing package is a warning to them, no error.
    return await import('crossrank-model-code');
  } catch (cause) {
    return await importNeighbour(cause);
  }
}

/** Where no bundler and no import map has resolved the name. */
async function importNeighbour(unresolved: unknown): Promise<BundledModel> {
  const url = neighbourUrl(workerUrl());
  if (url === undefined) throw missing(`The package ${MODEL_PACKAGE.name} is not installed`, unresolved);
  try {
    return await import(/* webpackIgnore: true */ /* turbopackIgnore: true */ /* @vite-ignore */ url);
  } catch (cause) {
    throw missing(`${url} could not be loaded`, cause);
  }
}

/**
 * Where the model package lies if the two packages lie side by side, as npm installs them. `worker` is the URL of our
 * worker script: it keeps its name only where nothing was bundled. CDNs have the version in the folder's name
 * (`/npm/crossrank@0.1.0/`); there the model's version is named, too.
 */
export function neighbourUrl(worker: string | undefined): string | undefined {
  if (worker === undefined || !/^[^?#]*\/pkg\/dist\/worker\.js$/.test(worker)) return undefined;
  const version = /\/crossrank@[^/]+\/pkg\/dist\/worker\.js$/.test(worker) ? `@${MODEL_PACKAGE.version}` : '';
  return new URL(`../../../${MODEL_PACKAGE.name}${version}/index.js`, worker).href;
}

function missing(what: string, cause: unknown): CrossrankError {
  return new CrossrankError(
    'MODEL_MISSING',
    `${what}, so there is no default model (${describe(cause)}). Install it with ` +
      `\`npm install ${MODEL_PACKAGE.name}\`, or say where a model is: Reranker.load({ model: '/models/mine/' }).`,
    { cause },
  );
}
