// A site of many pages: the READMEs of installed packages, which are docs of all kinds by many hands. Made where it is
// tested; none of their text is part of this project.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { BASE } from './sites.mjs';

/** `{ path: text }` of a site with `count` pages; `folders` are node_modules folders. */
export function readmeSite(folders, count) {
  const readmes = folders.flatMap(packagesIn).filter(({ text }) => text.length > 500);
  const unique = new Map(readmes.map((one) => [one.name, one.text]));
  const chosen = [...unique].sort(([a], [b]) => (a < b ? -1 : 1)).slice(0, count);
  if (chosen.length < count) throw new Error(`only ${chosen.length} packages with a README are installed`);
  const files = Object.fromEntries(
    chosen.map(([name, text]) => [`docs/${fileName(name)}.md`, asPage(name, text)]),
  );
  return { ...files, 'docusaurus.config.js': CONFIG, 'package.json': '{ "private": true }' };
}

const CONFIG = `module.exports = {
  title: 'READMEs', url: 'https://example.org', baseUrl: '${BASE}', future: { v4: true },
  onBrokenLinks: 'ignore', onBrokenAnchors: 'ignore', onDuplicateRoutes: 'ignore',
  markdown: { format: 'md', hooks: { onBrokenMarkdownLinks: 'ignore', onBrokenMarkdownImages: 'ignore' } },
  presets: [['classic', { blog: false, docs: { routeBasePath: '/', sidebarPath: undefined } }]],
  plugins: [['docusaurus-plugin-crossrank', JSON.parse(process.env.CROSSRANK ?? '{}')]],
};
`;

function packagesIn(modules) {
  const names = readdirSync(modules).flatMap((name) =>
    name.startsWith('@') ? readdirSync(path.join(modules, name)).map((one) => `${name}/${one}`) : [name],
  );
  return names.flatMap((name) => {
    const file = ['README.md', 'readme.md', 'Readme.md']
      .map((one) => path.join(modules, name, one))
      .find(existsSync);
    return file === undefined ? [] : [{ name, text: readFileSync(file, 'utf8') }];
  });
}

const fileName = (name) => name.replace(/[^\w.-]+/g, '_').replace(/^[_.]+/, '');

/** Without pictures, whose files are not there, and without code that the page would run. */
function asPage(name, text) {
  const prose = text
    .replace(/^---\n[\s\S]*?\n---\n/, '')
    .replace(/!\[[^\]]*\](\([^)]*\)|\[[^\]]*\])/g, '')
    .replace(/<(script|style|svg|iframe)[\s\S]*?<\/\1>/gi, '')
    .replace(/<\/?[a-z][^>]*>/gi, '');
  return `---\ntitle: ${JSON.stringify(name)}\nslug: /${fileName(name)}\n---\n\n${prose}\n`;
}
