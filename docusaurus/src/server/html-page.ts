// Cuts a rendered page into sections: the main column only, without navigation, buttons and tables of contents; code
// keeps its line breaks.
import { Parser } from 'htmlparser2';
import { type Page, SectionBuilder } from './page.js';

/** Never part of what a page says. */
const DROPPED_TAGS = new Set([
  'nav',
  'aside',
  'footer',
  'button',
  'script',
  'style',
  'noscript',
  'svg',
  'template',
  'iframe',
]);
const DROPPED_CLASSES =
  /(?:^|\s)(?:hash-link|table-of-contents\S*|theme-doc-toc\S*|theme-doc-breadcrumbs|theme-doc-version-(?:badge|banner)|theme-doc-footer\S*|theme-edit-this-page|pagination-nav\S*|avatar\S*|tabs|sr-only)(?:\s|$)/;
const BLOCKS =
  /^(?:p|div|section|article|header|ul|ol|li|dl|dt|dd|table|tr|blockquote|figure|figcaption|details|summary|pre|hr|h[1-6])$/;
const VOID = /^(?:area|base|br|col|embed|hr|img|input|link|meta|source|track|wbr)$/;

/** Pages of the two content plugins that only list other pages. */
const isListing = (htmlClass: string) =>
  (/\bplugin-blog\b/.test(htmlClass) && !/\bblog-post-page\b/.test(htmlClass)) ||
  (/\bplugin-docs\b/.test(htmlClass) && !/\bdocs-doc-page\b/.test(htmlClass));

/** The page, or undefined where it is not to be found: noindex, a list of others, without a main column. */
export function cutHtml(html: string, path: string, deepest: number): Page | undefined {
  const builder = new SectionBuilder();
  const stack: { name: string; dropped: boolean; main: boolean }[] = [];
  const heading = { level: 0, hash: '', text: '' };
  let [title, tag, documentTitle] = ['', 'default', ''];
  let [hidden, main, pre] = [0, 0, 0];
  let [listed, sawMain, inTitle] = [true, false, false];

  const say = (text: string) => {
    if (heading.level > 0) heading.text += text;
    else builder.add(text);
  };

  const parser = new Parser(
    {
      onopentag(name, attributes) {
        if (name === 'html' && isListing(attributes.class ?? '')) listed = false;
        if (name === 'title' && main === 0) inTitle = true;
        if (name === 'meta') {
          if (attributes.name === 'docusaurus_tag' && attributes.content) tag = attributes.content;
          if (
            (attributes.name ?? attributes.property) === 'robots' &&
            /noindex/i.test(attributes.content ?? '')
          )
            listed = false;
        }
        if (name === 'br' && main > 0 && hidden === 0) say(pre > 0 ? '\n' : ' ');
        if (VOID.test(name)) return;
        const dropped =
          main > 0 &&
          (DROPPED_TAGS.has(name) ||
            DROPPED_CLASSES.test(attributes.class ?? '') ||
            attributes['aria-hidden'] === 'true');
        const begins = name === 'main' && main === 0;
        stack.push({ name, dropped, main: begins });
        if (dropped) hidden += 1;
        if (begins) {
          main += 1;
          sawMain = true;
        }
        if (main === 0 || hidden > 0) return;
        if (name === 'pre') pre += 1;
        const level = /^h([1-6])$/.exec(name)?.[1];
        if (level !== undefined)
          Object.assign(heading, { level: Number(level), hash: attributes.id ?? '', text: '' });
        else if (BLOCKS.test(name)) say('\n');
      },
      ontext(text) {
        if (inTitle) documentTitle += text;
        if (main > 0 && hidden === 0) say(pre > 0 ? text : text.replace(/\s+/g, ' '));
      },
      onclosetag(name) {
        if (name === 'title') inTitle = false;
        if (VOID.test(name)) return;
        const open = stack.pop();
        if (open === undefined) return;
        if (open.dropped) hidden -= 1;
        else if (main > 0 && hidden === 0) close(name);
        if (open.main) main -= 1;
      },
    },
    { decodeEntities: true },
  );

  function close(name: string): void {
    if (name === 'pre' && pre > 0) pre -= 1;
    if (heading.level > 0 && name === `h${heading.level}`) {
      const { level, hash } = heading;
      const text = heading.text
        .replace(/\s+/g, ' ')
        .replace(/\u200b/g, '')
        .trim();
      heading.level = 0;
      if (level === 1 && title === '') title = text;
      else if (level > 1 && level <= deepest && hash !== '') builder.begin(level, hash, text);
      else builder.add(`\n${text}\n`);
    } else if (BLOCKS.test(name)) say('\n');
    else if (name === 'td' || name === 'th') say(' ');
  }

  parser.end(html);
  if (!listed || !sawMain) return undefined;
  const sections = builder.end();
  if (sections.length === 0) return undefined;
  return { path, title: title || documentTitle.split(' | ')[0]?.trim() || path, tag, sections };
}
