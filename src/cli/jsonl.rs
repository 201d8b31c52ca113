//! JSON Lines files: one row a line, blank lines skipped, every failure names its line.

use std::path::Path;

use serde::de::DeserializeOwned;

use super::files;
use crate::error::{Code, Error, Result};
use crate::limits;

/// A row with its place, `file:line`, for messages.
pub(super) struct Row<T> {
    pub place: String,
    pub value: T,
}

/// All rows of a file.
///
/// # Errors
/// `FILE` if it cannot be read or a line is no row, naming the line; `LIMIT` if it is too large.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> Result<Vec<Row<T>>> {
    let file = path.display().to_string();
    let bytes = files::read(path, limits::MAX_BENCHMARK_BYTES)?;
    let text = String::from_utf8(bytes).map_err(|e| Error::new(Code::File, &file, "is not UTF-8").caused_by(e))?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(index, line)| {
            let place = format!("{file}:{}", index + 1);
            let value = serde_json::from_str(line)
                .map_err(|e| Error::new(Code::File, &place, "unexpected row").caused_by(e))?;
            Ok(Row { place, value })
        })
        .collect()
}

/// The rows without their places.
pub(super) fn values<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>> {
    Ok(read(path)?.into_iter().map(|row| row.value).collect())
}
