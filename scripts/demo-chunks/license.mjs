// Says whether a package's licence expression lets the demo show its source. A reader of SPDX expressions as
// manifests write them ("MIT OR Apache-2.0", the older "MIT/Apache-2.0", "(MIT AND Zlib)", "X WITH exception"),
// not a validator. Called by sources.mjs; anything it does not understand counts as not permissive.

const PERMISSIVE = new Set([
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'BSL-1.0',
  'ISC',
  'MIT',
  'MIT-0',
  'Unlicense',
  'Zlib',
]);

/** True if some way of reading the expression leaves only permissive licences. */
export function isPermissive(expression) {
  if (typeof expression !== 'string') return false;
  const tokens = expression.replaceAll('/', ' OR ').match(/[()]|[^\s()]+/g) ?? [];
  let at = 0;

  // Each level returns null on a syntax error, which ends as "not permissive".
  function either() {
    let allowed = both();
    while (allowed !== null && tokens[at] === 'OR') {
      at++;
      const right = both();
      allowed = right === null ? null : allowed || right;
    }
    return allowed;
  }
  function both() {
    let allowed = one();
    while (allowed !== null && tokens[at] === 'AND') {
      at++;
      const right = one();
      allowed = right === null ? null : allowed && right;
    }
    return allowed;
  }
  function one() {
    const token = tokens[at++];
    if (token === undefined || token === ')') return null;
    if (token === '(') {
      const inner = either();
      return tokens[at++] === ')' ? inner : null;
    }
    // An exception only ever adds permissions to the licence it follows.
    if (tokens[at] === 'WITH') at += 2;
    return PERMISSIVE.has(token);
  }

  const allowed = either();
  return allowed === true && at === tokens.length;
}
