//! The words for what guest and host do: each is printed and read here, side by side.
//! Knows nothing of the document around them.

use crate::abi::{BuiltIn, StringEncoding};
use crate::case::{Act, Answer, BuiltInCall, Chunk, End, Entry, Patch, Pointer, Resource, Turn};
use crate::types::{self, RESOURCE, Type, resource_name};
use crate::value::Value;

use super::wave;

/// Longer memory is broken into lines of this many bytes.
const BYTES_PER_LINE: usize = 32;

pub fn parse_string_encoding(text: &str) -> Result<StringEncoding, String> {
    let named = StringEncoding::ALL.into_iter().find(|encoding| encoding.name() == text);
    named.ok_or_else(|| format!("expected utf8, utf16 or latin1+utf16, found `{text}`"))
}

/// What is between the acts of a turn, and between them and its end.
const THEN: &str = "; ";

/// The acts of a turn and how it ends, one after the other. One that is plain is a word alone.
pub fn print_turn(entry: Entry, turn: &Turn) -> String {
    let mut words: Vec<String> = turn.acts.iter().filter_map(print_act).collect();
    if turn.end != End::Plain || words.is_empty() {
        words.extend(print_end(entry, &turn.end));
    }
    words.join(THEN)
}

pub fn parse_turn(entry: Entry, text: &str) -> Result<Turn, String> {
    let mut words: Vec<&str> = text.split(THEN).collect();
    let end = words.last().and_then(|last| parse_end(entry, last).transpose()).transpose()?;
    if end.is_some() {
        words.pop();
    }
    let acts = words
        .into_iter()
        .map(|word| parse_act(word)?.ok_or_else(|| format!("{} cannot `{word}`", entry.name())));
    Ok(Turn { acts: acts.collect::<Result<_, _>>()?, end: end.unwrap_or(End::Plain) })
}

/// Nothing for a call of the import that passes something, which is a table.
pub fn print_act(act: &Act) -> Option<String> {
    match act {
        Act::Import(_) => None,
        Act::Leave => Some("import".to_string()),
        Act::BuiltIn(built_in) => Some(print_built_in(*built_in)),
        Act::Grow(pages) => Some(format!("grow {pages}")),
    }
}

/// Nothing where it is no act at all.
pub fn parse_act(text: &str) -> Result<Option<Act>, String> {
    match text.split_once(' ').unwrap_or((text, "")) {
        ("import", "") => Ok(Some(Act::Leave)),
        ("grow", pages) => number(pages).map(|pages| Some(Act::Grow(pages))),
        (_, _) if is_built_in(text) => parse_built_in(text).map(|call| Some(Act::BuiltIn(call))),
        (_, _) => Ok(None),
    }
}

/// Nothing where the function returns something, which is a table.
fn print_end(entry: Entry, end: &End) -> Option<String> {
    match end {
        End::Plain => Some(plain(entry).to_string()),
        End::Return(_) => None,
        End::Answer(pointer) => Some(print_pointer(*pointer)),
        End::Trap => Some("trap".to_string()),
    }
}

/// Nothing where it is none of this entry's.
fn parse_end(entry: Entry, text: &str) -> Result<Option<End>, String> {
    if text == plain(entry) {
        return Ok(Some(End::Plain));
    }
    if text == "trap" {
        return Ok(Some(End::Trap));
    }
    match entry {
        Entry::Realloc => parse_pointer(text).map(|pointer| pointer.map(End::Answer)),
        Entry::Function | Entry::PostReturn | Entry::Destructor => Ok(None),
    }
}

/// The word for a turn that is as it should be.
fn plain(entry: Entry) -> &'static str {
    match entry {
        Entry::Realloc => "bump",
        Entry::Function | Entry::PostReturn | Entry::Destructor => "nothing",
    }
}

fn print_pointer(pointer: Pointer) -> String {
    match pointer {
        Pointer::Forget => "forget".to_string(),
        Pointer::At(at) => format!("at {at:#x}"),
        Pointer::AtEnd(beyond) => format!("end {beyond}"),
        Pointer::Old => "old".to_string(),
        Pointer::Skew(by) => format!("skew {by}"),
    }
}

fn parse_pointer(text: &str) -> Result<Option<Pointer>, String> {
    Ok(Some(match text.split_once(' ').unwrap_or((text, "")) {
        ("forget", "") => Pointer::Forget,
        ("at", at) => Pointer::At(number(at)?),
        ("end", beyond) => Pointer::AtEnd(number(beyond)?),
        ("old", "") => Pointer::Old,
        ("skew", by) => Pointer::Skew(number(by)?),
        (_, _) => return Ok(None),
    }))
}

fn print_built_in(BuiltInCall { which, of, operand }: BuiltInCall) -> String {
    format!("{} {} {operand}", which.name(), resource_name(of))
}

/// Whether this is meant to be a built-in: nothing else has a dot in its name.
fn is_built_in(text: &str) -> bool {
    text.split(' ').next().is_some_and(|name| name.contains('.'))
}

fn parse_built_in(text: &str) -> Result<BuiltInCall, String> {
    let words: Vec<&str> = text.split(' ').collect();
    let [name, resource, operand] = words[..] else {
        return Err(format!("expected a built-in, a resource and a number, found `{text}`"));
    };
    let of = parse_resource(resource)?;
    let known = BuiltIn::named(name).filter(|which| BuiltIn::OF_RESOURCES.contains(which));
    let which = known.ok_or_else(|| format!("no built-in is `{name}`"))?;
    Ok(BuiltInCall { which, of, operand: number(operand)? })
}

fn parse_resource(text: &str) -> Result<types::Resource, String> {
    let number = text.strip_prefix(RESOURCE).and_then(|number| number.parse().ok());
    let number = number.filter(|number| resource_name(*number) == text);
    number.ok_or_else(|| format!("no resource is `{text}`"))
}

/// Nothing where the next guest answers: its script says how.
pub fn print_answer(answer: &Answer, result: Option<&Type>) -> Option<String> {
    match answer {
        Answer::Guest => None,
        Answer::Return(value) => Some(format!("return{}", print_result(value.as_ref(), result))),
        Answer::Error => Some("error".to_string()),
        Answer::Reenter(value) => Some(format!("reenter{}", print_result(value.as_ref(), result))),
    }
}

fn print_result(value: Option<&Value>, ty: Option<&Type>) -> String {
    match (value, ty) {
        (Some(value), Some(ty)) => format!(" {}", wave::print(value, ty)),
        (Some(_), None) => " ?".to_string(),
        (None, _) => String::new(),
    }
}

pub fn parse_answer(text: &str, result: Option<&Type>) -> Result<Answer, String> {
    match text.split_once(' ').unwrap_or((text, "")) {
        ("return", value) => parse_result(value, result).map(Answer::Return),
        ("error", "") => Ok(Answer::Error),
        ("reenter", value) => parse_result(value, result).map(Answer::Reenter),
        (_, _) => Err(format!("the host cannot `{text}`")),
    }
}

fn parse_result(text: &str, ty: Option<&Type>) -> Result<Option<Value>, String> {
    match ty {
        Some(ty) => wave::parse(text, ty).map(Some),
        None if text.is_empty() => Ok(None),
        None => Err(format!("expected no result, found `{text}`")),
    }
}

pub fn print_resource(resource: Resource) -> String {
    match resource {
        Resource::Host => "host".to_string(),
        Resource::Guest { by: 0, .. } => "guest".to_string(),
        Resource::Guest { by, .. } => format!("guest {by}"),
    }
}

/// The number of the guest that defines it; none does for one of the host's.
pub fn parse_definer(text: &str) -> Result<Option<u32>, String> {
    let further = text.strip_prefix("guest ").and_then(|number| number.parse().ok());
    match (text, further) {
        ("host", _) => Ok(None),
        ("guest", _) => Ok(Some(0)),
        (_, Some(by)) if format!("guest {by}") == text && by > 0 => Ok(Some(by)),
        (_, _) => Err(format!("expected host, guest, or guest 1 and so on, found `{text}`")),
    }
}

pub fn print_patch(patch: &Patch) -> String {
    match patch {
        Patch::Flat { index, bits } => format!("flat {index} = {}", print_word(*bits)),
        Patch::Memory(chunk) => format!("memory {}", print_chunk(chunk)),
    }
}

pub fn parse_patch(text: &str) -> Result<Patch, String> {
    match text.split_once(' ') {
        Some(("flat", flat)) => {
            let (index, bits) = assignment(flat)?;
            Ok(Patch::Flat { index: number(index)?, bits: number(bits)? })
        }
        Some(("memory", chunk)) => parse_chunk(chunk).map(Patch::Memory),
        Some(_) | None => Err(format!("no patch is `{text}`")),
    }
}

pub fn print_word(bits: u64) -> String {
    format!("{bits:#x}")
}

pub fn parse_word(text: &str) -> Result<u64, String> {
    number(text)
}

pub fn print_chunk(chunk: &Chunk) -> String {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let lines: Vec<String> = chunk.bytes.chunks(BYTES_PER_LINE).map(hex).collect();
    let space = if lines.len() > 1 { "\n    " } else { " " };
    format!("{:#x} ={space}{}", chunk.at, lines.join("\n    "))
}

pub fn parse_chunk(text: &str) -> Result<Chunk, String> {
    let (at, hex) = assignment(text)?;
    let digits: Vec<char> = hex.chars().filter(|c| !c.is_whitespace()).collect();
    let bytes = digits.chunks(2).map(byte).collect::<Option<_>>();
    Ok(Chunk { at: number(at)?, bytes: bytes.ok_or("expected two hex digits for each byte")? })
}

fn byte(digits: &[char]) -> Option<u8> {
    let [high, low] = digits else { return None };
    u8::try_from(high.to_digit(16)? * 16 + low.to_digit(16)?).ok()
}

fn assignment(text: &str) -> Result<(&str, &str), String> {
    let (place, what) = text.split_once('=').ok_or_else(|| format!("`{text}` lacks a `=`"))?;
    Ok((place.trim(), what.trim()))
}

fn number<T: TryFrom<u64>>(text: &str) -> Result<T, String> {
    let number = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    let number = number.ok().and_then(|number| T::try_from(number).ok());
    number.ok_or_else(|| format!("`{text}` is no number that fits"))
}
