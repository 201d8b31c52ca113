// A browser that nobody inspects, as a reader's: a page is opened by command line and reports by itself. A browser that is
// driven through its debugging protocol keeps a copy of every response in the renderer, and is slower at each of them.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { chromiumArgs, findChromium } from '../../scripts/chromium.mjs';

const TIMEOUT_MS = 300_000;

/** Opens `url` in a fresh browser and profile; `work` gets { pid, reported }, where `reported(name)` waits for a report. */
export async function withPlainBrowser(reports, url, work) {
  const profile = mkdtempSync(path.join(os.tmpdir(), 'crossrank-bench-'));
  reports.clear();
  const browser = spawn(findChromium(), ['--headless', ...chromiumArgs, `--user-data-dir=${profile}`, url], {
    stdio: 'ignore',
    detached: true, // a group of its own, so that all its processes end with it
  });
  const ended = new Promise((resolve) => browser.once('exit', resolve));
  const reported = (name) => withEnd(reports.wait(name), ended, name);
  try {
    return await work({ pid: browser.pid, reported });
  } finally {
    process.kill(-browser.pid, 'SIGKILL');
    await ended;
    rmSync(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }
}

async function withEnd(report, ended, name) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no ${name} in ${TIMEOUT_MS / 1000} s`)), TIMEOUT_MS);
  });
  const gone = ended.then(() => Promise.reject(new Error(`the browser ended before ${name}`)));
  gone.catch(() => {});
  try {
    return await Promise.race([report, late, gone]);
  } finally {
    clearTimeout(timer);
  }
}
