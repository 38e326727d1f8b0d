//! The specification can be read: a function marked `Spec:` does what the specification's does, and has at
//! most one line that only deviations and notes need.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The functions that have more such lines, and how many: what is still to be done.
const EXCEPTIONS: &[(&str, usize)] = &[
    // What a deviation takes for what, and what comes before what, is all in one place, which has to be
    // asked at each step.
    ("src/canonical-abi/canon.rs: canon_lift", 3),
    ("src/canonical-abi/canon.rs: canon_lower_returned", 2),
    ("src/canonical-abi/canon.rs: lift_result", 3),
    // Whether a slot is free decides what is asked before it is taken, and what is told afterwards.
    ("src/canonical-abi/handle.rs: add", 2),
    // What one writes may be undone.
    ("src/component/guest.rs: realloc", 3),
];

/// What a line has that is ours. That of `trap_if` is the specification's.
const OURS: &[&str] = &[
    "deviations::",
    "deviates(",
    "values::",
    "adapter::",
    "reach",
    "waives(",
    "watch()",
    "seen.",
    "::begin(",
    "begin_",
    "note_",
    "Deviation::",
    "mistake",
    "store_result_in",
    "kept",
    "put_back",
];

/// What a line has that is the specification's whatever else it has.
const SPECIFIED: &[&str] = &["trap_if(", "Cx {", "Subtask {", "//", "unreachable!("];

#[test]
fn a_function_of_the_specification_has_at_most_one_line_that_is_ours() {
    let (mut found, mut functions) = (BTreeMap::new(), 0);
    for path in
        ["src/canonical-abi", "src/component"].iter().flat_map(|dir| sources(Path::new(dir)))
    {
        let text = fs::read_to_string(&path).unwrap();
        for (name, body) in specified(&text) {
            functions += 1;
            let ours = body.iter().filter(is_ours).count();
            if ours > 1 {
                found.insert(format!("{}: {name}", path.display()), ours);
            }
        }
    }
    let expected = EXCEPTIONS.iter().map(|(name, ours)| (name.to_string(), *ours)).collect();
    assert_eq!(found, expected, "of {functions} functions");
    assert!(functions > 100, "{functions} functions are not all of them");
}

#[test]
fn lines_that_are_ours_are_told_from_those_of_the_specification() {
    let text = "
        /// Spec: `f`.
        #[inline]
        fn f(cx: &mut Cx) -> u64 {
            cx.trap_if(Rule::LoadNoCase, cx.deviates())?;
            cx.reach(Rule::LoadPayload);
            // deviates
            if cx.deviates(Deviation::LentForever) {
                return 0;
            }
            1
        }

        /// No such function.
        fn g(cx: &mut Cx) {
            cx.reach(Rule::LoadPayload);
        }
    ";
    let specified = specified(text);
    assert_eq!(specified.len(), 1);
    let (name, body) = &specified[0];
    assert_eq!((name.as_str(), body.len()), ("f", 7));
    assert_eq!(body.iter().filter(is_ours).count(), 2);
}

/// The functions whose documentation says `Spec:`, each with the lines of its body.
fn specified(text: &str) -> Vec<(String, Vec<&str>)> {
    let lines: Vec<&str> = text.lines().take_while(|line| *line != "#[cfg(test)]").collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let above = lines[..at].iter().rev().map(|line| line.trim_start());
        let mut above = above.take_while(|line| line.starts_with("///") || line.starts_with("#["));
        let Some((_, rest)) =
            line.split_once("fn ").filter(|_| !line.trim_start().starts_with("//"))
        else {
            continue;
        };
        if above.any(|line| line.contains("Spec: ")) {
            let name = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            let indent = line.len() - line.trim_start().len();
            let end = format!("{}}}", " ".repeat(indent));
            let body = lines[at + 1..].iter().take_while(|line| **line != end);
            found.push((name, body.copied().collect()));
        }
    }
    found
}

fn is_ours(line: &&&str) -> bool {
    let has = |words: &[&str]| words.iter().any(|word| line.contains(word));
    has(OURS) && !has(SPECIFIED)
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("tests") {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
    found
}
