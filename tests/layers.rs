//! Which room may know which: the table of ARCHITECTURE.md against the `crate::` paths in the code.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Each room with those it may use. Order: from the bottom up.
const ROOMS: [(&str, &[&str]); 26] = [
    ("types", &[]),
    ("value", &[]),
    ("typed", &["types", "value"]),
    ("abi", &["types", "value"]),
    ("component", &["abi", "types", "value"]),
    ("case", &["abi", "types", "value"]),
    ("observation", &["abi", "types", "value"]),
    ("encode", &["abi", "case", "observation", "types", "value"]),
    ("generate", &["abi", "case", "encode", "types", "value"]),
    ("engine", &["abi", "case", "component", "encode", "observation", "typed", "types", "value"]),
    ("oracle", &["abi", "case", "observation", "value"]),
    ("session", &["abi", "case", "component", "encode", "engine", "observation", "oracle"]),
    ("mix", &["abi", "case", "observation", "types", "value"]),
    ("corpus", &["case"]),
    (
        "report",
        &["abi", "case", "encode", "engine", "observation", "oracle", "session", "types", "value"],
    ),
    (
        "drift",
        &[
            "abi",
            "case",
            "corpus",
            "encode",
            "generate",
            "observation",
            "oracle",
            "report",
            "session",
        ],
    ),
    (
        "replay",
        &[
            "abi", "case", "corpus", "diff", "drift", "engine", "generate", "oracle", "report",
            "session",
        ],
    ),
    ("releases", &["drift", "engine", "observation", "oracle", "report", "session"]),
    ("shrink", &["case", "engine", "generate", "oracle", "report", "session"]),
    (
        "planted",
        &[
            "abi",
            "case",
            "corpus",
            "engine",
            "generate",
            "observation",
            "oracle",
            "report",
            "session",
            "shrink",
        ],
    ),
    (
        "fuzz",
        &[
            "abi",
            "case",
            "engine",
            "generate",
            "observation",
            "oracle",
            "planted",
            "report",
            "session",
        ],
    ),
    (
        "run",
        &[
            "case", "corpus", "drift", "engine", "generate", "mix", "oracle", "releases", "report",
            "session",
        ],
    ),
    ("vectors", &["abi", "types", "value"]),
    ("wast", &["abi", "component", "engine", "observation", "oracle", "types", "value"]),
    (
        "diff",
        &[
            "abi",
            "case",
            "component",
            "engine",
            "generate",
            "observation",
            "oracle",
            "report",
            "types",
            "value",
            "wast",
        ],
    ),
    ("export", &["abi", "case", "encode", "observation", "report", "types", "value", "wast"]),
];

#[test]
fn rooms_use_only_what_they_may() {
    let allowed: BTreeMap<&str, &[&str]> = ROOMS.into_iter().collect();
    let mut wrong = Vec::new();
    for path in sources(Path::new("src")) {
        let room = room(&path);
        if ["lib", "main", "commands"].contains(&room.as_str()) {
            continue;
        }
        let Some(may) = allowed.get(room.as_str()) else {
            wrong.push(format!("{}: no such room in the table", path.display()));
            continue;
        };
        for used in used(&fs::read_to_string(&path).unwrap()) {
            if used != room && !may.contains(&used.as_str()) {
                wrong.push(format!("{}: uses {used}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_room_of_the_table_exists_and_depends_on_earlier_ones_or_is_said_to_be_a_user() {
    for (room, _) in ROOMS {
        let places = ["src", "src/values"].map(|folder| Path::new(folder).join(room));
        let there = |place: &PathBuf| place.is_dir() || place.with_extension("rs").is_file();
        assert!(places.iter().any(there), "no room {room}");
    }
}

#[test]
fn the_subject_s_crate_is_named_in_its_adapter_alone() {
    for path in sources(Path::new("src")) {
        let text = fs::read_to_string(&path).unwrap();
        let adapter = ["src/engine/wasmtime", "src/engine/wasmtime.rs", "src/typed"];
        let adapter = adapter.iter().any(|place| path.starts_with(place));
        let named = text.lines().any(|line| line.trim_start().starts_with("use wasmtime"));
        assert!(adapter || !named, "{} uses wasmtime", path.display());
    }
}

#[test]
fn only_generate_draws_random_choices() {
    for path in sources(Path::new("src")) {
        let text = fs::read_to_string(&path).unwrap();
        let draws =
            ["arbitrary::", "fastrand::", "mutatis::"].iter().any(|word| text.contains(word));
        assert!(path.starts_with("src/generate") || !draws, "{} draws", path.display());
    }
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
    found
}

/// The first part of a path below `src/`, or below the folder of the two lowest rooms.
fn room(path: &Path) -> String {
    let path = path.strip_prefix("src").unwrap();
    let path = path.strip_prefix("values").unwrap_or(path);
    let first = path.components().next().unwrap().as_os_str().to_str().unwrap();
    first.trim_end_matches(".rs").to_string()
}

/// The rooms that a file names as `crate::room`, or that are a crate of their own.
fn used(text: &str) -> BTreeSet<String> {
    let text = text.replace("canonfuzz_typed", "crate::typed");
    let names = text.match_indices("crate::").map(|(at, found)| {
        let rest = &text[at + found.len()..];
        rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect::<String>()
    });
    names.filter(|name| !name.is_empty()).collect()
}
