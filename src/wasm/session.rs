//! A loaded model and the calls on it. Methods take `&self`, and no borrow is held over an `await`, so overlapping calls
//! cannot meet "recursive use of an object".

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::{Float32Array, Uint8Array, Uint32Array};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::error::throw;
use crate::error::{Code, Error};
use crate::model::PackedBatch;
use crate::rank::{self, Activation, Canaries, Placed, Reranker};

/// A loaded model.
#[wasm_bindgen]
pub struct Session {
    reranker: Rc<Reranker>,
    canaries: RefCell<Option<Rc<Canaries>>>,
}

/// Token ids and segments of one pair.
#[wasm_bindgen(getter_with_clone)]
pub struct Encoded {
    /// Word piece ids.
    pub ids: Uint32Array,
    /// 0 query, 1 document.
    pub segments: Uint8Array,
}

impl Session {
    pub(super) fn new(reranker: Reranker) -> Self {
        Self { reranker: Rc::new(reranker), canaries: RefCell::new(None) }
    }
}

#[wasm_bindgen]
impl Session {
    /// Tokenises `pairs`, laid out as query, document, query, document, ..., and plans the batches. `max_length` 0 is
    /// the model's. Throws `OPTION` or `LIMIT`.
    pub fn begin(&self, pairs: Vec<String>, max_length: usize) -> Result<Job, JsValue> {
        let (flat, rest) = pairs.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(throw(Error::new(
                Code::Option,
                "pairs",
                "an odd number of texts; expected query, document, ...",
            )));
        }
        let pairs: Vec<_> = flat.iter().map(|[query, document]| (query.as_str(), document.as_str())).collect();
        let job = self.reranker.begin(&pairs, some_if_positive(max_length)).map_err(throw)?;
        let canaries = self.canaries.borrow().clone();
        Ok(Job { reranker: Rc::clone(&self.reranker), job: RefCell::new(job), canaries })
    }

    /// The logits of the model's two canaries, with activations in f32: on a CPU, what a GPU has to give.
    pub async fn canaries(&self) -> Result<Float32Array, JsValue> {
        Ok(self.reranker.canary_logits().await.map_err(throw)?.as_slice().into())
    }

    /// From now on each batch carries canaries that must give `logits`; no caller sees their scores. Throws `OPTION`.
    #[wasm_bindgen(js_name = useCanaries)]
    pub fn use_canaries(&self, logits: &[f32]) -> Result<(), JsValue> {
        let canaries = self.reranker.canaries(logits).map_err(throw)?;
        *self.canaries.borrow_mut() = Some(Rc::new(canaries));
        Ok(())
    }

    /// Token ids and segments of one pair, for tests and debugging. Throws `OPTION` or `LIMIT`.
    pub fn encode(&self, query: &str, document: &str, max_length: usize) -> Result<Encoded, JsValue> {
        let pair = self.reranker.encode(query, document, some_if_positive(max_length)).map_err(throw)?;
        Ok(Encoded { ids: pair.ids.as_slice().into(), segments: pair.segments.as_slice().into() })
    }

    /// Most tokens a pair may have.
    #[wasm_bindgen(getter)]
    pub fn max_length(&self) -> usize {
        self.reranker.max_length()
    }

    /// `identity` or `sigmoid`: what a call uses that does not say.
    #[wasm_bindgen(getter)]
    pub fn default_activation(&self) -> String {
        self.reranker.config().activation.as_str().to_owned()
    }

    /// Whether the table of words is in 4 bits.
    #[wasm_bindgen(getter)]
    pub fn int4_words(&self) -> bool {
        self.reranker.int4_words()
    }

    /// Bytes of wasm memory now. It never shrinks.
    #[wasm_bindgen(getter)]
    pub fn memory_bytes(&self) -> f64 {
        const PAGE_BYTES: f64 = 65_536.0;
        core::arch::wasm32::memory_size::<0>() as f64 * PAGE_BYTES
    }
}

/// One call: `step` until it returns `pairs`, then read `scores` and `order`.
#[wasm_bindgen]
pub struct Job {
    reranker: Rc<Reranker>,
    job: RefCell<rank::Job>,
    canaries: Option<Rc<Canaries>>,
}

#[wasm_bindgen]
impl Job {
    /// Pairs of the call.
    #[wasm_bindgen(getter)]
    pub fn pairs(&self) -> usize {
        self.job.borrow().pairs()
    }

    /// Planned batches.
    #[wasm_bindgen(getter)]
    pub fn batches(&self) -> usize {
        self.job.borrow().batches()
    }

    /// Tokens of all pairs, after truncation.
    #[wasm_bindgen(getter)]
    pub fn tokens(&self) -> usize {
        self.job.borrow().tokens()
    }

    /// Pairs that were cut to the maximal length.
    #[wasm_bindgen(getter)]
    pub fn truncated(&self) -> usize {
        self.job.borrow().truncated()
    }

    /// Runs the next batch and returns the number of pairs scored so far. Throws `NON_FINITE`; on a GPU also
    /// `GPU_UNTRUSTED` and `WORKER_LOST`.
    pub async fn step(&self) -> Result<usize, JsValue> {
        let batch = self.job.borrow_mut().next_guarded(self.canaries.as_deref());
        if let Some((batch, placed)) = batch {
            let logits = self.forward(batch, &placed).await.map_err(throw)?;
            self.job.borrow_mut().store(&logits).map_err(throw)?;
        }
        Ok(self.job.borrow().scored())
    }

    /// Scores in the order of the pairs. `activation`: `identity`, `sigmoid`, or empty for the model's own.
    pub fn scores(&self, activation: &str) -> Result<Float32Array, JsValue> {
        Ok(self.scores_as(activation)?.as_slice().into())
    }

    /// Indexes of the pairs, best first, cut to `top_k` (0: all).
    pub fn order(&self, activation: &str, top_k: usize) -> Result<Uint32Array, JsValue> {
        let order = rank::order(&self.scores_as(activation)?, some_if_positive(top_k));
        // Indexes are below `MAX_PAIRS`.
        Ok(order.into_iter().map(|index| index as u32).collect::<Vec<_>>().as_slice().into())
    }
}

impl Job {
    async fn forward(&self, batch: PackedBatch, placed: &Placed) -> crate::Result<Vec<f32>> {
        let logits = self.reranker.forward(batch).await?;
        #[cfg(feature = "webgpu")]
        crate::device::faults::check()?;
        placed.check(logits)
    }

    fn scores_as(&self, activation: &str) -> Result<Vec<f32>, JsValue> {
        let activation = match activation {
            "" => self.reranker.config().activation,
            name => Activation::from_name(name).ok_or_else(|| {
                throw(Error::new(Code::Option, "activation", format!("{name:?} is neither identity nor sigmoid")))
            })?,
        };
        self.job.borrow().scores(activation).map_err(throw)
    }
}

fn some_if_positive(value: usize) -> Option<usize> {
    (value > 0).then_some(value)
}
