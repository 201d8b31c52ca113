// CPU time and peak memory of a browser, from /proc. Linux only; elsewhere the answers are undefined, and the bench
// falls back to wall time.
import { readdirSync, readFileSync } from 'node:fs';

/** Linux has counted in hundredths of a second towards user space for as long as there has been /proc. */
const TICKS_PER_SECOND = 100;

function read(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined; // the process has ended
  }
}

/** { parent, ticks } of a process. Its name may hold spaces and brackets, so fields are counted from its end. */
function stat(pid) {
  const text = read(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  // utime, stime, and what ended children had used: without these the sum would fall when a process ends.
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  return { pid, parent: Number(fields[1]), ticks };
}

/** The process and all below it. */
function tree(pid) {
  let pids;
  try {
    pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
  const all = pids.map((name) => stat(Number(name))).filter((entry) => entry !== undefined);
  const found = all.filter((entry) => entry.pid === pid);
  for (const above of found) found.push(...all.filter((entry) => entry.parent === above.pid));
  return found;
}

/** CPU seconds that the process tree has used so far; undefined without /proc. */
export function cpuSeconds(pid) {
  const processes = tree(pid);
  if (processes.length === 0) return undefined;
  return processes.reduce((sum, { ticks }) => sum + ticks, 0) / TICKS_PER_SECOND;
}

/**
 * The highest resident size that the page's renderer below `pid` ever had, and the part of it that is not files mapped
 * from disk (the browser's own program, which all its processes share); undefined without /proc. In MiB.
 */
export function rendererPeak(pid) {
  const sizes = tree(pid)
    // Not the renderer of the browser's own new-tab page.
    .filter(({ pid }) => /--type=renderer(?!.*--top-chrome-webui)/s.test(read(`/proc/${pid}/cmdline`) ?? ''))
    .map(({ pid }) => read(`/proc/${pid}/status`) ?? '')
    .map((status) => {
      const kib = (field) => Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)?.[1] ?? Number.NaN);
      const [peak, mapped] = [kib('VmHWM'), kib('RssFile')];
      return { residentMiB: peak / 1024, privateMiB: (peak - mapped) / 1024 };
    })
    .filter(({ residentMiB }) => residentMiB > 0);
  return sizes.sort((a, b) => b.residentMiB - a.residentMiB)[0];
}
