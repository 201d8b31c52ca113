//! Where tensors live: the CPU through burn-flex, or a GPU through wgpu. A build holds one of the two.

#[cfg(all(feature = "cpu", feature = "webgpu", target_family = "wasm"))]
compile_error!("features cpu and webgpu are two browser binaries; a fallback is another worker with the other binary");
#[cfg(all(feature = "webgpu", not(target_family = "wasm")))]
compile_error!("feature webgpu is for browsers");

#[cfg(feature = "webgpu")]
mod adapter;
#[cfg(feature = "webgpu")]
pub(crate) mod faults;
#[cfg(feature = "webgpu")]
pub(crate) mod webgpu;

pub use burn::tensor::Device;

/// The CPU device: burn-flex, f32.
#[cfg(feature = "cpu")]
#[must_use]
pub fn cpu() -> Device {
    Device::flex()
}
