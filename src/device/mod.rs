//! Where tensors live. One device for now: the CPU, through burn-flex.

pub use burn::tensor::Device;

/// The CPU device: burn-flex, f32.
#[cfg(feature = "cpu")]
#[must_use]
pub fn cpu() -> Device {
    Device::flex()
}
