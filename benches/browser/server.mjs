// A static server on 127.0.0.1 as a static host would be: no COOP, no COEP, no compression. It knows several folders
// and keeps a log of what was asked for, from which the bytes before the weights are counted.
import { createReadStream, statSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';

const types = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
};

/** `mounts`: URL prefix -> folder, or URL -> file; `port` 0: any. Resolves with { origin, log, close }; `log` holds { url, file }. */
export async function serveMounts(mounts, port = 0) {
  const log = [];
  const server = createServer((request, response) => {
    const found = lookUp(mounts, new URL(request.url, 'http://localhost').pathname);
    if (!found) return response.writeHead(404, { 'content-type': 'text/plain' }).end('not found');
    log.push(found);
    const type = types[path.extname(found.file)] ?? 'application/octet-stream';
    response.writeHead(200, { 'content-type': type, 'content-length': statSync(found.file).size });
    return createReadStream(found.file).pipe(response);
  });
  await new Promise((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve));
  const close = () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  };
  return { origin: `http://127.0.0.1:${server.address().port}`, log, close };
}

function lookUp(mounts, url) {
  for (const [prefix, folder] of Object.entries(mounts)) {
    if (!url.startsWith(prefix)) continue;
    const file = path.join(folder, decodeURIComponent(url.slice(prefix.length)));
    if (prefix === url && statSync(file, { throwIfNoEntry: false })?.isFile()) return { url, file };
    if (file.startsWith(folder + path.sep) && statSync(file, { throwIfNoEntry: false })?.isFile())
      return { url, file };
  }
  return undefined;
}
