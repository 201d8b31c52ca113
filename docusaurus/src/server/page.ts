// A page cut into sections at its headings: what both cutters (rendered HTML, Markdown source) give.

export interface PageSection {
  /** 1 for what precedes the first heading, else the heading's level. */
  readonly level: number;
  /** The heading's id; empty for what precedes the first one. */
  readonly hash: string;
  readonly heading: string;
  readonly text: string;
}

export interface Page {
  /** After the base URL, without a leading slash. */
  readonly path: string;
  readonly title: string;
  /** Docusaurus' `docusaurus_tag`. */
  readonly tag: string;
  readonly sections: readonly PageSection[];
}

/** Collects text, section by section. */
export class SectionBuilder {
  readonly sections: PageSection[] = [];
  #open = { level: 1, hash: '', heading: '' };
  #parts: string[] = [];

  add(text: string): void {
    this.#parts.push(text);
  }

  begin(level: number, hash: string, heading: string): void {
    this.#close();
    this.#open = { level, hash, heading };
  }

  end(): PageSection[] {
    this.#close();
    return this.sections;
  }

  /** A section without text stays when it has a heading: the heading may be what is looked for. */
  #close(): void {
    const text = this.#parts
      .join('')
      .replace(/[ \t]+\n/g, '\n')
      .replace(/\n{3,}/g, '\n\n')
      .trim();
    this.#parts = [];
    if (text !== '' || this.#open.heading !== '') this.sections.push({ ...this.#open, text });
  }
}
