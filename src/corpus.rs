//! Case files: finding, reading and writing them.
//! Knows both encodings of a case and nothing of what a case does.

use std::path::{Path, PathBuf};

use anyhow::{Context, Error, Result, bail, ensure};
use serde::Serialize;

use crate::case::text::{self, CaseFile, UNREVIEWED};
use crate::case::{Case, bytes};
use crate::files::{self, Search};
use crate::plain;

/// The ending of case files as text.
const TEXT: &str = "toml";
/// The register lies among the cases, and is none.
pub const REGISTER: &str = "divergences.toml";

/// The longest file that is a case: to take it apart takes a hundred times as much memory.
const MAX_BYTES: u64 = 16 << 20;

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
    parse(files::read(path, MAX_BYTES)?).with_context(|| plain::name(path))
}

fn parse(contents: Vec<u8>) -> Result<Found> {
    if bytes::is_encoded(&contents) {
        return decode(&contents);
    }
    match hex(&contents) {
        Some(encoded) => decode(&encoded),
        None => parse_text(contents),
    }
}

fn decode(encoded: &[u8]) -> Result<Found> {
    Ok(Found { file: unexplained(bytes::decode_any(encoded)?), text: None })
}

/// A case as it is printed where it cannot be written: encoded, two digits for each byte.
pub fn in_hex(case: &Case) -> String {
    bytes::encode(case).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A case that could not be written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unwritten {
    pub why: String,
    /// As it is printed instead.
    pub case: String,
}

impl Unwritten {
    pub fn new(case: &Case, error: &Error) -> Unwritten {
        Unwritten { why: format!("{error:#}"), case: in_hex(case) }
    }

    /// What is told instead of writing it; `kind` is what it shows.
    pub fn text(&self, kind: &str) -> String {
        let Unwritten { why, case } = self;
        format!("{why}\n  {kind}, its case in a form that `replay` takes from a file:\n{case}")
    }
}

/// The encoded case that is written so.
fn hex(contents: &[u8]) -> Option<Vec<u8>> {
    let digits = contents.trim_ascii().iter().map(|digit| char::from(*digit).to_digit(16));
    let digits: Vec<u32> = digits.collect::<Option<_>>()?;
    let bytes = digits.chunks_exact(2).map(|pair| u8::try_from(pair[0] << 4 | pair[1]).ok());
    let bytes: Vec<u8> = bytes.collect::<Option<_>>()?;
    (digits.len().is_multiple_of(2) && bytes::is_encoded(&bytes)).then_some(bytes)
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
    CaseFile { rule: UNREVIEWED.to_string(), story: None, case, expect: Vec::new() }
}

/// The name, without its ending, of the file for a case of this class: letters and digits of it, and not more than a
/// name may have.
pub fn file_name(class: &str) -> String {
    let words = class.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let mut name = words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("-");
    name.truncate(LONGEST_NAME);
    name
}

/// Letters of a file's name before its number and its ending.
const LONGEST_NAME: usize = 200;

/// The files for a case of that name, of which the first is taken that is not there yet.
pub fn names(folder: &Path, name: &str) -> impl Iterator<Item = PathBuf> {
    let numbers = std::iter::once(String::new()).chain((2..).map(|number| format!("-{number}")));
    numbers.map(move |number| folder.join(format!("{name}{number}.toml")))
}

/// The case files at some paths: files as they are, and of folders all cases below them, in the order of their
/// names.
pub fn search(paths: &[PathBuf]) -> Search {
    files::find(paths, &is_case)
}

/// The same, where nothing may be missing.
pub fn find(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let Search { found, failed } = search(paths);
    match failed.into_iter().next() {
        Some(error) => Err(error),
        None => Ok(found.into_iter().map(|found| found.path).collect()),
    }
}

/// In a folder: text cases, and files without an ending (those of fuzzers) that are encoded cases.
fn is_case(path: &Path) -> Result<bool> {
    match path.extension() {
        Some(ending) => Ok(ending == TEXT && path.file_name().is_some_and(|name| name != REGISTER)),
        None => files::begins_with(path, bytes::MAGIC),
    }
}

/// Writes a case as text; the file is there whole or not at all.
pub fn save(path: &Path, file: &CaseFile) -> Result<()> {
    files::write(path, printed(file)?.as_bytes())
}

/// The text of a case that can be read again.
pub fn printed(file: &CaseFile) -> Result<String> {
    let text = text::print(file);
    let length = u64::try_from(text.len())?;
    ensure!(length <= MAX_BYTES, "as text the case takes {length} bytes, more than {MAX_BYTES}");
    Ok(text)
}
