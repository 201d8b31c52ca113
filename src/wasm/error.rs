//! [`Error`] to the plain object that is thrown across the boundary.

use serde::Serialize;
use wasm_bindgen::JsValue;

use crate::error::Error;

#[derive(Serialize)]
struct WireError {
    code: &'static str,
    message: String,
}

/// What JavaScript catches: `{ code, message }`.
pub(super) fn throw(error: Error) -> JsValue {
    let wire = WireError { code: error.code().as_str(), message: error.to_string() };
    serde_wasm_bindgen::to_value(&wire).unwrap_or_else(|_| JsValue::from_str(&wire.message))
}
