//! The first thing that went wrong on the GPU: a lost device, an error that no scope caught, or one that a library below
//! only logs, such as a kernel that does not compile.

use std::cell::RefCell;
use std::sync::Arc;

use crate::error::{Code, Error, Result};

/// Characters that are kept of it.
const LONGEST: usize = 300;

thread_local! {
    static FIRST: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// What went wrong first, since the start.
pub(crate) fn first() -> Option<String> {
    FIRST.with_borrow(Clone::clone)
}

/// Fails with `GPU_UNTRUSTED` if something went wrong.
pub(crate) fn check() -> Result<()> {
    first().map_or(Ok(()), |what| Err(Error::new(Code::GpuUntrusted, "device", what)))
}

fn note(what: &str) {
    FIRST.with_borrow_mut(|first| {
        // A kernel that does not compile is reported with its whole text.
        first.get_or_insert_with(|| what.chars().take(LONGEST).collect());
    });
}

/// Notes the device's loss from now on.
pub(super) fn watch_loss(device: &wgpu::Device) {
    device.set_device_lost_callback(|reason, message| note(&format!("the device was lost ({reason:?}): {message}")));
}

/// Notes errors that no scope catches from now on, instead of the handler before.
pub(super) fn watch_errors(device: &wgpu::Device) {
    device.on_uncaptured_error(Arc::new(|error| note(&error.to_string())));
}

/// Notes what libraries log as an error from now on.
pub(super) fn watch_log() {
    // Fails where there is a logger already: a second device of one worker, whose logger is this one.
    if log::set_logger(&LOGGER).is_ok() {
        log::set_max_level(log::LevelFilter::Error);
    }
}

static LOGGER: Logger = Logger;

struct Logger;

impl log::Log for Logger {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() == log::Level::Error
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            note(&record.args().to_string());
        }
    }

    fn flush(&self) {}
}
