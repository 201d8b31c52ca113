//! Putting a model folder in the place of another one. The new folder is made whole beside the old one, from bytes whose
//! hashes were checked, and written through to the disk; then the two change names in one step, so that a web server
//! finds one of them at every moment. The old one stays as `NAME.previous`.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::cli::files;
use crate::cli::manifest::{FileEntry, Manifest};
use crate::error::{Code, Error, Result};
use crate::limits;

/// What is copied beside the files that the manifest lists.
const CARD: &str = "README.md";
/// Bytes of a model card at most.
const MAX_CARD_BYTES: usize = 1 << 20;

/// A folder in the project's own form.
pub(super) struct Model {
    folder: PathBuf,
    manifest_json: Vec<u8>,
    manifest: Manifest,
}

impl Model {
    pub(super) fn read(folder: &Path) -> Result<Self> {
        let failed = |e| file_error(folder, "cannot be read", e);
        // The folder itself, not a link to it: its name is what changes.
        let folder = folder.canonicalize().map_err(failed)?;
        let manifest_json = files::read(&folder.join("manifest.json"), limits::MAX_MANIFEST_BYTES)?;
        let manifest = Manifest::from_json(&manifest_json)?;
        Ok(Self { folder, manifest_json, manifest })
    }

    pub(super) fn same_files(&self, other: &Self) -> bool {
        let hashes = |model: &Self| model.files().map(|file| file.sha256.clone()).collect::<Vec<_>>();
        hashes(self) == hashes(other)
    }

    fn files(&self) -> impl Iterator<Item = &FileEntry> {
        [&self.manifest.config, &self.manifest.tokenizer].into_iter().chain(&self.manifest.weights.shards)
    }

    /// Writes a checked copy into a folder that is empty.
    fn copy_to(&self, folder: &Path) -> Result<()> {
        for file in self.files() {
            let cap = limits::MAX_TOKENIZER_BYTES.max(limits::MAX_SHARD_BYTES);
            let bytes = files::read(&self.folder.join(&file.path), cap)?;
            file.verify(&bytes)?;
            write_through(&folder.join(&file.path), &bytes)?;
        }
        let card = self.folder.join(CARD);
        if card.exists() {
            write_through(&folder.join(CARD), &files::read(&card, MAX_CARD_BYTES)?)?;
        }
        write_through(&folder.join("manifest.json"), &self.manifest_json)?;
        sync_folder(folder)
    }
}

/// Replaces `current` by a copy of `candidate`. Returns where the old folder is now.
///
/// # Errors
/// `FILE` or `MODEL_INVALID`; then `current` is what it was.
pub(super) fn put_in_place(candidate: &Model, current: &Model) -> Result<PathBuf> {
    let beside = |name: String| current.folder.with_file_name(name);
    let name = current.folder.file_name().unwrap_or_default().to_string_lossy();
    let (next, previous) = (beside(format!(".{name}.next")), beside(format!("{name}.previous")));
    fs::create_dir(&next).map_err(|e| {
        let what = if e.kind() == ErrorKind::AlreadyExists {
            "is there already: another promotion is under way, or one was interrupted. Remove it in the second case"
        } else {
            "cannot be made"
        };
        file_error(&next, what, e)
    })?;
    let swapped = candidate.copy_to(&next).and_then(|()| exchange(&next, &current.folder));
    if let Err(error) = swapped {
        // What is left over harms nobody but the next promotion, whose message names it.
        let _ = fs::remove_dir_all(&next);
        return Err(error);
    }
    // From here on the candidate is in place; `next` holds the old model.
    if previous.exists() {
        fs::remove_dir_all(&previous).map_err(|e| file_error(&previous, "cannot be removed", e))?;
    }
    fs::rename(&next, &previous).map_err(|e| file_error(&next, "cannot be renamed", e))?;
    if let Some(parent) = current.folder.parent() {
        sync_folder(parent)?;
    }
    Ok(previous)
}

/// Exchanges the names of two folders: in one step where the system can, else in two with a way back.
fn exchange(next: &Path, current: &Path) -> Result<()> {
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        if renameat_with(CWD, next, CWD, current, RenameFlags::EXCHANGE).is_ok() {
            return Ok(());
        }
    }
    exchange_in_steps(next, current).map_err(|e| file_error(current, "cannot be replaced", e))
}

fn exchange_in_steps(next: &Path, current: &Path) -> std::io::Result<()> {
    let aside = next.with_extension("aside");
    fs::rename(current, &aside)?;
    if let Err(error) = fs::rename(next, current) {
        fs::rename(&aside, current)?;
        return Err(error);
    }
    fs::rename(&aside, next)
}

fn write_through(path: &Path, bytes: &[u8]) -> Result<()> {
    let write = || {
        let mut file = File::create_new(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(|e| file_error(path, "cannot be written", e))
}

/// Makes the names in a folder last, where a folder can be opened as a file.
fn sync_folder(folder: &Path) -> Result<()> {
    if cfg!(unix) {
        File::open(folder).and_then(|file| file.sync_all()).map_err(|e| file_error(folder, "cannot be written", e))?;
    }
    Ok(())
}

fn file_error(path: &Path, what: &str, error: std::io::Error) -> Error {
    Error::new(Code::File, path.display().to_string(), what).caused_by(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str, content: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("crossrank-place-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("x"), content).unwrap();
        folder
    }

    fn content(folder: &Path) -> String {
        fs::read_to_string(folder.join("x")).unwrap()
    }

    #[test]
    fn both_ways_exchange_two_folders_and_the_second_one_has_a_way_back() {
        let (a, b) = (folder("a", "a"), folder("b", "b"));
        exchange(&a, &b).unwrap();
        assert_eq!((content(&a), content(&b)), ("b".to_owned(), "a".to_owned()));
        exchange_in_steps(&a, &b).unwrap();
        assert_eq!((content(&a), content(&b)), ("a".to_owned(), "b".to_owned()));
        assert!(exchange_in_steps(&a.join("missing"), &b).is_err());
        assert_eq!(content(&b), "b");
        for folder in [a, b] {
            fs::remove_dir_all(folder).unwrap();
        }
    }
}
