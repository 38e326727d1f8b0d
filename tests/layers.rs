//! Which room may know which: the table of ARCHITECTURE.md against the paths in the code.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The crates below `src/`, by their folders, each with what it depends on whatever its features are. That
/// they know nothing else cargo sees to.
const CRATES: [(&str, &[&str]); 3] = [
    ("canonical-abi", &[]),
    ("component", &["canonical-abi", "wasm-encoder", "wasmi", "wasmi_core", "wasmparser"]),
    ("typed", &["canonical-abi", "wasmtime"]),
];

/// What these are called in the rooms, each of which may stand on them.
const GROUND: [&str; 5] = ["types", "value", "abi", "component", "typed"];

/// Each room with those it may use, which are of the ground or stand above it, as they do in ARCHITECTURE.md.
const ROOMS: [(&str, &[&str]); 22] = [
    ("plain", &[]),
    ("files", &["plain"]),
    ("case", &["abi", "types", "value"]),
    ("observation", &["abi", "types", "value"]),
    ("encode", &["abi", "case", "observation", "types", "value"]),
    ("generate", &["abi", "case", "encode", "types", "value"]),
    ("engine", &["abi", "case", "component", "encode", "observation", "typed", "types", "value"]),
    ("oracle", &["abi", "case", "observation", "value"]),
    ("session", &["abi", "case", "component", "encode", "engine", "observation", "oracle"]),
    ("mix", &["abi", "case", "observation", "types", "value"]),
    ("corpus", &["case", "files", "plain"]),
    (
        "report",
        &[
            "abi",
            "case",
            "encode",
            "engine",
            "mix",
            "observation",
            "oracle",
            "plain",
            "session",
            "types",
            "value",
        ],
    ),
    (
        "drift",
        &[
            "abi",
            "case",
            "corpus",
            "encode",
            "files",
            "generate",
            "observation",
            "oracle",
            "plain",
            "report",
            "session",
        ],
    ),
    ("releases", &["drift", "engine", "observation", "oracle", "plain", "report", "session"]),
    ("shrink", &["case", "engine", "generate", "oracle", "report", "session"]),
    (
        "planted",
        &[
            "abi",
            "case",
            "corpus",
            "engine",
            "generate",
            "mix",
            "observation",
            "oracle",
            "report",
            "session",
            "shrink",
            "value",
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
            "abi", "case", "corpus", "drift", "engine", "files", "generate", "mix", "oracle",
            "plain", "releases", "report", "session",
        ],
    ),
    (
        "wast",
        &[
            "abi",
            "component",
            "engine",
            "files",
            "observation",
            "oracle",
            "plain",
            "types",
            "value",
        ],
    ),
    (
        "diff",
        &[
            "abi",
            "case",
            "component",
            "engine",
            "files",
            "generate",
            "observation",
            "oracle",
            "plain",
            "report",
            "types",
            "value",
        ],
    ),
    (
        "replay",
        &[
            "abi", "case", "corpus", "diff", "drift", "engine", "generate", "oracle", "plain",
            "releases", "report", "session",
        ],
    ),
    ("export", &["abi", "case", "component", "encode", "observation", "report", "types", "value"]),
];

/// Users of all rooms.
const FACES: [&str; 3] = ["lib", "main", "commands"];

/// What may be named in some places only: another's crate, and the folders and files from which on it may.
const NAMED: [(&str, &[&str]); 4] = [
    ("wasmtime", &["src/engine/wasmtime", "src/engine/wasmtime.rs"]),
    ("wasmi", &["src/engine/reference"]),
    ("arbitrary", &["src/generate"]),
    ("fastrand", &["src/generate"]),
];

#[test]
fn rooms_use_only_what_they_may_and_crates_are_named_only_where_they_may_be() {
    let mut wrong = Vec::new();
    for path in sources(Path::new("src")) {
        wrong.extend(wrongs(&path, &fs::read_to_string(&path).unwrap()));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_room_may_use_only_those_above_it() {
    assert_eq!(out_of_order(&ROOMS), Vec::<String>::new());
    let rooms: Vec<_> = ROOMS.iter().map(|(room, _)| *room).collect();
    assert_eq!(rooms_of_the_map(), [&rooms[..], &["main", "commands"]].concat());
}

#[test]
fn every_room_of_the_table_exists() {
    for (room, _) in ROOMS {
        let place = Path::new("src").join(room);
        assert!(place.is_dir() || place.with_extension("rs").is_file(), "no room {room}");
    }
}

#[test]
fn the_crates_depend_on_what_they_may() {
    for (folder, may) in CRATES {
        let manifest = Path::new("src").join(folder).join("Cargo.toml");
        let manifest: toml::Table = fs::read_to_string(manifest).unwrap().parse().unwrap();
        let dependencies = manifest["dependencies"].as_table().unwrap().iter();
        let optional = |asked: &toml::Value| asked.get("optional").is_some();
        let always = dependencies.filter(|(_, asked)| !optional(asked));
        let always: Vec<&str> = always.map(|(name, _)| name.as_str()).collect();
        assert_eq!(always, may, "{folder}");
    }
}

/// What these tests say of a file of this name with this text.
#[track_caller]
fn check(path: &str, text: &str, expected: &[&str]) {
    let expected: Vec<_> = expected.iter().map(|what| format!("{path}: {what}")).collect();
    assert_eq!(wrongs(Path::new(path), text), expected);
}

#[test]
fn a_path_counts_wherever_it_stands() {
    check("src/case/mod.rs", "use crate::component::Thing;", &["uses component"]);
    check("src/case/mod.rs", "fn f() { g(crate::encode::component()) }", &["uses encode"]);
    check("src/case/mod.rs", "fn f() { assert!(crate::fuzz::is(1)); }", &["uses fuzz"]);
    check("src/case/mod.rs", "use crate::{types::{self, Type}, diff::Act};", &["uses diff"]);
    check("src/case/mod.rs", "use canonfuzz::diff::Act;", &["uses diff"]);
    check("src/case/mod.rs", "fn f() -> canonfuzz_typed::Data { todo!() }", &["uses typed"]);
    check("src/case/mod.rs", "use component_interpreter::Compiled;", &["uses component"]);
    check("src/case/mod.rs", "use crate::abi::Trap; use crate::types::{self, Type};", &[]);
    check("src/kase/mod.rs", "", &["no such room in the table"]);
    check("src/main.rs", "use crate::case::Case; use crate::session::Session;", &[]);
    check("src/typed/lib.rs", "use crate::session::Session; use wasmtime::Engine;", &[]);
}

#[test]
fn a_path_upwards_counts_where_it_leaves_its_room() {
    check("src/case/mod.rs", "use super::diff::Act;", &["uses diff"]);
    check("src/case/text/tests.rs", "use super::super::super::diff::Act;", &["uses diff"]);
    check("src/oracle/mod.rs", "use self::super::session::Session;", &["uses session"]);
    check("src/corpus.rs", "fn f() { super::fuzz::cross() }", &["uses fuzz"]);
    // These are modules of the room that are called like others.
    check("src/case/text/tests.rs", "use super::super::diff::Act;", &[]);
    check("src/corpus.rs", "mod tests {\n use super::fuzz;\n}", &[]);
    check("src/corpus.rs", "mod tests {\n use super::super::fuzz;\n}", &["uses fuzz"]);
}

#[test]
fn words_and_comments_are_no_paths() {
    check("src/case/mod.rs", "/// See crate::diff.\n// crate::diff\nfn f() {}", &[]);
    check("src/case/mod.rs", "const TEXT: &str = \"use wasmtime::Engine; crate::diff\";", &[]);
}

#[test]
fn a_crate_counts_wherever_it_is_named() {
    check("src/oracle/mod.rs", "use wasmtime::Engine;", &["names the crate wasmtime"]);
    let text = "fn f() -> wasmtime::Result<()> { Ok(()) }";
    check("src/oracle/mod.rs", text, &["names the crate wasmtime"]);
    let text = "fn f() { let _ = wasmi::Engine::default(); }";
    check("src/mix/mod.rs", text, &["names the crate wasmi"]);
    check("src/case/mod.rs", "use ::arbitrary::Unstructured;", &["names the crate arbitrary"]);
    check("src/engine/wasmtime/run.rs", "use wasmtime::Engine;", &[]);
    // Here it is the adapter, unless it cannot be.
    let adapter = "use crate::engine::{reference, wasmtime}; fn f() { wasmtime::allowed() }";
    check("src/session.rs", adapter, &[]);
    let both = "use crate::engine::wasmtime; fn f() -> ::wasmtime::Result<()> { Ok(()) }";
    check("src/session.rs", both, &["names the crate wasmtime"]);
}

#[test]
fn a_room_that_uses_one_below_it_is_out_of_order() {
    assert_eq!(out_of_order(&[("a", &[]), ("b", &["a"])]), Vec::<String>::new());
    assert_eq!(out_of_order(&[("a", &["b"]), ("b", &[])]), ["a stands above b"]);
    assert_eq!(out_of_order(&[("a", &["a"])]), ["a stands above a"]);
}

/// Rooms that may use what does not stand above them.
fn out_of_order(rooms: &[(&str, &[&str])]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (position, (room, may)) in rooms.iter().enumerate() {
        let above: BTreeSet<_> = rooms[..position].iter().map(|(room, _)| room).collect();
        let may = may.iter().filter(|used| !GROUND.contains(used));
        let below = may.filter(|used| !above.contains(used));
        wrong.extend(below.map(|used| format!("{room} stands above {used}")));
    }
    wrong
}

/// The rooms in the first column of the code map, from above.
fn rooms_of_the_map() -> Vec<String> {
    let document = fs::read_to_string("ARCHITECTURE.md").unwrap();
    let rows = document.lines().skip_while(|line| !line.starts_with("| room |")).skip(2);
    let rows = rows.take_while(|line| line.starts_with('|'));
    let cells = rows.map(|row| row.split('|').nth(1).unwrap());
    let rooms = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    rooms.map(|room| room.trim_end_matches('/').to_string()).collect()
}

/// What a file names that it may not.
fn wrongs(path: &Path, text: &str) -> Vec<String> {
    let room = room(path);
    if CRATES.iter().any(|(folder, _)| *folder == room) {
        return Vec::new();
    }
    let may: BTreeMap<&str, &[&str]> = ROOMS.into_iter().collect();
    let paths = paths(text.parse().expect("what compiles is made of tokens"), 0);
    let mut wrong = Vec::new();
    if !FACES.contains(&room.as_str()) {
        match may.get(room.as_str()) {
            None => wrong.push("no such room in the table".to_string()),
            Some(may) => {
                let used: BTreeSet<_> = paths.iter().filter_map(|one| used(one, path)).collect();
                let used =
                    used.iter().filter(|used| **used != room && !may.contains(&used.as_str()));
                wrong.extend(used.map(|used| format!("uses {used}")));
            }
        }
    }
    for (name, places) in NAMED {
        let here = places.iter().any(|place| path.starts_with(place));
        if !here && paths.iter().any(|one| names(one, name, &paths)) {
            wrong.push(format!("names the crate {name}"));
        }
    }
    wrong.into_iter().map(|what| format!("{}: {what}", path.display())).collect()
}

/// A path, and in how many modules of its file it stands.
struct Named {
    /// Whether it begins with `::`.
    global: bool,
    parts: Vec<String>,
    inside: usize,
}

/// The room that a path leads to, if it leads out of a module of the crate's.
fn used(named: &Named, path: &Path) -> Option<String> {
    let parts: Vec<_> = named.parts.iter().map(String::as_str).collect();
    let parts = if parts[0] == "self" { &parts[1..] } else { &parts[..] };
    let rest = match parts {
        ["canonfuzz_typed", ..] => return Some("typed".to_string()),
        ["canonical_abi", ..] => return Some("abi".to_string()),
        ["component_interpreter", ..] => return Some("component".to_string()),
        ["crate" | "canonfuzz", rest @ ..] => rest,
        ["super", ..] => {
            let ups = parts.iter().take_while(|part| **part == "super").count();
            if ups < depth(path) + named.inside {
                return None;
            }
            &parts[ups..]
        }
        _ => return None,
    };
    let first = rest.first()?;
    let is_room = GROUND.contains(first) || ROOMS.iter().any(|(room, _)| room == first);
    is_room.then(|| first.to_string())
}

/// Whether a path begins with the crate of this name, and not with a module that is called like it.
fn names(named: &Named, name: &str, paths: &[Named]) -> bool {
    let imported = |other: &Named| {
        other.parts.len() > 1
            && ["crate", "super", "self", "canonfuzz"].contains(&other.parts[0].as_str())
            && other
                .parts
                .iter()
                .rev()
                .find(|part| *part != "self")
                .is_some_and(|last| last == name)
    };
    let begins = named.parts[0] == name && (named.global || named.parts.len() > 1);
    begins && (named.global || !paths.iter().any(imported))
}

/// Words before a path that are no part of it.
const KEYWORDS: [&str; 14] = [
    "use", "as", "in", "dyn", "impl", "mut", "where", "if", "else", "match", "return", "break",
    "move", "unsafe",
];

/// All paths in some tokens, those in braces of `use` with what is before these.
fn paths(tokens: TokenStream, inside: usize) -> Vec<Named> {
    let tokens: Vec<_> = tokens.into_iter().collect();
    let (mut found, mut at) = (Vec::new(), 0);
    while at < tokens.len() {
        match &tokens[at] {
            TokenTree::Ident(word) if KEYWORDS.contains(&word.to_string().as_str()) => at += 1,
            TokenTree::Ident(_) => {
                let (parts, next) = path(&tokens, at);
                let global = at >= 2 && is_colons(&tokens, at - 2);
                let group = next < tokens.len() && is_colons(&tokens, next);
                match tokens.get(next + 2) {
                    Some(TokenTree::Group(group_of)) if group => {
                        let ends = paths(group_of.stream(), inside);
                        found.extend(ends.into_iter().map(|end| Named {
                            global,
                            parts: [parts.clone(), end.parts].concat(),
                            inside,
                        }));
                        at = next + 3;
                    }
                    _ => {
                        found.push(Named { global, parts, inside });
                        at = next;
                    }
                }
            }
            TokenTree::Group(group) => {
                let is_module = group.delimiter() == Delimiter::Brace && is_module(&tokens, at);
                found.extend(paths(group.stream(), inside + usize::from(is_module)));
                at += 1;
            }
            TokenTree::Punct(_) | TokenTree::Literal(_) => at += 1,
        }
    }
    found
}

/// The names from `at` on that are joined by `::`, and where they end.
fn path(tokens: &[TokenTree], mut at: usize) -> (Vec<String>, usize) {
    let mut parts = vec![tokens[at].to_string()];
    at += 1;
    while is_colons(tokens, at)
        && let Some(TokenTree::Ident(part)) = tokens.get(at + 2)
    {
        parts.push(part.to_string());
        at += 3;
    }
    (parts, at)
}

fn is_colons(tokens: &[TokenTree], at: usize) -> bool {
    let colon = |at| matches!(tokens.get(at), Some(TokenTree::Punct(one)) if one.as_char() == ':');
    colon(at) && colon(at + 1)
}

/// Whether the braces at this place are those of a module.
fn is_module(tokens: &[TokenTree], at: usize) -> bool {
    at >= 2 && tokens[at - 2].to_string() == "mod"
}

/// How many modules a file is in: `src/a.rs` and `src/a/mod.rs` are in one.
fn depth(path: &Path) -> usize {
    let path = path.strip_prefix("src").unwrap();
    path.components().count() - usize::from(path.ends_with("mod.rs"))
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
    found.sort();
    found
}

/// The first part of a path below `src/`.
fn room(path: &Path) -> String {
    let path = path.strip_prefix("src").unwrap();
    let first = path.components().next().unwrap().as_os_str().to_str().unwrap();
    first.trim_end_matches(".rs").to_string()
}
