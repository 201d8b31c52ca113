//! Reading and writing files with caps and with errors that name the file.

use std::fs;
use std::io::Read;
use std::path::Path;

use crate::error::{Code, Error, Result, check_limit};

/// The whole file, if it has at most `cap` bytes.
pub(super) fn read(path: &Path, cap: usize) -> Result<Vec<u8>> {
    let place = path.display().to_string();
    let failed = |e: std::io::Error| Error::new(Code::File, &place, "cannot be read").caused_by(e);
    let file = fs::File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    // One byte more than the cap tells "too long" from "just fits", whatever the file system says of the length.
    file.take(cap as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    check_limit(&place, bytes.len(), cap, "bytes")?;
    Ok(bytes)
}

pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes)
        .map_err(|e| Error::new(Code::File, path.display().to_string(), "cannot be written").caused_by(e))
}
