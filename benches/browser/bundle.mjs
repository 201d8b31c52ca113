// The package as a web app ships it: bundled by webpack, in production mode. Kept beside the bench's other output.
import path from 'node:path';
import webpack from 'webpack';
import { dist, root } from '../../scripts/paths.mjs';

export const bundleFolder = path.join(root, 'pkg/bench-bundle');

/** Writes main.js, its worker and the files of the model. */
export function bundle() {
  const compiler = webpack({
    mode: 'production',
    context: root,
    entry: path.join(dist, 'index.js'),
    experiments: { outputModule: true },
    output: {
      path: bundleFolder,
      filename: 'main.js',
      library: { type: 'module' },
      publicPath: 'auto',
      clean: true,
    },
    performance: { hints: false },
  });
  return new Promise((resolve, reject) => {
    compiler.run((error, stats) => {
      compiler.close(() => {});
      if (error) reject(error);
      else if (stats.hasErrors()) reject(new Error(stats.toString('errors-only')));
      else resolve();
    });
  });
}
