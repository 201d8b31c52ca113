// The chunk cutter of the demo: caps, borders, and which licences and lines it lets through. Pure functions on
// small inline sources, and one pass over this repository's installed packages.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { cut, MAX_LINES } from '../../scripts/demo-chunks/cut.mjs';
import { lineDepths } from '../../scripts/demo-chunks/depth.mjs';
import { isPermissive } from '../../scripts/demo-chunks/license.mjs';
import { PACKAGES } from '../../scripts/demo-chunks/packages.mjs';
import { readPackages } from '../../scripts/demo-chunks/sources.mjs';

const ROOT = new URL('../..', import.meta.url).pathname;

/** A function of `lines` lines whose body has no blank line. */
function rustFunction(name, lines) {
  const body = Array.from({ length: lines - 2 }, (_, i) => `    let value_${i} = compute_something(${i});`);
  return [`fn ${name}() {`, ...body, '}'].join('\n');
}

test('functions of one file become chunks of their own, with the comments and attributes before them', () => {
  const source = [
    rustFunction('first', 20),
    '',
    '/// Says what second does.',
    '#[inline]',
    rustFunction('second', 20),
    '',
  ].join('\n');
  const chunks = cut(source, 'rust');
  assert.deepEqual(
    chunks.map(({ startLine, endLine }) => [startLine, endLine]),
    [
      [1, 20],
      [22, 43],
    ],
  );
  assert.match(chunks[1].text, /^\/\/\/ Says what second does\.\n#\[inline\]\nfn second/);
});

test('methods of a long class are not torn apart', () => {
  const method = (name) =>
    [`  ${name}(input) {`, ...Array(16).fill('    input = step(input);'), '  }'].join('\n');
  const source = ['class Machine {', method('start'), '', method('run'), '', method('stop'), '}'].join('\n');
  const chunks = cut(source, 'script');
  assert.equal(chunks.length, 3);
  assert.match(chunks[0].text, /^class Machine \{\n {2}start/);
  assert.match(chunks[1].text, /^ {2}run/);
  assert.match(chunks[2].text, /^ {2}stop[\s\S]*\n\}$/);
});

test('a function longer than a chunk is cut at a blank line where there is one', () => {
  const half = Array(24).fill('  total += weigh(term, frequency);').join('\n');
  const chunks = cut(`function score() {\n${half}\n\n${half}\n}\n`, 'script');
  assert.deepEqual(
    chunks.map(({ startLine, endLine }) => [startLine, endLine]),
    [
      [1, 25],
      [27, 51],
    ],
  );
});

test('markdown is cut at headings, and a fence stays whole where it fits', () => {
  const prose = Array(12).fill('A sentence about the thing at hand.').join('\n');
  const fence = ['```js', '# not a heading', 'const a = 1;', '', '# neither', '```'].join('\n');
  const chunks = cut(
    `# One\n\n${prose}\n\n## Two\n\n${prose}\n\n${fence}\n\n## Three\n\n${prose}\n`,
    'markdown',
  );
  assert.deepEqual(
    chunks.map(({ text }) => text.split('\n')[0]),
    ['# One', '## Two', '## Three'],
  );
  assert.ok(chunks[1].text.includes(fence));
});

test('brackets in strings, comments, characters, templates and regular expressions do not count', () => {
  const rust = [
    'let a = "{"; // {',
    "let b = '{';",
    'let c = r#"{"{"#;',
    '/* { /* { */ { */',
    "fn f<'a>() {}",
    'end',
  ];
  assert.deepEqual(
    lineDepths(rust, 'rust').map(({ depth }) => depth),
    [0, 0, 0, 0, 0, 0],
  );
  const script = [
    'const a = /[{]\\//g;',
    `const b = \`{ $${'{'}c({})} {\`;`,
    "const d = '{' + x / y;",
    'end',
  ];
  assert.deepEqual(
    lineDepths(script, 'script').map(({ depth }) => depth),
    [0, 0, 0, 0],
  );
});

test('only permissive licence expressions pass', () => {
  const permissive = [
    'MIT',
    'MIT OR Apache-2.0',
    'MIT/Apache-2.0',
    '(MIT OR GPL-3.0) AND Zlib',
    'Unlicense OR MIT',
  ];
  for (const license of [...permissive, 'Apache-2.0 WITH LLVM-exception', '(MIT OR Apache-2.0)']) {
    assert.equal(isPermissive(license), true, license);
  }
  const others = [
    'GPL-3.0',
    'MIT AND GPL-3.0',
    'CC-BY-4.0',
    'MIT OR',
    '(MIT',
    'MIT MIT',
    '',
    'SEE LICENSE IN x',
  ];
  for (const license of [...others, undefined, { type: 'MIT' }]) {
    assert.equal(isPermissive(license), false, String(license));
  }
});

test('every chunk of the real packages is a run of lines of its file, within the cap, and no line is in two', () => {
  const packages = readPackages(PACKAGES, { root: ROOT, warn: () => {} });
  assert.ok(packages.length >= 15, `${packages.length} packages`);
  const counts = packages.map(({ folder, license, files }) => {
    assert.ok(isPermissive(license));
    let count = 0;
    for (const { path, language, text } of files) {
      assert.doesNotMatch(path, /(?:^|\/)(?:tests?|benches)\/|\.test\.|\.d\.ts$|LICENSE/);
      const lines = readFileSync(join(folder, path), 'utf8').replaceAll('\r\n', '\n').split('\n');
      let before = 0;
      for (const chunk of cut(text, language)) {
        assert.ok(chunk.startLine > before, `${path}:${chunk.startLine} overlaps`);
        assert.ok(chunk.endLine - chunk.startLine < MAX_LINES, `${path}:${chunk.startLine} is too long`);
        assert.equal(chunk.text, lines.slice(chunk.startLine - 1, chunk.endLine).join('\n'));
        before = chunk.endLine;
        count++;
      }
    }
    return count;
  });
  const total = counts.reduce((sum, count) => sum + count, 0);
  assert.ok(total >= 2500 && total <= 5000, `${total} chunks`);
  assert.ok(Math.max(...counts) < total / 8, 'one package drowns the others');
});
