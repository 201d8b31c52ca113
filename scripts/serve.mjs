// A plain static server for a built folder, as a static host would serve it: no special headers.
import { createReadStream, statSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';

const types = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.map': 'application/json',
  '.wasm': 'application/wasm',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
};

const portsToTry = 50;

/** Serves `folder` on `port`, or on the next free one. Resolves with { url, server }. */
export async function serve(folder, port, host = '127.0.0.1') {
  const server = http.createServer((request, response) => answer(folder, request, response));
  for (let attempt = 0; attempt < portsToTry; attempt += 1) {
    try {
      await listen(server, port + attempt, host);
      return { url: `http://localhost:${port + attempt}/`, server };
    } catch (error) {
      if (error.code !== 'EADDRINUSE') throw error;
    }
  }
  throw new Error(`ports ${port} to ${port + portsToTry - 1} are taken`);
}

function listen(server, port, host) {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function answer(folder, request, response) {
  const file = fileOf(folder, request.url);
  if (!file) {
    response.writeHead(404, { 'content-type': 'text/plain' }).end('not found');
    return;
  }
  response.writeHead(200, {
    'content-type': types[path.extname(file.path)] ?? 'application/octet-stream',
    'content-length': file.bytes,
    'cache-control': 'max-age=600',
  });
  if (request.method === 'HEAD') response.end();
  else createReadStream(file.path).pipe(response);
}

function fileOf(folder, url) {
  try {
    const name = decodeURIComponent(new URL(url, 'http://localhost').pathname);
    const file = path.join(folder, name.endsWith('/') ? `${name}index.html` : name);
    if (!file.startsWith(folder + path.sep)) return undefined;
    const { size, isFile } = { size: statSync(file).size, isFile: statSync(file).isFile() };
    return isFile ? { path: file, bytes: size } : undefined;
  } catch {
    return undefined;
  }
}
