//! Running the built binary as a user does, and folders to run it in.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs, process};

use serde_json::Value;

/// A folder that is removed when the test ends.
pub struct Scratch(pub PathBuf);

impl Scratch {
    pub fn new(name: &str) -> Self {
        let folder = env::temp_dir().join(format!("crossrank-{}-{name}", process::id()));
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a JSON Lines file.
    pub fn lines(&self, name: &str, rows: &[Value]) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, rows.iter().map(|row| format!("{row}\n")).collect::<String>()).unwrap();
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A folder left in the temporary directory harms nobody.
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub fn crossrank<T: AsRef<OsStr>>(args: impl IntoIterator<Item = T>) -> Output {
    Command::new(env!("CARGO_BIN_EXE_crossrank")).args(args).output().unwrap()
}

/// Arguments of any kind of path or text.
pub fn args(parts: &[&dyn AsRef<OsStr>]) -> Vec<OsString> {
    parts.iter().map(|part| part.as_ref().to_owned()).collect()
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The file that a path names, as text.
pub fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}
