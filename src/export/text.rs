//! Lines of text in the WebAssembly text format.
//! Knows nothing of what they say.

use crate::abi::{Core, CoreFuncType, CoreType, PtrType};

/// Lines that are not indented yet, but against each other.
pub type Lines = Vec<String>;

/// The instruction of a guest that traps.
pub const TRAP: &str = "(unreachable)";

/// One step to the right.
pub fn indented(lines: Lines) -> impl Iterator<Item = String> {
    lines.into_iter().map(|line| if line.is_empty() { line } else { format!("  {line}") })
}

/// An expression that begins with `head` and holds these lines.
pub fn block(head: &str, inside: Lines) -> Lines {
    let mut lines = vec![format!("({head}")];
    lines.extend(indented(inside));
    let last = lines.last_mut().expect("there is the head");
    // A parenthesis behind a comment would be part of it.
    if last.contains(";;") {
        lines.push(")".to_string())
    } else {
        last.push(')')
    }
    lines
}

pub fn joined(lines: &Lines) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// A comment that is folded to lines.
pub fn comment(text: &str) -> Lines {
    const WIDTH: usize = 96;
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > WIDTH {
            lines.push(format!(";; {line}"));
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(format!(";; {line}"));
    lines
}

pub fn name(ty: CoreType) -> &'static str {
    match ty {
        CoreType::I32 => "i32",
        CoreType::I64 => "i64",
        CoreType::F32 => "f32",
        CoreType::F64 => "f64",
    }
}

/// The type of addresses.
pub fn pointer(ptr_type: PtrType) -> &'static str {
    name(ptr_type.core_type())
}

/// An address, or a size.
pub fn address(ptr_type: PtrType, at: u64) -> String {
    format!("({}.const {at})", pointer(ptr_type))
}

/// A constant of these bits.
pub fn constant(value: Core) -> String {
    match value {
        Core::I32(bits) => format!("(i32.const {})", number(u64::from(bits))),
        Core::I64(bits) => format!("(i64.const {})", number(bits)),
        Core::F32(bits) => format!("(f32.const {})", float32(bits)),
        Core::F64(bits) => format!("(f64.const {})", float64(bits)),
    }
}

/// Small numbers as people count, others by their digits in memory.
pub fn number(bits: u64) -> String {
    const COUNTED: u64 = 0x10000;
    if bits <= COUNTED { bits.to_string() } else { format!("0x{bits:x}") }
}

pub fn float32(bits: u32) -> String {
    let float = f32::from_bits(bits);
    let payload = u64::from(bits & 0x007f_ffff);
    finite(float.is_nan().then_some(payload), bits >> 31 == 1, &format!("{float:?}"))
}

pub fn float64(bits: u64) -> String {
    let float = f64::from_bits(bits);
    let payload = bits & 0x000f_ffff_ffff_ffff;
    finite(float.is_nan().then_some(payload), bits >> 63 == 1, &format!("{float:?}"))
}

fn finite(nan: Option<u64>, negative: bool, text: &str) -> String {
    let Some(payload) = nan else { return text.to_string() };
    format!("{}nan:0x{payload:x}", if negative { "-" } else { "" })
}

/// `(param i32 i32) (result i32)`, with a space before each.
pub fn signature(ty: &CoreFuncType) -> String {
    let of = |word: &str, types: &[CoreType]| {
        let names: Vec<_> = types.iter().copied().map(name).collect();
        if names.is_empty() { String::new() } else { format!(" ({word} {})", names.join(" ")) }
    };
    of("param", &ty.params) + &of("result", &ty.results)
}

/// Bytes between quotes.
pub fn bytes(bytes: &[u8]) -> String {
    let byte = |byte: &u8| match byte {
        b'"' | b'\\' => format!("\\{}", char::from(*byte)),
        b' '..=b'~' => char::from(*byte).to_string(),
        other => format!("\\{other:02x}"),
    };
    format!("\"{}\"", bytes.iter().map(byte).collect::<String>())
}

/// A text between quotes: what cannot be seen is escaped.
pub fn string(text: &str) -> String {
    let character = |c: char| match c {
        '"' | '\\' => format!("\\{c}"),
        c if c.is_alphanumeric() || c.is_ascii_graphic() || c == ' ' => c.to_string(),
        c if is_symbol(c) => c.to_string(),
        c => format!("\\u{{{:x}}}", u32::from(c)),
    };
    format!("\"{}\"", text.chars().map(character).collect::<String>())
}

/// Arrows, shapes, pictures: visible, and not written from right to left.
fn is_symbol(c: char) -> bool {
    matches!(c, '\u{2190}'..='\u{27bf}' | '\u{1f300}'..='\u{1faff}')
}
