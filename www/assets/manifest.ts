// manifest.json of a model folder in the project's own form: which files, how many bytes, which sha256.
// Everything in it is checked before any of it is used. Not here: fetching it (model.ts).

import { CrossrankError } from '../errors.js';
import {
  MAX_CONFIG_BYTES,
  MAX_SHARD_BYTES,
  MAX_SHARDS,
  MAX_TOKENIZER_BYTES,
  MAX_WEIGHTS_BYTES,
} from '../limits.js';

/** One file of the folder. */
export interface ManifestFile {
  /** A plain file name, so that it cannot lead out of the folder. */
  readonly path: string;
  readonly bytes: number;
  /** 64 hexadecimal digits, lower case. */
  readonly sha256: string;
}

/** manifest.json, version 1. */
export interface Manifest {
  readonly format: 'crossrank-model';
  readonly version: 1;
  readonly id: string;
  readonly license: string;
  readonly dtype: string;
  readonly architecture: string;
  readonly config: ManifestFile;
  readonly tokenizer: ManifestFile;
  /** The shards, one after the other, are one safetensors file of `bytes` bytes. */
  readonly weights: {
    readonly bytes: number;
    readonly sha256: string;
    readonly shards: readonly ManifestFile[];
  };
}

/** What the module of a model's package exports: its manifest, not checked yet, and the URL of each of its files. */
export interface BundledModel {
  readonly manifest: unknown;
  readonly urls: Readonly<Record<string, string>>;
}

const FILE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;
const SHA256 = /^[0-9a-f]{64}$/;

/** Checks a parsed manifest.json. `where` is its URL, for messages. Throws MODEL_INVALID. */
export function parseManifest(value: unknown, where: string): Manifest {
  const fail = (what: string): never => {
    throw new CrossrankError(
      'MODEL_INVALID',
      `The manifest at ${where} cannot be used: ${what}. It may be of another version or damaged. ` +
        'Make it again with `crossrank quantize`.',
    );
  };
  const object = (v: unknown, name: string): Record<string, unknown> =>
    typeof v === 'object' && v !== null && !Array.isArray(v) ? { ...v } : fail(`${name} is not an object`);
  const text = (v: unknown, name: string): string =>
    typeof v === 'string' && v.length > 0 && v.length <= 200
      ? v
      : fail(`${name} is not a text of 1 to 200 characters`);
  const size = (v: unknown, name: string, cap: number): number =>
    Number.isSafeInteger(v) && (v as number) >= 1 && (v as number) <= cap
      ? (v as number)
      : fail(`${name} is not a whole number from 1 to ${cap}`);
  const hash = (v: unknown, name: string): string =>
    typeof v === 'string' && SHA256.test(v) ? v : fail(`${name} is not 64 hexadecimal digits`);
  const file = (v: unknown, name: string, cap: number): ManifestFile => {
    const { path, bytes, sha256 } = object(v, name);
    return {
      path:
        typeof path === 'string' && FILE_NAME.test(path)
          ? path
          : fail(`${name}.path is not a plain file name`),
      bytes: size(bytes, `${name}.bytes`, cap),
      sha256: hash(sha256, `${name}.sha256`),
    };
  };

  const root = object(value, 'it');
  if (root.format !== 'crossrank-model') fail("format is not 'crossrank-model'");
  if (root.version !== 1) fail('version is not 1');
  const weights = object(root.weights, 'weights');
  const listed = weights.shards;
  if (!Array.isArray(listed) || listed.length === 0 || listed.length > MAX_SHARDS) {
    return fail(`weights.shards is not a list of 1 to ${MAX_SHARDS} files`);
  }
  const manifest: Manifest = {
    format: 'crossrank-model',
    version: 1,
    id: text(root.id, 'id'),
    license: text(root.license, 'license'),
    dtype: text(root.dtype, 'dtype'),
    architecture: text(root.architecture, 'architecture'),
    config: file(root.config, 'config', MAX_CONFIG_BYTES),
    tokenizer: file(root.tokenizer, 'tokenizer', MAX_TOKENIZER_BYTES),
    weights: {
      bytes: size(weights.bytes, 'weights.bytes', MAX_WEIGHTS_BYTES),
      sha256: hash(weights.sha256, 'weights.sha256'),
      shards: listed.map((shard, i) => file(shard, `weights.shards[${i}]`, MAX_SHARD_BYTES)),
    },
  };
  const files = filesOf(manifest);
  if (new Set(files.map((f) => f.path)).size !== files.length) fail('a path is listed twice');
  const sum = manifest.weights.shards.reduce((bytes, shard) => bytes + shard.bytes, 0);
  if (sum !== manifest.weights.bytes)
    fail(`its shards have ${sum} bytes, weights.bytes says ${manifest.weights.bytes}`);
  return manifest;
}

/** All files that a manifest lists, in the order in which they are needed. */
export function filesOf(manifest: Manifest): readonly ManifestFile[] {
  return [manifest.config, manifest.tokenizer, ...manifest.weights.shards];
}

/** Whether two manifests describe the same files and say the same of them. */
export function sameManifest(a: Manifest, b: Manifest): boolean {
  // Both were put together by `parseManifest`, in the same order of keys.
  return JSON.stringify(a) === JSON.stringify(b);
}
