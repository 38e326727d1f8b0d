//! Files: reading them, finding them in folders, writing them.
//! Knows nothing of what is in them.

mod find;
mod write;

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use crate::plain::name;

pub use find::{Found, Search, find};
pub use write::{check_folder, check_writable, write, write_new};

/// Reads a file of at most so many bytes. Pipes and devices are none: they may never come to an end.
pub fn read(path: &Path, most: u64) -> Result<Vec<u8>> {
    read_regular(path, most).with_context(|| name(path))
}

fn read_regular(path: &Path, most: u64) -> Result<Vec<u8>> {
    let metadata = fs::metadata(path)?;
    ensure!(!metadata.is_dir(), "it is a folder");
    ensure!(metadata.is_file(), "it is a device or a pipe, not a file");
    let mut bytes = Vec::new();
    // What the system makes up has no length before it is read.
    File::open(path)?.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    ensure!(u64::try_from(bytes.len())? <= most, "it is longer than {most} bytes");
    Ok(bytes)
}

/// The same of text.
pub fn read_text(path: &Path, most: u64) -> Result<String> {
    let Ok(text) = String::from_utf8(read(path, most)?) else {
        bail!("{}: it is no text, which is UTF-8", name(path));
    };
    Ok(text)
}

/// Whether a file begins so.
pub fn begins_with(path: &Path, start: &[u8]) -> Result<bool> {
    let mut begins = Vec::new();
    let most = u64::try_from(start.len())?;
    let read = File::open(path).and_then(|file| file.take(most).read_to_end(&mut begins));
    read.with_context(|| name(path))?;
    Ok(begins == start)
}
