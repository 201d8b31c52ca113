// Where a model is: the URLs of its files, from the `model` option or from the package of the default model. Pure;
// fetches nothing.

import { CrossrankError } from '../errors.js';
import { type BundledModel, type Manifest, parseManifest } from './manifest.js';

/** The files of a Hugging Face folder. */
export const HF_FILES = {
  config: 'config.json',
  tokenizer: 'tokenizer.json',
  weights: 'model.safetensors',
} as const;

/** A place that holds one model. */
export interface ModelSource {
  /** How the caller named it, for status and messages. */
  readonly name: string;
  /** What to call the model when no manifest names it. */
  readonly fallbackId: string;
  /** The manifest, where it is known without a request. */
  readonly manifest: Manifest | null;
  /** The URL of a file of the folder. */
  url(path: string): string;
}

// Hub names: letters, digits, '-', '_', '.'; no two dots in a row, so that nothing climbs out of the path.
const HUB_ID = /^hf:([A-Za-z0-9][\w.-]{0,95})\/([A-Za-z0-9][\w.-]{0,95})(?:@([A-Za-z0-9][\w./-]{0,199}))?$/;

/** The source that `model` names; relative URLs resolve against `base`. Throws OPTION. */
export function resolveSource(model: string | URL, base: string | undefined): ModelSource {
  const text = String(model);
  return text.startsWith('hf:') ? hubSource(text) : folderSource(text, base);
}

/**
 * The source that a model's package is. Some bundlers make its URLs paths without a host (Next does), which are resolved
 * against `base`. Throws MODEL_INVALID.
 */
export function bundledSource(
  { manifest: given, urls }: BundledModel,
  base: string | undefined,
): ModelSource {
  const manifest = parseManifest(given, 'the package of the default model');
  return {
    name: 'the default model',
    fallbackId: manifest.id,
    manifest,
    url(path) {
      const url = Object.hasOwn(urls, path) ? parse(String(urls[path]), base) : undefined;
      if (url !== undefined) return url.href;
      throw new CrossrankError(
        'MODEL_INVALID',
        `The package of the default model has no URL for its file ${path}. It is damaged. Install it again.`,
      );
    },
  };
}

function hubSource(text: string): ModelSource {
  const match = HUB_ID.exec(text);
  if (match === null || text.includes('..') || text.includes('//')) {
    throw new CrossrankError(
      'OPTION',
      `${JSON.stringify(text.slice(0, 120))} is no model of the Hugging Face hub. Write 'hf:org/name' or 'hf:org/name@revision'.`,
    );
  }
  const [, org, name, revision = 'main'] = match;
  const folder = `https://huggingface.co/${org}/${name}/resolve/${encodeURIComponent(revision)}/`;
  return { name: text, fallbackId: `${org}/${name}`, manifest: null, url: (path) => folder + path };
}

function folderSource(text: string, base: string | undefined): ModelSource {
  const folder = parse(text, base);
  if (
    folder === undefined ||
    !/^https?:$/.test(folder.protocol) ||
    folder.search !== '' ||
    folder.hash !== ''
  ) {
    throw new CrossrankError(
      'OPTION',
      `Option model of Reranker.load is ${JSON.stringify(text.slice(0, 120))}. ` +
        "It must be the http(s) URL of a folder, without ? and #, or 'hf:org/name@revision'.",
    );
  }
  if (!folder.pathname.endsWith('/')) folder.pathname += '/';
  return {
    name: folder.href,
    fallbackId: decodeSafely(folder.pathname.split('/').at(-2) ?? '') || folder.host,
    manifest: null,
    url: (path) => new URL(path, folder).href,
  };
}

function parse(text: string, base: string | undefined): URL | undefined {
  try {
    return new URL(text, base);
  } catch {
    return undefined;
  }
}

function decodeSafely(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
