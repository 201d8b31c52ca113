// The lines that a build prints: what was written, how large it is, and when readers fetch it.
import logger from '@docusaurus/logger';
import type { SiteModel } from './model.js';
import type { WrittenIndex } from './write-index.js';

const kilobytes = (bytes: number) => `${Math.ceil(bytes / 1000)} kB`;

export function report(locale: string, indexes: readonly WrittenIndex[], model: SiteModel | undefined): void {
  for (const { tag, pages, sections, gzipBytes, packed } of indexes) {
    const cut =
      packed.shortened > 0
        ? `; ${packed.shortened} sections cut to ${packed.cut.characters} characters, and ${packed.cut.words} further words stay findable`
        : '';
    logger.info`crossrank: index of locale name=${locale}, name=${tag}: ${pages} pages, ${sections} sections, ${kilobytes(gzipBytes)} gzip${cut}`;
  }
  if (indexes.length === 0) {
    logger.warn`crossrank: locale name=${locale} has no page to search. Options include and exclude may leave none.`;
  }
  if (model === undefined) {
    logger.info`crossrank: option name=${'locales'} does not list name=${locale}, so its results keep their base order and no model is fetched.`;
    return;
  }
  const about =
    model.bytes === null
      ? `from ${model.url('')}`
      : `${(model.bytes / 1e6).toFixed(1)} MB, copied into the site`;
  logger.info`crossrank: model of locale name=${locale}: ${about}. Readers fetch it, and the index, when they use the search.`;
}
