// Globs on page paths, as RegExp sources, so that server and browser match alike: `**` any depth, `*` and `?` within
// one segment, `{a,b}` either.

/** The source of the RegExp that a glob means. `/docs/api` also matches what lies below it. */
export function globSource(glob: string): string {
  let source = '';
  let depth = 0;
  for (let at = 0; at < glob.length; at += 1) {
    const char = glob.charAt(at);
    if (glob.startsWith('**', at)) {
      source += '.*';
      at += 1;
    } else if (char === '*') source += '[^/]*';
    else if (char === '?') source += '[^/]';
    else if (char === '{') {
      source += '(?:';
      depth += 1;
    } else if (char === '}' && depth > 0) {
      source += ')';
      depth -= 1;
    } else if (char === ',' && depth > 0) source += '|';
    else source += char.replace(/[\\^$.|+()[\]{}]/, '\\$&');
  }
  return `^${source}${')'.repeat(depth)}(?:/.*)?$`.replace(/\/\.\*\(\?:\/\.\*\)\?\$$/, '(?:/.*)?$');
}

/** Whether a page's path (after the base URL, with a leading slash) is to be searched. */
export function pathFilter(
  include: readonly string[],
  exclude: readonly string[],
): (path: string) => boolean {
  const compile = (globs: readonly string[]) => globs.map((glob) => new RegExp(globSource(glob)));
  const wanted = compile(include);
  const unwanted = compile(exclude);
  return (path) =>
    (wanted.length === 0 || wanted.some((one) => one.test(path))) && !unwanted.some((one) => one.test(path));
}
