// Cuts a page's Markdown source into sections, for `docusaurus start`, where no page is rendered to HTML. Close to what
// the build cuts, not equal: what components draw is not in the source.
import { createSlugger, parseMarkdownHeadingId } from '@docusaurus/utils';
import { type PageSection, SectionBuilder } from './page.js';

const FENCE = /^\s*(`{3,}|~{3,})/;

/** The sections of a Markdown file, and its first h1. */
export function cutMarkdown(source: string, deepest: number): { title: string; sections: PageSection[] } {
  const builder = new SectionBuilder();
  const slugger = createSlugger();
  let title = '';
  let fence = '';
  for (const line of withoutPreamble(source).split('\n')) {
    const mark = FENCE.exec(line)?.[1];
    if (mark !== undefined && (fence === '' || mark.startsWith(fence))) {
      fence = fence === '' ? mark : '';
      builder.add('\n');
    } else if (fence !== '') builder.add(`${line}\n`);
    else {
      const heading = /^(#{1,6})\s+(.*?)\s*#*\s*$/.exec(line);
      if (heading === null) {
        builder.add(`${plain(line)}\n`);
        continue;
      }
      const level = heading[1]?.length ?? 1;
      const parsed = parseMarkdownHeadingId(heading[2] ?? '');
      const text = plain(parsed.text).trim();
      const hash = parsed.id ?? slugger.slug(text);
      if (level === 1 && title === '') title = text;
      else if (level > 1 && level <= deepest) builder.begin(level, hash, text);
      else builder.add(`\n${text}\n`);
    }
  }
  return { title, sections: builder.end() };
}

/** Without front matter, comments, and the imports of MDX. */
function withoutPreamble(source: string): string {
  return source
    .replace(/\r\n?/g, '\n')
    .replace(/^---\n[\s\S]*?\n---\n/, '')
    .replace(/<!--[\s\S]*?-->/g, '')
    .replace(/^(?:import|export) .*$/gm, (line) => (/ from |^export const|^import /.test(line) ? '' : line));
}

/** A line as the reader sees it: without the marks of links, emphasis, tables, admonitions and tags. */
function plain(line: string): string {
  return line
    .replace(/^\s*:::.*$/, (mark) => mark.replace(/[:[\]]/g, ' '))
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/<\/?[A-Za-z][^>]*>/g, '')
    .replace(/^\s*\|?[\s|:-]+\|[\s|:-]*$/, '')
    .replace(/\s*\|\s*/g, ' ')
    .replace(/(\*\*|__|`)/g, '')
    .replace(/^\s*(?:[-*+]|\d+\.)\s+/, '');
}
