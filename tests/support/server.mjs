// A static server on 127.0.0.1 that can misbehave: each test sets the faults it needs and reads the request log.
// Its port is new each time, so each server is an origin of its own with an empty cache.

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.css': 'text/css',
  '.wasm': 'application/wasm',
  '.map': 'application/json',
};

/** What every test page is: it only loads the helpers of page.js. */
const PAGE = '<!doctype html><title>test</title><script type="module" src="/tests/support/page.js"></script>';

export const STRICT_CSP =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; style-src 'self'";

/**
 * Starts a server.
 *
 * `files`: URL path -> Buffer or string, before the checkout's own files. The model package, `model/`, lies beside the
 * root as `/crossrank-model-code/`, as if both packages were installed. `aliases`: URL path -> path in the checkout.
 * `headers`: on every answer. `etags`: answer 304 to who has the file already. Faults are added with `fault(part of the path, kind, times)`; kinds are the keys of
 * `FAULTS`.
 */
export async function startServer({ files = {}, aliases = {}, headers = {}, etags = false } = {}) {
  const state = { log: [], faults: [], files: { ...files }, aliases, etags, notModified: [] };
  const server = createServer((request, response) => {
    answer(state, headers, request, response).catch(() => response.destroy());
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${server.address().port}`;
  return {
    origin,
    files: state.files,
    url: (p = '/page.html') => origin + p,
    /** Paths asked for, in order; `part` filters. */
    requests: (part = '') => state.log.filter((entry) => entry.includes(part)),
    /** Paths that were answered with 304. */
    notModified: () => [...state.notModified],
    forget: () => {
      state.log.length = 0;
      state.notModified.length = 0;
    },
    fault: (part, kind, times = Number.POSITIVE_INFINITY) => {
      if (!Object.hasOwn(FAULTS, kind)) throw new Error(`unknown fault ${kind}`);
      state.faults.push({ part, kind, times });
    },
    heal: () => {
      state.faults.length = 0;
    },
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Each takes the answer that would be right and sends another. */
const FAULTS = {
  'status-404': (response) => response.writeHead(404, { 'content-type': 'text/plain' }).end('not here'),
  'status-500': (response) => response.writeHead(500, { 'content-type': 'text/plain' }).end('broken'),
  html: (response) => response.writeHead(200, { 'content-type': 'text/html' }).end(PAGE),
  truncated: (response, head, body) => response.writeHead(200, head).end(body.subarray(0, body.length - 1)),
  'too-long': (response, head, body) =>
    response.writeHead(200, head).end(Buffer.concat([body, Buffer.from('!')])),
  corrupt: (response, head, body) => {
    const wrong = Buffer.from(body);
    wrong[wrong.length >> 1] ^= 1;
    response.writeHead(200, head).end(wrong);
  },
  /** Promises all bytes, sends half, and cuts the connection. */
  drop: (response, head, body) => {
    response.writeHead(200, { ...head, 'content-length': body.length });
    response.write(body.subarray(0, body.length >> 1), () => setTimeout(() => response.destroy(), 20));
  },
  /** Sends half and then nothing more, ever. */
  stall: (response, head, body) => {
    response.writeHead(200, { ...head, 'content-length': body.length });
    response.write(body.subarray(0, body.length >> 1));
  },
  slow: async (response, head, body) => {
    response.writeHead(200, { ...head, 'content-length': body.length });
    for (let i = 0; i < body.length && !response.destroyed; i += Math.ceil(body.length / 40)) {
      response.write(body.subarray(i, i + Math.ceil(body.length / 40)));
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    response.end();
  },
  'no-length': (response, head, body) => {
    response.writeHead(200, head);
    response.write(body.subarray(0, 1));
    response.end(body.subarray(1));
  },
  'wrong-mime': (response, head, body) =>
    response.writeHead(200, { ...head, 'content-type': 'application/octet-stream' }).end(body),
  'text-plain': (response, head, body) =>
    response.writeHead(200, { ...head, 'content-type': 'text/plain' }).end(body),
};

async function answer(state, headers, request, response) {
  const { pathname } = new URL(request.url, 'http://localhost');
  state.log.push(pathname);
  const body = await load(state, pathname);
  const fault = state.faults.find(({ part, times }) => pathname.includes(part) && times > 0);
  if (fault) fault.times -= 1;
  const head = {
    'content-type': TYPES[path.extname(state.aliases[pathname] ?? pathname)] ?? 'application/octet-stream',
    // Fresh for a while, so that an offline browser can open the page again; model files must not profit from it.
    'cache-control': 'max-age=3600',
    ...headers,
  };
  if (fault) return await FAULTS[fault.kind](response, head, body ?? Buffer.alloc(0));
  if (body === undefined)
    return response.writeHead(404, { 'content-type': 'text/plain', ...headers }).end('not found');
  if (state.etags) {
    head.etag = `"${createHash('sha256').update(body).digest('hex')}"`;
    if (request.headers['if-none-match'] === head.etag) {
      state.notModified.push(pathname);
      return response.writeHead(304, head).end();
    }
  }
  const range = /^bytes=(\d+)-$/.exec(request.headers.range ?? '');
  if (range === null) return response.writeHead(200, { ...head, 'content-length': body.length }).end(body);
  const part = body.subarray(Number(range[1]));
  response.writeHead(206, {
    ...head,
    'content-length': part.length,
    'content-range': `bytes ${range[1]}-${body.length - 1}/${body.length}`,
  });
  return response.end(part);
}

async function load(state, pathname) {
  if (pathname === '/page.html') return Buffer.from(PAGE);
  if (Object.hasOwn(state.files, pathname)) return Buffer.from(state.files[pathname]);
  const name = state.aliases[pathname] ?? decodeURIComponent(pathname);
  const file = path.join(root, name.replace(/^\/crossrank-model-code\//, '/model/'));
  if (!file.startsWith(root + path.sep)) return undefined;
  try {
    return await readFile(file);
  } catch {
    return undefined;
  }
}
