import { defineConfig } from 'vite';

// What Vite 7 needs, for its build and for its dev server. Vite 8 needs neither; its tests remove this file.
export default defineConfig({
  worker: { format: 'es' },
  optimizeDeps: { exclude: ['crossrank', 'crossrank-model-code'] },
});
