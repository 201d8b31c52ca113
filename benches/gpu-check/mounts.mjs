// What the page of `npm run gpu-check` needs of the checkout, and nothing else of it: URL prefix -> folder or file.
import path from 'node:path';
import { root } from '../../scripts/paths.mjs';

export const gpuCheckMounts = {
  '/check/': path.join(root, 'benches/gpu-check'),
  '/pkg/dist/': path.join(root, 'pkg/dist'),
  '/model/': path.join(root, 'model'),
  '/golden.json': path.join(root, 'tests/fixtures/default/golden.json'),
};
