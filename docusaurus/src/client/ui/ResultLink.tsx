// One found section: a link that moves within the site, showing its heading, page and the stretch that fits the query.

import { useHistory } from '@docusaurus/router';
import type { AnchorHTMLAttributes, MouseEvent } from 'react';
import type { Section } from '../../shared/index-file.js';
import { PATH_SEPARATOR } from '../rerank/reranker.js';
import { type Segment, segments, snippet } from '../search/segments.js';
import styles from './search.module.css';

/** Characters of a section that a result shows. */
const SNIPPET_CHARACTERS = 150;

interface Props extends AnchorHTMLAttributes<HTMLAnchorElement> {
  readonly section: Section;
  readonly query: string;
  readonly locale: string;
  /** Called before the page moves. */
  readonly onOpen?: () => void;
}

export function ResultLink({ section, query, locale, onOpen, ...rest }: Props) {
  const history = useHistory();
  const { page, headings, text, url } = section;
  const english = /^en\b/i.test(locale);
  const open = (event: MouseEvent) => {
    // A click that asks for a new tab or a download stays the browser's.
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    onOpen?.();
    history.push(url);
  };
  const path = [page, ...headings].slice(0, -1).join(PATH_SEPARATOR);
  return (
    <a {...rest} href={url} onClick={open} className={styles.result}>
      <Marked className={styles.heading} segments={segments(headings.at(-1) ?? page, query, english)} />
      {path !== '' && <Marked className={styles.path} segments={segments(path, query, english)} />}
      <Marked className={styles.snippet} segments={snippet(text, query, english, SNIPPET_CHARACTERS)} />
    </a>
  );
}

interface MarkedProps {
  readonly segments: readonly Segment[];
  readonly className: string | undefined;
}

/** A text with the query's words marked. Text nodes only. */
function Marked({ segments, className }: MarkedProps) {
  let at = 0;
  return (
    <span className={className}>
      <bdi>
        {segments.map(({ text, hit }) => {
          at += text.length;
          return hit ? <mark key={at}>{text}</mark> : <span key={at}>{text}</span>;
        })}
      </bdi>
    </span>
  );
}
