//! An adapter as the runtime under burn sees it: the real one, but always with `timestamp-query`.
//!
//! That runtime (cubecl) chooses at start how it would measure time, and panics in a browser without the feature, although
//! nothing here is ever measured. It asks the adapter it is given, and takes the device as it is; so the answer lets it
//! start, and no query is ever made: docs/adr/0013-adapters-without-timestamp-query.md.

use std::future::pending;
use std::pin::Pin;

use wgpu::custom::{AdapterInterface, DispatchSurface, RequestDeviceFuture};
use wgpu::{
    AdapterInfo, CooperativeMatrixProperties, DeviceDescriptor, DownlevelCapabilities, Features, Limits,
    PresentationTimestamp, TextureFormat, TextureFormatFeatures,
};

#[derive(Debug)]
struct WithTimestamps(wgpu::Adapter);

/// `adapter`, as one that has `timestamp-query`. No device can be requested from it.
pub(super) fn with_timestamps(adapter: &wgpu::Adapter) -> wgpu::Adapter {
    wgpu::Adapter::from_custom(WithTimestamps(adapter.clone()))
}

impl AdapterInterface for WithTimestamps {
    fn request_device(&self, _: &DeviceDescriptor<'_>) -> Pin<Box<dyn RequestDeviceFuture>> {
        // The device was made from the real adapter before this one existed.
        Box::pin(pending())
    }

    fn is_surface_supported(&self, _: &DispatchSurface) -> bool {
        false
    }

    fn features(&self) -> Features {
        self.0.features() | Features::TIMESTAMP_QUERY
    }

    fn limits(&self) -> Limits {
        self.0.limits()
    }

    fn downlevel_capabilities(&self) -> DownlevelCapabilities {
        self.0.get_downlevel_capabilities()
    }

    fn get_info(&self) -> AdapterInfo {
        self.0.get_info()
    }

    fn get_texture_format_features(&self, format: TextureFormat) -> TextureFormatFeatures {
        self.0.get_texture_format_features(format)
    }

    fn get_presentation_timestamp(&self) -> PresentationTimestamp {
        self.0.get_presentation_timestamp()
    }

    fn cooperative_matrix_properties(&self) -> Vec<CooperativeMatrixProperties> {
        Vec::new()
    }
}
