// Fetches the demo's chunks, which scripts/demo-chunks/ made, and turns their columns into items. Any static host
// will do: the file is decompressed here, unless the server already declared it as gzip and the browser did it.

import type { Item } from './items.js';

interface ChunkFile {
  readonly format: string;
  readonly packages: readonly { registry: string; name: string; version: string; license: string }[];
  readonly files: readonly { package: number; path: string }[];
  readonly fileOfChunk: readonly number[];
  readonly startLines: readonly number[];
  readonly endLines: readonly number[];
  readonly texts: readonly string[];
}

export interface Corpus {
  readonly items: readonly Item[];
  readonly packages: number;
}

export async function loadCorpus(url: string | URL): Promise<Corpus> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`The server answered ${response.status} for ${String(url)}.`);
  const file = JSON.parse(await text(await response.arrayBuffer())) as ChunkFile;
  if (file.format !== 'crossrank-demo-chunks') throw new Error(`${String(url)} is not a chunk file.`);
  return { items: file.texts.map((_, id) => item(file, id)), packages: file.packages.length };
}

async function text(bytes: ArrayBuffer): Promise<string> {
  const [first, second] = new Uint8Array(bytes, 0, Math.min(2, bytes.byteLength));
  const isGzip = first === 0x1f && second === 0x8b;
  if (!isGzip) return new TextDecoder().decode(bytes);
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'))).text();
}

function item(file: ChunkFile, id: number): Item {
  const source = at(file.files, at(file.fileOfChunk, id));
  const { name, version, license } = at(file.packages, source.package);
  return {
    id,
    text: at(file.texts, id),
    path: `${name}/${source.path}`,
    title: `${source.path}:${at(file.startLines, id)}–${at(file.endLines, id)}`,
    origin: `${name}@${version} · ${license}`,
  };
}

function at<T>(list: readonly T[], index: number): T {
  const value = list[index];
  if (value === undefined) throw new Error('The chunk file is damaged: a column is too short.');
  return value;
}
