// Where a source may be cut, and how gladly: a cost for the border before each line. Items of the outermost level
// are cheapest, then methods, then blank lines by depth, then anything else. Comments and attributes stay with the
// item they lead into. Called by cut.mjs, which spends the costs.

import { lineDepths } from './depth.mjs';

/** A border of at most this cost lies between two items or two headings, not inside one. */
export const ITEM_COST = 20;
const COMMENT_BREAK = 30;
const ANY_LINE = 60;
const INSIDE_LITERAL = 200;

const RUST_ITEM =
  /^\s*(?:pub(?:\([^)]*\))?\s+)?(?:default\s+)?(?:const\s+|async\s+|unsafe\s+|extern\s+(?:"[^"]*"\s+)?)*(?:fn|impl|struct|enum|union|trait|mod|const|static|type|use|macro_rules!)\b/;
const SCRIPT_ITEM =
  /^\s*(?:export\b|(?:declare\s+|abstract\s+|default\s+|async\s+)*(?:function|class|interface|enum|namespace|type)\b|(?:const|let|var)\s|import\b|module\.exports|exports\.|[\w$.]+\.prototype\.[\w$]+\s*=)/;
/** A method in a class body: a name, parameters, and a block that opens on the same line or a bare `name(`. */
const SCRIPT_METHOD =
  /^\s*(?:(?:public|private|protected|static|readonly|override|abstract|async|get|set)\s+)*[*#]?(?!(?:if|for|while|switch|catch|return|function|with|await|throw|new|super)\b)[\w$]+\s*(?:<[^>]*>)?\s*\([^;]*(?:\{\s*$|,\s*$|\(\s*$|^\s*[\w$]+\(\s*$)/;
const LEADING = /^\s*(?:\/\/|\/\*|\*|#\[|#!\[|@\w)/;
const BLANK_COMMENT = /^\s*(?:\/\/[/!]?|\*)\s*$/;

/**
 * @param {string[]} lines
 * @param {'rust' | 'script' | 'markdown'} language
 * @returns {number[]} cost of a cut before line i; entry 0 is unused
 */
export function borderCosts(lines, language) {
  return language === 'markdown' ? markdownCosts(lines) : codeCosts(lines, language);
}

function codeCosts(lines, language) {
  const depths = lineDepths(lines, language);
  const costs = lines.map((line, i) => {
    const { depth, inside } = depths[i];
    if (inside) return BLANK_COMMENT.test(line) ? COMMENT_BREAK + depth : INSIDE_LITERAL;
    if (i > 0 && lines[i - 1].trim() === '' && !/^\s*[)\]}]/.test(line)) return ITEM_COST + 1 + depth;
    if (BLANK_COMMENT.test(line)) return COMMENT_BREAK + depth;
    return ANY_LINE + depth;
  });
  for (let i = 0; i < lines.length; i++) {
    if (depths[i].inside || !startsItem(lines[i], depths[i].depth, language)) continue;
    let first = i;
    while (first > 0 && leadsInto(lines[first - 1], depths[first - 1])) first--;
    // What leads into an item must not be parted from it.
    for (let j = first + 1; j <= i; j++) costs[j] = Math.max(costs[j], COMMENT_BREAK + depths[j].depth);
    costs[first] = Math.min(costs[first], Math.min(ITEM_COST, depths[i].depth * 2));
  }
  return costs;
}

function startsItem(line, depth, language) {
  // Deeper than a method of an impl in a module, "items" are the statements of a body.
  if (depth > 2) return false;
  if (language === 'rust')
    return RUST_ITEM.test(line) && !(depth > 0 && /^\s*(?:use|const|static)\b/.test(line));
  return depth === 0 ? SCRIPT_ITEM.test(line) : SCRIPT_METHOD.test(line);
}

function leadsInto(line, { inside }) {
  return line.trim() !== '' && (inside || LEADING.test(line));
}

function markdownCosts(lines) {
  let fence = '';
  return lines.map((line, i) => {
    const mark = /^\s*(```+|~~~+)/.exec(line)?.[1] ?? '';
    if (fence !== '') {
      if (mark.startsWith(fence)) fence = '';
      return lines[i - 1].trim() === '' ? ANY_LINE : INSIDE_LITERAL;
    }
    if (mark !== '') fence = mark;
    const heading = /^(#{1,6})\s/.exec(line);
    if (heading) return heading[1].length;
    const blankBefore = i > 0 && lines[i - 1].trim() === '';
    // A fence belongs to the paragraph that announces it.
    if (blankBefore) return mark === '' ? ITEM_COST + 1 : COMMENT_BREAK;
    return ANY_LINE;
  });
}
