// Files that a bundler wrote into its output as `data:` URLs, as Vite does with small ones. They are decoded here and not
// fetched: a page's connect-src may forbid it, and the Cache API keeps http(s) only.

import type { Bytes } from './streams.js';

/** Whether the file is in the URL itself. */
export function isInline(url: string): boolean {
  return url.startsWith('data:');
}

/** The bytes of a `data:` URL; none if it cannot be decoded. */
export function inlineBytes(url: string): Bytes {
  const comma = url.indexOf(',');
  try {
    const body = decodeURIComponent(url.slice(comma + 1));
    if (!/;base64$/i.test(url.slice(0, comma))) return new TextEncoder().encode(body);
    return Uint8Array.from(atob(body), (char) => char.charCodeAt(0));
  } catch {
    return new Uint8Array();
  }
}
