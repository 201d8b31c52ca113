//! The wasm-bindgen boundary: strings and bytes in, numbers out, errors as plain `{ code, message }` objects. No logic.

mod error;
#[cfg(feature = "webgpu")]
mod gpu;
mod loader;
mod session;

use wasm_bindgen::prelude::wasm_bindgen;

/// Runs once when the module is instantiated: a panic prints its message before it ends the instance.
#[wasm_bindgen(start)]
pub fn start() {
    console_error_panic_hook::set_once();
}
