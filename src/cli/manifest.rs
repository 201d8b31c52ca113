//! `manifest.json`: what a model in the project's own form consists of. `docs/model-format.md` defines it.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

const PLACE: &str = "manifest.json";
const FORMAT: &str = "crossrank-model";
const VERSION: u32 = 1;

/// A model's files with their lengths and hashes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Always `crossrank-model`.
    pub format: String,
    /// Version of the format: 1.
    pub version: u32,
    /// Name of the model, shown in `status`.
    pub id: String,
    /// SPDX expression.
    pub license: String,
    /// `bert`.
    pub architecture: String,
    /// `int8`.
    pub dtype: String,
    /// The model's shape.
    pub config: FileEntry,
    /// The tokenizer.
    pub tokenizer: FileEntry,
    /// The weights.
    pub weights: WeightsEntry,
}

/// One file of the folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Its name, without folders.
    pub path: String,
    /// Its length.
    pub bytes: usize,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
}

/// The shards that, one after the other, are one safetensors file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WeightsEntry {
    /// Length of the whole file.
    pub bytes: usize,
    /// SHA-256 of the whole file.
    pub sha256: String,
    /// Its pieces in order.
    pub shards: Vec<FileEntry>,
}

impl Manifest {
    /// A manifest of this version of the format.
    #[must_use]
    pub fn new(id: &str, license: &str, config: FileEntry, tokenizer: FileEntry, weights: WeightsEntry) -> Self {
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            id: id.to_owned(),
            license: license.to_owned(),
            architecture: "bert".to_owned(),
            dtype: "int8".to_owned(),
            config,
            tokenizer,
            weights,
        }
    }

    /// Reads and checks a manifest.
    ///
    /// # Errors
    /// `MODEL_INVALID` if it is not one, of another version, or names a file outside its folder.
    pub fn from_json(bytes: &[u8]) -> Result<Self> {
        let manifest: Self =
            serde_json::from_slice(bytes).map_err(|e| Error::model(PLACE, "is not a model manifest").caused_by(e))?;
        if manifest.format != FORMAT || manifest.version != VERSION {
            let message =
                format!("is {} version {}; expected {FORMAT} version {VERSION}", manifest.format, manifest.version);
            return Err(Error::model(PLACE, message));
        }
        let files = [&manifest.config, &manifest.tokenizer].into_iter().chain(&manifest.weights.shards);
        for file in files {
            if !is_plain_name(&file.path) {
                return Err(Error::model(PLACE, format!("{:?} is not a plain file name", file.path)));
            }
        }
        let total = manifest.weights.shards.iter().try_fold(0_usize, |sum, shard| sum.checked_add(shard.bytes));
        if total != Some(manifest.weights.bytes) {
            return Err(Error::model(PLACE, format!("its shards are not {} bytes together", manifest.weights.bytes)));
        }
        Ok(manifest)
    }
}

impl FileEntry {
    /// The entry of a file named `path` that holds `bytes`.
    #[must_use]
    pub fn of(path: &str, bytes: &[u8]) -> Self {
        Self { path: path.to_owned(), bytes: bytes.len(), sha256: sha256_hex(bytes) }
    }

    /// Fails unless `bytes` are this file's.
    ///
    /// # Errors
    /// `MODEL_INVALID` naming the file.
    pub fn verify(&self, bytes: &[u8]) -> Result<()> {
        if bytes.len() != self.bytes {
            let message = format!("{} bytes; the manifest says {}", bytes.len(), self.bytes);
            return Err(Error::model(&self.path, message));
        }
        if sha256_hex(bytes) != self.sha256 {
            return Err(Error::model(&self.path, "its SHA-256 is not the manifest's"));
        }
        Ok(())
    }
}

/// SHA-256 of `bytes` in lower-case hexadecimal.
pub(super) fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Letters, digits, `.`, `_` and `-`, not beginning with a dot or dash: it cannot leave its folder.
fn is_plain_name(path: &str) -> bool {
    path.starts_with(|c: char| c.is_ascii_alphanumeric())
        && path.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let file = |path: &str| FileEntry::of(path, b"abc");
        let weights = WeightsEntry { bytes: 3, sha256: sha256_hex(b"abc"), shards: vec![file("model-000.bin")] };
        Manifest::new("id", "MIT", file("config.json"), file("tokenizer.json"), weights)
    }

    #[test]
    fn round_trips() {
        let json = serde_json::to_vec(&manifest()).unwrap();
        assert_eq!(Manifest::from_json(&json).unwrap(), manifest());
    }

    #[test]
    fn paths_cannot_leave_the_folder() {
        for path in ["../config.json", "/etc/passwd", "a/b", "", ".hidden", "-x", "c:\\x", "http:x", "a%2fb"] {
            let mut bad = manifest();
            bad.weights.shards[0].path = path.to_owned();
            assert!(Manifest::from_json(&serde_json::to_vec(&bad).unwrap()).is_err(), "{path}");
        }
    }

    #[test]
    fn other_formats_and_versions_are_refused() {
        let mut other = manifest();
        other.version = 2;
        assert!(Manifest::from_json(&serde_json::to_vec(&other).unwrap()).is_err());
        other = manifest();
        other.format = "something".to_owned();
        assert!(Manifest::from_json(&serde_json::to_vec(&other).unwrap()).is_err());
    }

    #[test]
    fn shards_that_do_not_add_up_are_refused() {
        for bytes in [0, 2, usize::MAX] {
            let mut bad = manifest();
            bad.weights.shards[0].bytes = bytes;
            assert!(Manifest::from_json(&serde_json::to_vec(&bad).unwrap()).is_err(), "{bytes}");
        }
    }

    #[test]
    fn verify_sees_a_changed_byte_and_a_changed_length() {
        let file = FileEntry::of("x", b"abc");
        assert!(file.verify(b"abc").is_ok());
        assert!(file.verify(b"abd").is_err());
        assert!(file.verify(b"ab").is_err());
        assert_eq!(file.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
