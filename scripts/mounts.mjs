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

/**
 * `mounts`: URL prefix -> folder, or URL -> file; a folder's index.html answers the prefix itself. `headers`: on every answer, errors
 * too. `first` may answer a request itself, and says so. `port` 0: any. Resolves with { origin, log, missing, close }; `log` holds
 * { url, file }, `missing` the paths that were not there.
 */
export async function serveMounts(mounts, headers = {}, first = () => false, port = 0) {
  const [log, missing] = [[], []];
  const server = createServer((request, response) => {
    if (first(request, response)) return;
    const { pathname } = new URL(request.url, 'http://localhost');
    const found = lookUp(mounts, pathname);
    if (!found) {
      missing.push(pathname);
      return response.writeHead(404, { 'content-type': 'text/plain', ...headers }).end('not found');
    }
    log.push(found);
    const type = types[path.extname(found.file)] ?? 'application/octet-stream';
    const { size } = statSync(found.file);
    response.writeHead(200, { 'content-type': type, 'content-length': size, ...headers });
    return createReadStream(found.file).pipe(response);
  });
  await new Promise((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve));
  const close = () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  };
  return { origin: `http://127.0.0.1:${server.address().port}`, log, missing, close };
}

function lookUp(mounts, url) {
  for (const [prefix, folder] of Object.entries(mounts)) {
    if (!url.startsWith(prefix)) continue;
    const rest = decodeURIComponent(url.slice(prefix.length));
    if (prefix === url && statSync(folder, { throwIfNoEntry: false })?.isFile()) return { url, file: folder };
    const file = path.join(folder, rest === '' || rest.endsWith('/') ? `${rest}index.html` : rest);
    if (file.startsWith(folder + path.sep) && statSync(file, { throwIfNoEntry: false })?.isFile())
      return { url, file };
  }
  return undefined;
}
