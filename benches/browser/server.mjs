// A static server on 127.0.0.1 as a static host would be: no COOP, no COEP, no compression. It knows several folders
// and keeps a log of what was asked for, from which the bytes before the weights are counted. Pages that nobody drives
// fetch their task from it and report to it.
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
 * `mounts`: URL prefix -> folder. Resolves with { origin, log, task, reports, close }; `log` holds { url, file }. Pages read
 * `task` at /task and POST to /report/NAME, which settles `reports.wait(NAME)`.
 */
export async function serveMounts(mounts) {
  const log = [];
  const reports = new Reports();
  const served = { log, reports, task: null };
  const server = createServer((request, response) => {
    if (request.url === '/task') {
      return response.writeHead(200, { 'content-type': types['.json'] }).end(JSON.stringify(served.task));
    }
    if (request.method === 'POST') {
      return reports.take(request).then(
        () => response.writeHead(204).end(),
        () => response.writeHead(400).end(),
      );
    }
    const found = lookUp(mounts, new URL(request.url, 'http://localhost').pathname);
    if (!found) return response.writeHead(404, { 'content-type': 'text/plain' }).end('not found');
    log.push(found);
    const type = types[path.extname(found.file)] ?? 'application/octet-stream';
    response.writeHead(200, { 'content-type': type, 'content-length': statSync(found.file).size });
    return createReadStream(found.file).pipe(response);
  });
  await new Promise((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const close = () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  };
  return Object.assign(served, { origin: `http://127.0.0.1:${server.address().port}`, close });
}

/** What pages have reported, by name, until it is cleared. */
class Reports {
  #come = new Map();

  clear() {
    this.#come.clear();
  }

  wait(name) {
    return this.#entry(name).promise;
  }

  async take(request) {
    let text = '';
    for await (const chunk of request) text += chunk;
    this.#entry(decodeURIComponent(request.url.replace('/report/', ''))).resolve(JSON.parse(text));
  }

  #entry(name) {
    if (!this.#come.has(name)) {
      const entry = {};
      entry.promise = new Promise((resolve) => {
        entry.resolve = resolve;
      });
      this.#come.set(name, entry);
    }
    return this.#come.get(name);
  }
}

function lookUp(mounts, url) {
  for (const [prefix, folder] of Object.entries(mounts)) {
    if (!url.startsWith(prefix)) continue;
    const file = path.join(folder, decodeURIComponent(url.slice(prefix.length)));
    if (file.startsWith(folder + path.sep) && statSync(file, { throwIfNoEntry: false })?.isFile())
      return { url, file };
  }
  return undefined;
}
