// The two packages as `npm pack` makes them, and what is in them.
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { root } from '../../scripts/paths.mjs';

/** The packages, and the folder of each in the checkout. */
export const packages = { crossrank: '.', 'crossrank-model-code': 'model' };

/** Packs both into `folder`: name -> { file, files, bytes, unpackedBytes }, `files` being the paths in the tarball. */
export function pack(folder) {
  const packed = Object.entries(packages).map(([name, place]) => {
    const args = ['pack', '--ignore-scripts', '--json', '--workspaces=false', '--pack-destination', folder];
    const options = { cwd: path.join(root, place), encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] };
    const [told] = Object.values(JSON.parse(execFileSync('npm', args, options)));
    return [
      name,
      {
        file: path.join(folder, told.filename),
        files: told.files.map((file) => file.path),
        bytes: told.size,
        unpackedBytes: told.unpackedSize,
      },
    ];
  });
  return Object.fromEntries(packed);
}
