//! Opens a WebGPU device: adapter and device made here, so that their loss and errors are seen, then handed to burn.

use std::cell::OnceCell;

use burn::tensor::Device;
use burn_wgpu::WgpuSetup;
use js_sys::Reflect;
use serde::Serialize;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::WorkerGlobalScope;

use super::adapter::with_timestamps;
use super::faults;
use crate::config::ModelConfig;
use crate::error::{Code, Error, Result};
use crate::kernels::gpu::{MAX_HEAD, UNIT};

/// Dispatches of one submit: a batch of a model of six layers is one, of twelve two.
const TASKS_PER_SUBMIT: usize = 64;
/// Tokens of one batch, the unit between which a cancel is seen: 20 pairs of 400 tokens.
const MAX_TOKENS_PER_BATCH: u64 = 8192;
/// Products and sums of one batch. At 0.1 T a second, an old integrated GPU, a second: browsers end a device whose work
/// takes several.
const MAX_PRODUCTS_PER_BATCH: u64 = 100_000_000_000;

thread_local! {
    static OPENED: OnceCell<Opened> = const { OnceCell::new() };
}

/// The device of this worker.
#[derive(Clone, Debug)]
pub(crate) struct Opened {
    pub(crate) device: Device,
    pub(crate) about: About,
    /// Bytes of the largest buffer that a kernel can be given.
    buffer_bytes: u64,
}

/// What the browser tells about the adapter.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct About {
    vendor: String,
    architecture: String,
    device: String,
    description: String,
    /// A slow stand-in, in software.
    fallback: bool,
    /// The adapter's features, as WebGPU names them.
    features: Vec<String>,
    /// 16-bit floats are among them.
    f16: bool,
}

/// Opens the device of this worker; later calls do nothing.
///
/// # Errors
/// `UNSUPPORTED` without an adapter or when it refuses a device.
pub(crate) async fn open() -> Result<()> {
    if opened().is_ok() {
        return Ok(());
    }
    faults::watch_log();
    let opened = request().await?;
    // Whoever was first stays; the other device is never used.
    OPENED.with(|cell| cell.get_or_init(|| opened).clone());
    Ok(())
}

/// The device of this worker.
///
/// # Errors
/// `UNSUPPORTED` before [`open`].
pub(crate) fn opened() -> Result<Opened> {
    let opened = OPENED.with(|cell| cell.get().cloned());
    opened.ok_or_else(|| unsupported("no device has been opened in this worker".to_owned()))
}

async fn request() -> Result<Opened> {
    if !js_sys::global().is_instance_of::<WorkerGlobalScope>() {
        return Err(unsupported("a device is opened in a worker only".to_owned()));
    }
    let backends = wgpu::Backends::BROWSER_WEBGPU;
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
        backends,
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    });
    let power_preference = wgpu::PowerPreference::HighPerformance;
    let options = wgpu::RequestAdapterOptions { power_preference, ..Default::default() };
    let adapter = instance.request_adapter(&options).await;
    let adapter = adapter.map_err(|error| unsupported(format!("no adapter: {error}")))?;
    // The default limits, but buffers as large as the adapter allows: an embedding table is one buffer.
    let largest = adapter.limits();
    let required_limits = wgpu::Limits {
        max_storage_buffer_binding_size: largest.max_storage_buffer_binding_size,
        max_buffer_size: largest.max_buffer_size,
        ..wgpu::Limits::default()
    };
    let descriptor = wgpu::DeviceDescriptor { required_limits, ..Default::default() };
    let opened = adapter.request_device(&descriptor).await;
    let (device, queue) = opened.map_err(|error| unsupported(format!("the adapter refused a device: {error}")))?;
    faults::watch_loss(&device);
    faults::watch_errors(&device);

    let limits = device.limits();
    let buffer_bytes = limits.max_storage_buffer_binding_size.min(limits.max_buffer_size);
    let setup = WgpuSetup {
        instance,
        adapter: with_timestamps(&adapter),
        device: device.clone(),
        queue,
        backend: wgpu::Backend::BrowserWebGpu,
    };
    let runtime = Device::wgpu_options().tasks_max(TASKS_PER_SUBMIT).setup(setup).init();
    let runtime = runtime.map_err(|error| unsupported(format!("the device could not be registered: {error}")))?;
    // Registering installs a handler that panics.
    faults::watch_errors(&device);
    Ok(Opened { device: runtime, about: about(&adapter, &device), buffer_bytes })
}

fn about(adapter: &wgpu::Adapter, device: &wgpu::Device) -> About {
    let handle: JsValue = device.as_webgpu().map_or(JsValue::UNDEFINED, |device| device.clone().into());
    // Browsers from before `GPUDevice.adapterInfo` leave all of it empty.
    let get = |from: &JsValue, key: &str| Reflect::get(from, &key.into()).unwrap_or_default();
    let info = get(&handle, "adapterInfo");
    let text = |key: &str| get(&info, key).as_string().unwrap_or_default();
    let features = adapter.features();
    About {
        vendor: text("vendor"),
        architecture: text("architecture"),
        device: text("device"),
        description: text("description"),
        fallback: get(&info, "isFallbackAdapter").is_truthy(),
        features: features.iter_names().map(|(name, _)| name.to_lowercase().replace('_', "-")).collect(),
        f16: features.contains(wgpu::Features::SHADER_F16),
    }
}

impl Opened {
    /// Fails with `UNSUPPORTED` if the kernels or the device's buffers are too small for the model.
    pub(crate) fn check(&self, config: &ModelConfig) -> Result<()> {
        let (hidden, inner, head) = (config.hidden_size, config.intermediate_size, config.head_size());
        if [hidden, inner, head].iter().any(|width| !width.is_multiple_of(UNIT)) {
            let message =
                format!("hidden size {hidden}, inner size {inner} and head size {head} must be multiples of 4");
            return Err(unsupported(message));
        }
        if head > MAX_HEAD {
            return Err(unsupported(format!("a head of {head} values; the kernels go up to {MAX_HEAD}")));
        }
        let [vocabulary, hidden, inner, longest] =
            [config.vocab_size, hidden, inner, config.max_position_embeddings].map(|size| size as u64);
        let weights = hidden * inner.max(4 * hidden);
        let largest = (vocabulary * hidden).max(weights).max(longest * bytes_of_token(config));
        if largest > self.buffer_bytes {
            let message = format!("a buffer of {largest} bytes is needed; the device allows {}", self.buffer_bytes);
            return Err(unsupported(message));
        }
        Ok(())
    }

    /// The token budget of a batch. A pair alone may exceed it.
    pub(crate) fn tokens_per_batch(&self, config: &ModelConfig) -> usize {
        let [layers, hidden, inner] =
            [config.num_hidden_layers, config.hidden_size, config.intermediate_size].map(|size| size as u64);
        let products = layers * hidden * (4 * hidden + 2 * inner);
        let tokens = (MAX_PRODUCTS_PER_BATCH / products.max(1)).min(self.buffer_bytes / bytes_of_token(config).max(1));
        tokens.min(MAX_TOKENS_PER_BATCH) as usize
    }
}

/// Bytes of one token in the widest activations.
fn bytes_of_token(config: &ModelConfig) -> u64 {
    (3 * config.hidden_size).max(config.intermediate_size) as u64 * size_of::<f32>() as u64
}

fn unsupported(message: String) -> Error {
    Error::new(Code::Unsupported, "WebGPU", message)
}
