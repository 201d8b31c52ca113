// Finds a Chromium: CHROME_PATH, PATH, or the one Playwright has downloaded.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { which } from './run.mjs';

export function findChromium() {
  if (process.env.CHROME_PATH)
    return existsSync(process.env.CHROME_PATH) ? process.env.CHROME_PATH : undefined;
  for (const name of ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome']) {
    const file = which(name);
    if (file) return file;
  }
  try {
    const file = createRequire(import.meta.url)('playwright-core').chromium.executablePath();
    return existsSync(file) ? file : undefined;
  } catch {
    return undefined; // npm packages are not installed yet
  }
}

/** Headless in a container, and quiet: no background requests of the browser itself. */
export const chromiumArgs = [
  '--no-sandbox',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** WebGPU in software, which Chromium otherwise leaves out: right, but so slow that its times say nothing of GPUs. */
export const swiftShaderArgs = [
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
  '--enable-features=Vulkan',
];
