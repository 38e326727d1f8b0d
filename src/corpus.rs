//! Case files: finding, reading and writing them.
//! Knows both encodings of a case and nothing of what a case does.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::case::text::{self, CaseFile};
use crate::case::{Case, bytes};

/// The ending of case files as text.
const TEXT: &str = "toml";
/// The register lies among the cases, and is none.
pub const REGISTER: &str = "divergences.toml";

/// A case file as it was found.
pub struct Found {
    pub file: CaseFile,
    /// The text, where it is one.
    pub text: Option<String>,
}

impl Found {
    /// Whether the text is the one that `text::print` gives; bytes have but one form.
    pub fn is_canonical(&self) -> bool {
        self.text.as_ref().is_none_or(|text| *text == text::print(&self.file))
    }
}

/// Reads one case, as text or encoded; the contents tell which.
pub fn load(path: &Path) -> Result<Found> {
    let contents = fs::read(path).with_context(|| format!("{}", path.display()))?;
    let parsed = if bytes::is_encoded(&contents) {
        bytes::decode(&contents).map(|case| Found { file: unexplained(case), text: None })
    } else {
        parse_text(contents)
    };
    parsed.with_context(|| format!("{}", path.display()))
}

fn parse_text(contents: Vec<u8>) -> Result<Found> {
    let Ok(text) = String::from_utf8(contents) else {
        bail!("neither an encoded case nor text");
    };
    let file = text::parse(&text)?;
    Ok(Found { file, text: Some(text) })
}

/// A case that nobody has explained yet.
pub fn unexplained(case: Case) -> CaseFile {
    CaseFile { rule: "Not reviewed yet.".to_string(), story: None, case, expect: Vec::new() }
}

/// The name, without its ending, of the file for a case of this class.
pub fn file_name(class: &str) -> String {
    let words = class.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("-")
}

/// The case files at some paths: files as they are, and of folders all text cases below them, in
/// the order of their names.
pub fn find(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            find_below(path, &mut files)?;
        } else {
            files.push(path.clone());
        }
    }
    Ok(files)
}

fn find_below(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let read = || format!("{}", folder.display());
    let entries = fs::read_dir(folder).with_context(read)?;
    let mut paths: Vec<_> = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()
        .with_context(read)?;
    paths.sort();
    for path in paths {
        if path.is_dir() {
            find_below(&path, files)?;
        } else if is_case(&path) {
            files.push(path);
        }
    }
    Ok(())
}

/// In a folder: text cases, and files without an ending (those of fuzzers) that are encoded cases.
fn is_case(path: &Path) -> bool {
    match path.extension() {
        Some(ending) => ending == TEXT && path.file_name().is_some_and(|name| name != REGISTER),
        None => fs::read(path).is_ok_and(|contents| bytes::is_encoded(&contents)),
    }
}

/// Writes a case as text; the file is there whole or not at all.
pub fn save(path: &Path, file: &CaseFile) -> Result<()> {
    write_atomically(path, text::print(file).as_bytes())
}

/// A temporary file is its owner's alone; what becomes of it is a file like any other.
#[cfg(unix)]
fn readable_by_all<'a, 'b, 'c>(
    builder: &'a mut tempfile::Builder<'b, 'c>,
) -> &'a mut tempfile::Builder<'b, 'c> {
    use std::os::unix::fs::PermissionsExt;
    builder.permissions(fs::Permissions::from_mode(0o666))
}

#[cfg(not(unix))]
fn readable_by_all<'a, 'b, 'c>(
    builder: &'a mut tempfile::Builder<'b, 'c>,
) -> &'a mut tempfile::Builder<'b, 'c> {
    builder
}

/// Whether `write_atomically` will find room for this file: who works long asks before.
pub fn check_writable(path: &Path) -> Result<()> {
    let check = || if path.is_dir() { bail!("it is a folder") } else { begin(path).map(drop) };
    check().with_context(|| format!("cannot write {}", path.display()))
}

/// The same for files in this folder, which is made only when there is one.
pub fn check_folder(folder: &Path) -> Result<()> {
    let there = folder.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("."));
    let check = || begin(&there.join("a-file")).map(drop);
    check().with_context(|| format!("cannot write to {}", folder.display()))
}

/// A file in the folder of this one, which is to become it.
fn begin(path: &Path) -> Result<tempfile::NamedTempFile> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    Ok(readable_by_all(&mut tempfile::Builder::new()).tempfile_in(folder)?)
}

/// Writes a file so that nobody ever sees half of it.
pub fn write_atomically(path: &Path, contents: &[u8]) -> Result<()> {
    let write = || -> Result<()> {
        let mut file = begin(path)?;
        file.write_all(contents)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}
