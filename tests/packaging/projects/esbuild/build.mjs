import { cpSync } from 'node:fs';
import { build } from 'esbuild';

await build({
  entryPoints: { main: 'src/main.js', worker: 'crossrank/worker' },
  bundle: true,
  format: 'esm',
  outdir: 'dist',
});
cpSync('node_modules/crossrank/pkg/dist/wasm', 'dist/wasm', { recursive: true });
cpSync('node_modules/crossrank-model-code', 'dist/model', { recursive: true });
