// Which cargo builds the wasm binary: rustup's with its wasm32 standard library, or Debian's packaged compiler, which
// builds the standard library from source where rustup cannot download.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { wasmTarget } from './paths.mjs';
import { attempt } from './run.mjs';

const debianCargo = '/usr/bin/cargo';
const debianRustc = '/usr/bin/rustc';
const debianSource = '/usr/lib/rustlib/src/rust/library/std/Cargo.toml';

function sysroot(rustc) {
  const found = attempt(rustc, ['--print', 'sysroot']);
  return found.ok ? found.output.split('\n')[0] : undefined;
}

/** rust-lld of any installed toolchain, or wasm-ld of LLVM. */
function linker() {
  const host = attempt('rustc', ['--print', 'host-tuple']).output;
  const candidates = [
    path.join(sysroot('rustc') ?? '', 'lib/rustlib', host, 'bin/rust-lld'),
    '/usr/bin/rust-lld',
    '/usr/bin/wasm-ld',
  ];
  return candidates.find((file) => existsSync(file));
}

/** rustup's toolchain, if its wasm32 standard library is installed. */
export function rustupToolchain() {
  const libraries = path.join(sysroot('rustc') ?? '', 'lib/rustlib', wasmTarget, 'lib');
  return existsSync(libraries) ? { name: 'rustup', cargo: 'cargo', args: [], env: {} } : undefined;
}

/** Debian's compiler with the standard library's source, if installed and complete. */
export function debianToolchain() {
  const lld = linker();
  if (!existsSync(debianCargo) || !existsSync(debianRustc) || !existsSync(debianSource) || !lld)
    return undefined;
  return {
    name: 'debian',
    cargo: debianCargo,
    args: ['-Z', 'build-std=std,panic_abort'],
    env: {
      RUSTC: debianRustc,
      // -Z build-std asks for it; the compiler itself is a stable one.
      RUSTC_BOOTSTRAP: '1',
      CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER: lld,
    },
  };
}

export const wasmToolchain = () => rustupToolchain() ?? debianToolchain();
