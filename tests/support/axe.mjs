// What axe-core has to say against a page, as it is now.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { installDocusaurus } from '../../scripts/docusaurus.mjs';

let script;

/** One line for each rule that is broken; empty when none is. */
export async function violations(page) {
  script ??= readFileSync(path.join(installDocusaurus(), 'axe-core/axe.min.js'), 'utf8');
  await page.evaluate(script);
  const found = await page.evaluate(async () => (await globalThis.axe.run()).violations);
  return found.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
}
