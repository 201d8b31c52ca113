// Where the model lies. With hosting 'self' its folder is copied into the site, under a name with its content's hash.
import { createHash } from 'node:crypto';
import { cpSync, existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { PluginOptions } from '../shared/options.js';

/** The model that comes with crossrank: in a package of its own, or in crossrank's. */
const DEFAULT_MODELS = ['crossrank-model-code/manifest.json', 'crossrank/model/manifest.json'];

/** What crossrank imports that makes a bundler emit that model; replaced, since the model is copied once. */
export const DEFAULT_MODEL_MODULE = /^crossrank-model-code$|[\\/]generated[\\/]default-model(\.js)?$/;

interface Manifest {
  readonly config: { path: string; bytes: number };
  readonly tokenizer: { path: string; bytes: number };
  readonly weights: { bytes: number; shards: readonly { path: string; bytes: number }[] };
}

export interface SiteModel {
  /** For `Reranker.load({ model })`, given the locale's base URL. */
  url(baseUrl: string): string;
  readonly bytes: number | null;
  /** The folder that goes into the site, and its name there; undefined when the model lies elsewhere. */
  readonly folder?: { readonly from: string; readonly name: string; readonly files: readonly string[] };
}

/** Finds the model of the options. Throws with a message for the site's owner. */
export function findModel(options: Pick<PluginOptions, 'hosting' | 'model'>, siteDir: string): SiteModel {
  const { model } = options;
  if (options.hosting === 'hub' && model !== null) return { url: () => model, bytes: null };
  const from = model === null ? defaultModelFolder(siteDir) : path.resolve(siteDir, model);
  const manifestFile = path.join(from, 'manifest.json');
  if (!existsSync(manifestFile)) {
    throw new Error(
      `docusaurus-plugin-crossrank: ${from} has no manifest.json, so it is not a model folder. \`model\` is relative to the site's folder; "crossrank quantize" makes one.`,
    );
  }
  const bytes = readFileSync(manifestFile);
  const manifest = JSON.parse(bytes.toString('utf8')) as Manifest;
  const parts = [manifest.config, manifest.tokenizer, ...manifest.weights.shards];
  const name = `model-${createHash('sha256').update(bytes).digest('hex').slice(0, 8)}`;
  return {
    url: (baseUrl) => `${baseUrl}crossrank/${name}/`,
    bytes: parts.reduce((sum, part) => sum + part.bytes, 0),
    folder: { from, name, files: ['manifest.json', ...parts.map((part) => part.path)] },
  };
}

/** Copies the model below `folder`, the site's own `crossrank/`. */
export function copyModel(model: SiteModel, folder: string): void {
  if (model.folder === undefined) return;
  const { from, name, files } = model.folder;
  for (const file of files) cpSync(path.join(from, file), path.join(folder, name, file));
}

function defaultModelFolder(siteDir: string): string {
  for (const manifest of DEFAULT_MODELS) {
    try {
      return path.dirname(require.resolve(manifest, { paths: [siteDir, __dirname] }));
    } catch {
      // Not there; look on.
    }
  }
  throw new Error(
    'docusaurus-plugin-crossrank finds no model: run npm install crossrank crossrank-model-code, or name a model folder with `model`',
  );
}
