// `npm start`: sets up what is missing, builds, and serves the demo page.
import { build } from './build.mjs';
import { demo } from './paths.mjs';
import { script } from './run.mjs';
import { serve } from './serve.mjs';
import { setup } from './setup.mjs';

await script(async () => {
  setup({ browser: false });
  build();
  const { url } = await serve(demo, Number(process.env.PORT) || 8080);
  console.log(`\nThe demo is at ${url}\nStop with Ctrl+C.`);
});
