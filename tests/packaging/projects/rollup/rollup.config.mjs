import { cpSync } from 'node:fs';
import { nodeResolve } from '@rollup/plugin-node-resolve';

const copyCrossrank = {
  name: 'copy-crossrank',
  writeBundle() {
    cpSync('node_modules/crossrank/pkg/dist/wasm', 'dist/wasm', { recursive: true });
    cpSync('node_modules/crossrank-model-code', 'dist/model', { recursive: true });
  },
};

export default {
  input: { main: 'src/main.js', worker: 'crossrank/worker' },
  output: { dir: 'dist', format: 'es' },
  plugins: [nodeResolve(), copyCrossrank],
};
