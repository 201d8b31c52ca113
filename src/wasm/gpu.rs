//! What only the WebGPU binary exports: the device, and the test of its kernels.

use serde::Serialize;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::error::throw;
use crate::device::{faults, webgpu};
use crate::error::{Code, Error};
use crate::kernels::gpu::{KnownAnswer, MAX_HEAD, UNIT, known_answers};
use crate::weights::WordsForm;

/// Values of an attention head of the models that this crate was made for.
const USUAL_HEAD: usize = 32;

/// Opens this worker's GPU device, once; to be awaited before a model is built. Gives `{ vendor, architecture, device,
/// description, fallback, features, f16 }`: what the browser tells about the adapter. Throws `UNSUPPORTED`.
#[wasm_bindgen(js_name = openDevice)]
pub async fn open_device() -> Result<JsValue, JsValue> {
    webgpu::open().await.map_err(throw)?;
    plain(&webgpu::opened().map_err(throw)?.about)
}

/// What first went wrong on the GPU since the start: a loss, an error that nothing caught, a kernel that does not compile.
#[wasm_bindgen(js_name = deviceError)]
#[must_use]
pub fn device_error() -> Option<String> {
    faults::first()
}

/// A kernel form and how far it is from its definition.
#[derive(Serialize)]
struct Answer {
    kernel: String,
    error: f32,
    tolerance: f32,
    ok: bool,
}

/// Runs each kernel form on small fixed inputs and compares it with scalar arithmetic: an array of `{ kernel, error,
/// tolerance, ok }`. `head`: values of an attention head, which is part of that kernel's text; the usual one by default.
/// `int4_words`: which form of the embedding kernel, that for 4-bit words or the other; both by default.
/// Throws `UNSUPPORTED` without a device, `OPTION` for a head that no kernel takes, `WORKER_LOST`.
#[wasm_bindgen(js_name = knownAnswers)]
pub async fn known_answers_of(head: Option<usize>, int4_words: Option<bool>) -> Result<JsValue, JsValue> {
    let opened = webgpu::opened().map_err(throw)?;
    let head = head.unwrap_or(USUAL_HEAD);
    if head == 0 || head > MAX_HEAD || !head.is_multiple_of(UNIT) {
        let message = format!("{head} is not a multiple of {UNIT} between {UNIT} and {MAX_HEAD}");
        return Err(throw(Error::new(Code::Option, "head", message)));
    }
    let words = int4_words.map(|int4| if int4 { WordsForm::Int4 } else { WordsForm::Int8 });
    let answers = known_answers(&opened.device, head, words).await.map_err(throw)?;
    let answer = |answer: KnownAnswer| Answer {
        ok: answer.ok(),
        kernel: answer.kernel,
        error: answer.error,
        tolerance: KnownAnswer::TOLERANCE,
    };
    plain(&answers.into_iter().map(answer).collect::<Vec<_>>())
}

fn plain(value: &impl Serialize) -> Result<JsValue, JsValue> {
    serde_wasm_bindgen::to_value(value).map_err(JsValue::from)
}
