//! The words for how the host calls and is called: each is printed and read here, side by side.
//! Knows nothing of the document around them.

use crate::case::Manner;
use crate::case::misuse::{Mistake, Misuse};
use crate::case::paths::{Api, Mode, Path};

/// The ways to call an export, after the functions of Wasmtime's interface.
const CALLS: [[&str; 3]; 2] = [
    ["call", "call-async", "call-concurrent"],
    ["typed-call", "typed-call-async", "typed-call-concurrent"],
];

/// The ways to define the function of an import.
const IMPORTS: [[&str; 3]; 2] = [
    ["func-new", "func-new-async", "func-new-concurrent"],
    ["func-wrap", "func-wrap-async", "func-wrap-concurrent"],
];

pub fn print_call_path(path: Path) -> String {
    print_path(path, &CALLS)
}

pub fn parse_call_path(text: &str) -> Result<Path, String> {
    parse_path(text, &CALLS)
}

pub fn print_import_path(path: Path) -> String {
    print_path(path, &IMPORTS)
}

pub fn parse_import_path(text: &str) -> Result<Path, String> {
    parse_path(text, &IMPORTS)
}

/// The number of the static types follows, where they are not the first.
fn print_path(path: Path, names: &[[&str; 3]; 2]) -> String {
    let mode = match path.mode {
        Mode::Sync => 0,
        Mode::Async => 1,
        Mode::Concurrent => 2,
    };
    match path.api {
        Api::Dynamic => names[0][mode].to_string(),
        Api::Typed(0) => names[1][mode].to_string(),
        Api::Typed(form) => format!("{} {form}", names[1][mode]),
    }
}

fn parse_path(text: &str, names: &[[&str; 3]; 2]) -> Result<Path, String> {
    let (name, form) = text.split_once(' ').unwrap_or((text, "0"));
    let form = form.parse().map_err(|_| format!("`{form}` is no number"))?;
    let apis = [Api::Dynamic, Api::Typed(form)].into_iter();
    let mut paths = apis.flat_map(|api| Mode::ALL.map(|mode| Path { api, mode }));
    paths.find(|path| print_path(*path, names) == text).ok_or_else(|| {
        let known = names.concat().join(", ");
        format!("no path is `{name}`: there are {known}")
    })
}

/// Nothing where it is as usual.
pub fn print_manner(manner: Manner) -> Option<String> {
    match manner {
        Manner::Once => None,
        Manner::Twice => Some("twice".to_string()),
        Manner::Misused(misuse) => Some(print_misuse(misuse)),
    }
}

pub fn parse_manner(text: &str) -> Result<Manner, String> {
    if text == "twice" { Ok(Manner::Twice) } else { parse_misuse(text).map(Manner::Misused) }
}

pub fn print_misuse(misuse: Misuse) -> String {
    match misuse {
        Misuse::ArgMissing => "arg-missing".to_string(),
        Misuse::ArgExtra => "arg-extra".to_string(),
        Misuse::ResultMissing => "result-missing".to_string(),
        Misuse::ResultExtra => "result-extra".to_string(),
        Misuse::Arg { node, mistake } => format!("arg {node} {}", mistake.name()),
        Misuse::Answer { node, mistake } => format!("answer {node} {}", mistake.name()),
        Misuse::Signature(number) => format!("signature {number}"),
    }
}

fn parse_misuse(text: &str) -> Result<Misuse, String> {
    let words: Vec<&str> = text.split(' ').collect();
    let unknown = || format!("the host cannot call `{text}`");
    let number = |word: &str| word.parse().map_err(|_| format!("`{word}` is no number that fits"));
    let mistake =
        |name: &str| Mistake::named(name).ok_or_else(|| format!("no mistake is `{name}`"));
    match words[..] {
        ["arg-missing"] => Ok(Misuse::ArgMissing),
        ["arg-extra"] => Ok(Misuse::ArgExtra),
        ["result-missing"] => Ok(Misuse::ResultMissing),
        ["result-extra"] => Ok(Misuse::ResultExtra),
        ["arg", node, name] => Ok(Misuse::Arg { node: number(node)?, mistake: mistake(name)? }),
        ["answer", node, name] => {
            Ok(Misuse::Answer { node: number(node)?, mistake: mistake(name)? })
        }
        ["signature", which] => Ok(Misuse::Signature(number(which)?)),
        _ => Err(unknown()),
    }
}
