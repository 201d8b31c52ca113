// What text of a document the model reads. Pure; called by Reranker on the page, before anything crosses to the worker.

import { CrossrankError, describe } from './errors.js';

/** A document that carries its own text, and optionally what names it. */
export interface TextDocument {
  readonly text: string;
  readonly title?: string | null | undefined;
  readonly path?: string | null | undefined;
}

/**
 * Replaces each lone surrogate by U+FFFD, so that the text is what the reference tokenizer can be given at all.
 * The same as `String.prototype.toWellFormed`, which is newer than the browsers this library supports.
 */
export function wellFormed(text: string): string {
  return text.replace(/[\uD800-\uDBFF][\uDC00-\uDFFF]|[\uD800-\uDFFF]/g, (found) =>
    found.length === 2 ? found : '\uFFFD',
  );
}

/** Bytes of a well-formed text in UTF-8. */
export function utf8Bytes(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    // A surrogate is half of four bytes.
    if (unit >= 0x80) bytes += unit < 0x800 || (unit >= 0xd800 && unit < 0xe000) ? 1 : 2;
  }
  return bytes;
}

/** The text of document `index`: a string itself, what `textOf` gives, or its path, title and text. */
export function documentText<T>(document: T, index: number, textOf: ((d: T) => string) | undefined): string {
  if (textOf !== undefined) return wellFormed(callTextOf(textOf, document, index));
  if (typeof document === 'string') return wellFormed(document);
  if (typeof document !== 'object' || document === null) throw notADocument(document, index);
  // Each property is read once: a getter may answer differently the second time.
  const { path, title, text } = document as Partial<Record<keyof TextDocument, unknown>>;
  if (typeof text !== 'string') throw notADocument(document, index);
  const heading = [namePart(path, 'path', index), namePart(title, 'title', index)].filter(
    (part) => part !== '',
  );
  return wellFormed(heading.length === 0 ? text : `${heading.join('\n')}\n\n${text}`);
}

function callTextOf<T>(textOf: (d: T) => string, document: T, index: number): string {
  let text: unknown;
  try {
    text = textOf(document);
  } catch (cause) {
    throw new CrossrankError('OPTION', `options.text threw for documents[${index}]: ${describe(cause)}.`, {
      cause,
    });
  }
  if (typeof text === 'string') return text;
  throw new CrossrankError(
    'OPTION',
    `options.text returned ${typeName(text)} for documents[${index}]. It must return a string.`,
  );
}

function namePart(value: unknown, name: string, index: number): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'string') return value;
  throw new CrossrankError(
    'OPTION',
    `documents[${index}].${name} is ${typeName(value)}. It must be a string or absent.`,
  );
}

function notADocument(value: unknown, index: number): CrossrankError {
  return new CrossrankError(
    'OPTION',
    `documents[${index}] is ${typeName(value)} without a string in \`text\`. ` +
      'Pass strings, objects { text, title?, path? }, or say options.text = (document) => string.',
  );
}

/** A word for the type of a value in messages: `null` and arrays by their own names. */
export function typeName(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  return value === undefined ? 'undefined' : `${/^[aeiou]/.test(typeof value) ? 'an' : 'a'} ${typeof value}`;
}
