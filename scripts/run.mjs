// Running other programs, and stopping with one readable line.
import { spawn, spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import { root } from './paths.mjs';

/** A step that cannot be done; its message says what is missing and how to get it. */
export class SetupError extends Error {}

export function step(text) {
  console.log(`\x1b[1m==> ${text}\x1b[0m`);
}

/** Runs a command with its output shown. Throws when it fails. */
export function run(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options });
  if (result.error) throw new SetupError(`${command} cannot be started: ${result.error.message}`);
  if (result.status !== 0)
    throw new SetupError(`${command} ${args.join(' ')} failed (exit ${result.status ?? result.signal})`);
}

/** Runs a command quietly: { ok, output }. */
export function attempt(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, encoding: 'utf8', ...options });
  return { ok: result.status === 0, output: `${result.stdout ?? ''}${result.stderr ?? ''}`.trim() };
}

/** Runs a command, or fails with `hint` and the command's last words. */
export function must(command, args, hint, options = {}) {
  const result = attempt(command, args, options);
  if (!result.ok) {
    const last = result.output.split('\n').slice(-3).join(' | ');
    throw new SetupError(`${hint} (${command} ${args.join(' ')}: ${last || 'not found'})`);
  }
  return result.output;
}

/** The full path of a program on PATH, or undefined. */
export function which(name) {
  for (const folder of (process.env.PATH ?? '').split(path.delimiter)) {
    const file = path.join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // Not here; look on.
    }
  }
  return undefined;
}

/** Runs `main` as a script: one line on failure, no stack for what a user can mend. */
export async function script(main) {
  try {
    await main();
  } catch (error) {
    console.error(error instanceof SetupError ? `\nstopped: ${error.message}` : error);
    process.exitCode = 1;
  }
}

/** Starts a command in the background and resolves with its exit status. */
export function start(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: 'inherit', ...options });
    child.once('error', reject);
    child.once('close', resolve);
  });
}
