// The docs of crossrank as a Docusaurus site, searched by docusaurus-plugin-crossrank. The tests build it once for each
// search it can have and for both bundlers:
//   SEARCH=none | easyops | lunr | algolia   (default none: crossrank brings the search)
//   BUNDLER=rspack | webpack                 (default rspack, with `future.v4`)
//   CROSSRANK='{ "mode": "rerank" }' | off   (options of the plugin, or without it)
const path = require('node:path');

const { SEARCH = 'none', BUNDLER = 'rspack', CROSSRANK = '{}' } = process.env;
const docs = path.resolve(__dirname, '../../docs');

/** Links that leave the docs folder lead to files that are not part of this site. */
function keepTextOfOuterLinks({ filePath, fileContent }) {
  const outside =
    path.dirname(filePath) === docs ? /\[([^\]]+)\]\(\.\.\/[^)]*\)/g : /\[([^\]]+)\]\(\.\.\/\.\.\/[^)]*\)/g;
  return fileContent.replace(outside, '$1');
}

module.exports = {
  title: 'crossrank',
  tagline: 'Puts the right code or docs chunk first',
  url: 'https://example.org',
  baseUrl: '/crossrank/',
  future: BUNDLER === 'rspack' ? { v4: true } : {},
  onBrokenLinks: 'ignore',
  onBrokenAnchors: 'ignore',
  i18n: { defaultLocale: 'en', locales: ['en', 'de'] },
  markdown: {
    format: 'detect',
    preprocessor: keepTextOfOuterLinks,
    hooks: { onBrokenMarkdownLinks: 'ignore' },
  },
  presets: [
    [
      'classic',
      {
        blog: false,
        docs: {
          path: '../../docs',
          lastVersion: 'current',
          versions: { current: { label: 'next' } },
        },
      },
    ],
  ],
  plugins: [
    ...(CROSSRANK === 'off' ? [] : [['docusaurus-plugin-crossrank', JSON.parse(CROSSRANK)]]),
    ...(SEARCH === 'lunr' ? ['docusaurus-lunr-search'] : []),
  ],
  themes:
    SEARCH === 'easyops'
      ? [['@easyops-cn/docusaurus-search-local', { hashed: true, docsDir: '../../docs', indexBlog: false }]]
      : [],
  themeConfig: {
    ...(SEARCH === 'algolia' && {
      algolia: { appId: 'EXAMPLE', apiKey: 'example', indexName: 'crossrank', contextualSearch: false },
    }),
    navbar: {
      title: 'crossrank',
      items: [
        { type: 'docSidebar', sidebarId: 'defaultSidebar', label: 'Docs', position: 'left' },
        { type: 'docsVersionDropdown', position: 'right' },
        { type: 'localeDropdown', position: 'right' },
      ],
    },
  },
};
