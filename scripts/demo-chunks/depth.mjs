// How deep in brackets each line of a source starts, and whether it starts inside a comment or a string: all that
// cut.mjs needs to know about Rust, TypeScript and JavaScript. A scanner over characters, not a parser; where it
// guesses (a JavaScript regular expression or a division) a wrong guess costs an ugly border, never a lost line.

/**
 * @param {string[]} lines
 * @param {'rust' | 'script'} language
 * @returns {{ depth: number, inside: boolean }[]} one entry a line: bracket depth at its start, and whether that
 *   start lies within a block comment, a string or a template
 */
export function lineDepths(lines, language) {
  const scan = { text: lines.join('\n'), at: 0, depth: 0, stack: [], starts: [{ depth: 0, inside: false }] };
  const skip = language === 'rust' ? skipRust : skipScript;
  while (scan.at < scan.text.length) {
    if (skip(scan)) continue;
    const character = scan.text[scan.at];
    if ('([{'.includes(character)) scan.depth++;
    else if (')]}'.includes(character)) scan.depth = Math.max(0, scan.depth - 1);
    else if (character === '\n') scan.starts.push({ depth: scan.depth, inside: false });
    scan.at++;
  }
  return scan.starts;
}

/** Moves over text that is not code; the lines that start within it are marked. */
function skipTo(scan, end) {
  const stop = Math.min(end, scan.text.length);
  for (let i = scan.at; i < stop; i++) {
    if (scan.text[i] === '\n') scan.starts.push({ depth: scan.depth, inside: true });
  }
  scan.at = stop;
  return true;
}

function endOf(scan, needle, from) {
  const found = scan.text.indexOf(needle, from);
  return found < 0 ? scan.text.length : found + needle.length;
}

/** The end of a literal that closes with `quote` and escapes with a backslash. */
function endOfQuoted(scan, quote, from) {
  let i = from;
  while (i < scan.text.length && scan.text[i] !== quote) i += scan.text[i] === '\\' ? 2 : 1;
  return i + 1;
}

function skipLineComment(scan) {
  const end = scan.text.indexOf('\n', scan.at);
  return skipTo(scan, end < 0 ? scan.text.length : end);
}

function skipRust(scan) {
  const { text, at } = scan;
  if (text.startsWith('//', at)) return skipLineComment(scan);
  if (text.startsWith('/*', at)) {
    let open = 1;
    let i = at + 2;
    // Rust's block comments nest.
    while (open > 0 && i < text.length) {
      if (text.startsWith('/*', i)) open++;
      else if (text.startsWith('*/', i)) open--;
      else {
        i++;
        continue;
      }
      i += 2;
    }
    return skipTo(scan, i);
  }
  if (text[at] === 'r' && !/\w/.test(text[at - 1] ?? '')) {
    const raw = /^r(#*)"/.exec(text.slice(at, at + 8));
    if (raw) return skipTo(scan, endOf(scan, `"${raw[1]}`, at + raw[0].length));
  }
  if (text[at] === '"') return skipTo(scan, endOfQuoted(scan, '"', at + 1));
  if (text[at] === "'") {
    // 'a' and '\n' are characters, 'a without a closing quote is a lifetime.
    const character = /^'(?:\\(?:u\{[^}]*\}|x..|.)|[^\\'\n])'/u.exec(text.slice(at, at + 14));
    if (character) return skipTo(scan, at + character[0].length);
  }
  return false;
}

const BEFORE_REGEX =
  /(?:^|[=(,:;[!&|?{}+\-*%~^<>\n]|\b(?:return|typeof|case|in|of|delete|void|throw|do|else))$/;

function skipScript(scan) {
  const { text, at } = scan;
  if (text.startsWith('//', at)) return skipLineComment(scan);
  if (text.startsWith('/*', at)) return skipTo(scan, endOf(scan, '*/', at + 2));
  const character = text[at];
  if (character === '"' || character === "'") {
    const line = text.indexOf('\n', at);
    const close = endOfQuoted(scan, character, at + 1);
    // A quote that does not close on its line is an apostrophe in a place this scanner does not understand.
    return line >= 0 && close > line && text[line - 1] !== '\\' ? false : skipTo(scan, close);
  }
  if (character === '`') return skipTemplate(scan, at + 1);
  if (character === '}' && scan.stack.at(-1) === scan.depth) {
    scan.stack.pop();
    scan.depth--;
    return skipTemplate(scan, at + 1);
  }
  if (character === '/' && BEFORE_REGEX.test(text.slice(Math.max(0, at - 12), at).trimEnd())) {
    const regex = /^\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\//.exec(text.slice(at, at + 500));
    if (regex) return skipTo(scan, at + regex[0].length);
  }
  return false;
}

/** Up to the end of a template literal, or to the `${` whose matching `}` comes back here. */
function skipTemplate(scan, from) {
  let i = from;
  while (i < scan.text.length && scan.text[i] !== '`') {
    if (scan.text.startsWith('${', i)) {
      skipTo(scan, i + 2);
      scan.depth++;
      scan.stack.push(scan.depth);
      return true;
    }
    i += scan.text[i] === '\\' ? 2 : 1;
  }
  return skipTo(scan, i + 1);
}
