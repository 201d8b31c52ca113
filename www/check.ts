// The machinery of options.ts: an allow-list of own keys, each property read once, its type checked, the outcome frozen.
// Nothing is coerced and nothing unknown is skipped in silence. Not here: which options there are.

import { CrossrankError } from './errors.js';
import { typeName } from './text.js';

/** True, or what the value must be. */
export type Check = (value: unknown) => true | string;

/** A check for each option. */
export type Spec<O> = { readonly [K in keyof Required<O>]: Check };

export const positiveInteger: Check = (v) =>
  (Number.isSafeInteger(v) && (v as number) >= 1) || 'a whole number of at least 1';
export const aFunction: Check = (v) => typeof v === 'function' || 'a function';
export const aBoolean: Check = (v) => typeof v === 'boolean' || 'true or false';
export const stringOrUrl: Check = (v) =>
  (typeof v === 'string' && v !== '') || v instanceof URL || 'a URL or a string';
/** Signals of another realm (an iframe) are no instance of this realm's class, but they work. */
export const aSignal: Check = (v) =>
  (typeof v === 'object' && v !== null && 'aborted' in v && 'addEventListener' in v) || 'an AbortSignal';
export const milliseconds: Check = (v) =>
  (typeof v === 'number' && v > 0) || 'a number above 0, in milliseconds';
export const oneOf =
  (...allowed: readonly string[]): Check =>
  (v) =>
    (typeof v === 'string' && allowed.includes(v)) || `one of '${allowed.join("', '")}'`;

/** Own properties of `value` that `spec` knows, checked; `where` names the options in messages. Throws OPTION. */
export function read<O extends object>(value: unknown, spec: Spec<O>, where: string): O {
  if (value === undefined) return Object.freeze({}) as O;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new CrossrankError(
      'OPTION',
      `The options of ${where} are ${typeName(value)}. They must be an object.`,
    );
  }
  const checks = new Map<string, Check>(Object.entries(spec));
  const entries: [string, unknown][] = [];
  for (const key of Reflect.ownKeys(value)) {
    const check = typeof key === 'string' ? checks.get(key) : undefined;
    if (check === undefined) throw unknownOption(String(key), [...checks.keys()], where);
    const given: unknown = Reflect.get(value, key);
    if (given === undefined) continue;
    const verdict = check(given);
    if (verdict !== true) {
      const shown =
        typeof given === 'string' || typeof given === 'number' ? JSON.stringify(given) : typeName(given);
      throw new CrossrankError(
        'OPTION',
        `Option ${String(key)} of ${where} is ${shown}. It must be ${verdict}.`,
      );
    }
    entries.push([key as string, given]);
  }
  return Object.freeze(Object.fromEntries(entries)) as O;
}

function unknownOption(key: string, valid: readonly string[], where: string): CrossrankError {
  const near = nearest(key, valid);
  const advice = near === undefined ? `Valid options: ${valid.join(', ')}.` : `Did you mean ${near}?`;
  return new CrossrankError(
    'OPTION',
    `${where} has no option ${JSON.stringify(key.slice(0, 60))}. ${advice}`,
  );
}

/** The valid key that a mistyped one is closest to, if any is close. */
function nearest(key: string, valid: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(key.length / 2)) + 1;
  for (const candidate of valid) {
    const distance = editDistance(key.slice(0, 60).toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** Levenshtein distance in UTF-16 units. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitute = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substitute, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
