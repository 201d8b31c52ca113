// Text to terms, the same for sections and queries. An identifier gives its parts and itself, an English word its
// stem; scripts without spaces give pairs of characters. Pure.

/** A word and where it stands in its text. */
export interface Word {
  readonly start: number;
  readonly end: number;
  readonly terms: readonly string[];
}

const WORD = /[\p{L}\p{N}\p{M}_$]+/gu;
/** Scripts that write words without a space between them. */
const UNSPACED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}]/u;
/** Longer ones are data, such as hashes, that nobody types. */
const LONGEST_WORD = 64;

/** Words of an English question that say nothing about its subject. */
const STOP_WORDS = new Set(
  'a an and are as at be by can could do does for from get has have how i if in into is it its me my of on or should so than that the their them then there these they this to was we were what when where which who why will with would you your'.split(
    ' ',
  ),
);

/** The words of a text in their order. With `known`, each distinct word is taken apart only once. */
export function* words(
  text: string,
  english: boolean,
  known?: Map<string, readonly string[]>,
): Generator<Word> {
  for (const match of text.matchAll(WORD)) {
    const [word] = match;
    let terms = known?.get(word);
    if (terms === undefined) {
      terms = word.length > LONGEST_WORD && !UNSPACED.test(word) ? [] : termsOf(word, english);
      known?.set(word, terms);
    }
    if (terms.length > 0) yield { start: match.index, end: match.index + word.length, terms };
  }
}

/** What a query asks for: all its terms but the empty words, and the word that is still being typed. */
export interface QueryTerms {
  readonly terms: readonly string[];
  /** The last word as it stands, when no space or mark follows it: words that begin so match too. */
  readonly prefix: string | undefined;
}

export function queryTerms(query: string, english: boolean): QueryTerms {
  const all = Array.from(words(query, english));
  const distinct = Array.from(new Set(all.flatMap(({ terms }) => terms)));
  const telling = english ? distinct.filter((term) => !STOP_WORDS.has(term)) : distinct;
  const last = all.at(-1);
  const typed = last !== undefined && last.end === query.length ? fold(query.slice(last.start)) : '';
  return {
    terms: telling.length > 0 ? telling : distinct,
    prefix: typed.length >= 2 && !(english && STOP_WORDS.has(typed)) ? typed : undefined,
  };
}

function termsOf(word: string, english: boolean): string[] {
  if (UNSPACED.test(word)) return pairs(fold(word));
  const parts = word
    .replace(/(\p{Ll}|\p{N})(\p{Lu})/gu, '$1 $2')
    .replace(/(\p{Lu})(\p{Lu}\p{Ll})/gu, '$1 $2')
    .split(/[\s_$]+/)
    .filter((part) => part !== '')
    .map((part) => (english ? stem(fold(part)) : fold(part)));
  return parts.length > 1 ? [...parts, fold(word)] : parts;
}

/** Lower case, without accents: what a reader types in a hurry. */
export function fold(text: string): string {
  return text
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .toLowerCase();
}

function pairs(text: string): string[] {
  const characters = Array.from(text);
  if (characters.length === 1) return characters;
  return characters.slice(1).map((character, i) => `${characters[i]}${character}`);
}

/** Only what makes "retries", "retried", "retrying" and "retry" one term; not a linguist. */
function stem(word: string): string {
  if (word.length > 4 && /(?:ies|ied)$/.test(word)) return `${word.slice(0, -3)}y`;
  if (word.length > 5 && word.endsWith('ing')) return undouble(word.slice(0, -3));
  if (word.length > 4 && word.endsWith('ed')) return undouble(word.slice(0, -2));
  if (word.length > 3 && word.endsWith('s') && !/(?:ss|us|is)$/.test(word)) return dropE(word.slice(0, -1));
  return dropE(word);
}

/** "stopp" of "stopping" is "stop"; "call" of "calling" stays. */
function undouble(stem: string): string {
  return dropE(/([bdgmnprt])\1$/.test(stem) ? stem.slice(0, -1) : stem);
}

/** "cache" and "caching" meet in "cach". */
function dropE(stem: string): string {
  return stem.length > 4 && stem.endsWith('e') ? stem.slice(0, -1) : stem;
}
