//! The samples of the documents: each command prints what is written below it.
//!
//! A line of `…` stands for any lines. How long a run took and how quick it was may be anything.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How a sample begins its command.
const PROMPT: &str = "$ cargo run -- ";

/// A command and what it is said to print.
struct Sample {
    place: String,
    command: String,
    printed: String,
}

fn documents() -> Vec<PathBuf> {
    let docs = fs::read_dir("docs").unwrap().map(|entry| entry.unwrap().path());
    let docs = docs.filter(|path| path.extension().is_some_and(|ending| ending == "md"));
    let mut all: Vec<_> = docs.chain([PathBuf::from("README.md")]).collect();
    all.sort();
    all
}

/// The samples between the fences of a document.
fn samples(path: &Path) -> Vec<Sample> {
    let text = fs::read_to_string(path).unwrap();
    let blocks = text.split("```").skip(1).step_by(2);
    let parts = blocks.flat_map(|block| block.split(PROMPT).skip(1));
    let sample = |part: &str| {
        let (command, printed) = part.split_once('\n').unwrap();
        let place = format!("{}: {command}", path.display());
        Sample { place, command: command.to_string(), printed: printed.to_string() }
    };
    parts.map(sample).collect()
}

/// Without what was measured, for snapbox.
fn plain(text: &str) -> String {
    let line = |line: &str| match line.split_once(" calls in ") {
        Some((counted, _)) => format!("{counted} calls in some time"),
        None if line == "…" => "...".to_string(),
        None => line.to_string(),
    };
    text.lines().map(|text| line(text) + "\n").collect()
}

#[test]
fn every_sample_is_what_its_command_prints() {
    let all: Vec<_> = documents().iter().flat_map(|path| samples(path)).collect();
    assert!(all.len() >= 3, "{}", all.len());
    for Sample { place, command, printed } in all {
        let folder = tempfile::tempdir().unwrap();
        let mut arguments: Vec<_> = command.split(' ').map(str::to_string).collect();
        if arguments[0] == "run" {
            arguments.extend(["--findings".to_string(), folder.path().display().to_string()]);
        }
        let output = Command::new(env!("CARGO_BIN_EXE_canonfuzz")).args(&arguments).output();
        let stdout = String::from_utf8(output.unwrap().stdout).unwrap();
        println!("{place}");
        snapbox::assert_data_eq!(plain(&stdout), plain(&printed));
    }
}
