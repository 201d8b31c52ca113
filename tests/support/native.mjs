// The native commands for tests in the browser: builds the binary (a moment, when the native tests ran before) and runs it.
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { cargoEnv, cargoTarget, root } from '../../scripts/paths.mjs';

let built = false;

/** Runs `crossrank` with arguments and returns what it printed. Throws if it fails. */
export function crossrank(...args) {
  if (!built) {
    const build = ['build', '--quiet', '--locked', '--features', 'cli', '--bin', 'crossrank'];
    execFileSync('cargo', build, { cwd: root, env: cargoEnv(), stdio: 'inherit' });
    built = true;
  }
  return execFileSync(path.join(cargoTarget, 'debug/crossrank'), args, { cwd: root, encoding: 'utf8' });
}
