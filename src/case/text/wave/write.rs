//! A value as WAVE, in the one spelling that is canonical.
//!
//! WAVE's own writer leaves out fields that are `none`, writes floats without exponents, and escapes
//! by Unicode tables that change with the compiler, so that what is canonical would change too.

use crate::types::{CASE, FIELD, FLAG, Field, Label, Type};
use crate::value::Value;

use super::flag;

/// A float in plain notation is at most this long; longer ones have an exponent.
const PLAIN_FLOAT: usize = 20;

/// These are shown as they are; all others are escaped. Fixed, so that text stays canonical when
/// Unicode grows.
const PLAIN_CHARS: [(char, char); 9] = [
    (' ', '~'),
    ('\u{a1}', '\u{ac}'),
    ('\u{ae}', '\u{2ff}'),
    ('\u{391}', '\u{3a1}'),
    ('\u{3a3}', '\u{3ff}'),
    ('\u{400}', '\u{481}'),
    ('\u{2190}', '\u{23f3}'),
    ('\u{2600}', '\u{26ff}'),
    ('\u{1f300}', '\u{1f320}'),
];

/// Labels that WAVE reads as something else, unless marked.
const KEYWORDS: [&str; 8] = ["true", "false", "some", "none", "ok", "err", "inf", "nan"];

pub fn print(value: &Value, ty: &Type) -> String {
    let mut out = String::new();
    write(value, ty, &mut out);
    out
}

fn write(value: &Value, ty: &Type, out: &mut String) {
    match (ty, value) {
        (Type::Bool, Value::Bool(value)) => *out += &value.to_string(),
        (Type::S8, Value::S8(value)) => *out += &value.to_string(),
        (Type::U8, Value::U8(value)) => *out += &value.to_string(),
        (Type::S16, Value::S16(value)) => *out += &value.to_string(),
        (Type::U16, Value::U16(value)) => *out += &value.to_string(),
        (Type::S32, Value::S32(value)) => *out += &value.to_string(),
        (Type::U32, Value::U32(value)) => *out += &value.to_string(),
        (Type::S64, Value::S64(value)) => *out += &value.to_string(),
        (Type::U64, Value::U64(value)) => *out += &value.to_string(),
        (Type::F32, Value::F32(bits)) => write_f32(f32::from_bits(*bits), out),
        (Type::F64, Value::F64(bits)) => write_f64(f64::from_bits(*bits), out),
        (Type::Char, Value::Char(value)) => write_quoted('\'', &value.to_string(), out),
        (Type::String, Value::String(text)) => write_quoted('"', &text.text, out),
        (Type::List(elem) | Type::FixedLengthList(elem, _), Value::List(values)) => {
            write_parts(["[", "]"], values, out, |value, out| write(value, elem, out));
        }
        (Type::List(_) | Type::FixedLengthList(..), Value::Bytes(bytes)) => {
            write_parts(["[", "]"], bytes, out, |byte, out| *out += &byte.to_string());
        }
        (Type::Record(fields), Value::Record(values)) => write_record(fields, values, out),
        (Type::Tuple(types), Value::Record(values)) => write_tuple(types, values, out),
        (Type::Variant(cases), Value::Variant(index, payload)) => {
            let label = nth(cases, *index).map(|case| &case.label);
            write_case(&name(label, CASE, *index), ty, *index, payload.as_deref(), out);
        }
        (Type::Enum(labels), Value::Variant(index, payload)) => {
            let label = nth(labels, *index);
            write_case(&name(label, CASE, *index), ty, *index, payload.as_deref(), out);
        }
        (Type::Option(_), Value::Variant(index, payload)) => {
            let name = nth(&["none", "some"], *index).unwrap_or(&"?");
            write_case(name, ty, *index, payload.as_deref(), out);
        }
        (Type::Result(..), Value::Variant(index, payload)) => {
            let name = nth(&["ok", "err"], *index).unwrap_or(&"?");
            write_case(name, ty, *index, payload.as_deref(), out);
        }
        (Type::Flags(labels), Value::Flags(bits)) => write_flags(labels, *bits, out),
        (Type::Handle(_), Value::Handle(number)) => *out += &number.to_string(),
        (Type::Map(key, value), Value::List(entries)) => {
            write_parts(["[", "]"], entries, out, |entry, out| write_entry(entry, key, value, out));
        }
        (_, _) => out.push('?'),
    }
}

fn write_f32(value: f32, out: &mut String) {
    *out += &float(value.is_nan(), value.to_string(), format!("{value:e}"));
}

fn write_f64(value: f64, out: &mut String) {
    *out += &float(value.is_nan(), value.to_string(), format!("{value:e}"));
}

fn float(nan: bool, plain: String, exponent: String) -> String {
    if nan {
        "nan".to_string()
    } else if plain.len() <= PLAIN_FLOAT {
        plain
    } else {
        exponent
    }
}

fn write_quoted(quote: char, text: &str, out: &mut String) {
    out.push(quote);
    for c in text.chars() {
        match c {
            '\t' => *out += "\\t",
            '\n' => *out += "\\n",
            '\r' => *out += "\\r",
            c if c == quote || c == '\\' => out.extend(['\\', c]),
            c if is_plain(c) => out.push(c),
            c => *out += &format!("\\u{{{:x}}}", u32::from(c)),
        }
    }
    out.push(quote);
}

fn is_plain(c: char) -> bool {
    PLAIN_CHARS.iter().any(|(first, last)| (*first..=*last).contains(&c))
}

fn write_parts<T>(
    [open, close]: [&str; 2],
    parts: impl IntoIterator<Item = T>,
    out: &mut String,
    mut write: impl FnMut(T, &mut String),
) {
    *out += open;
    for (position, part) in parts.into_iter().enumerate() {
        if position > 0 {
            *out += ", ";
        }
        write(part, out);
    }
    *out += close;
}

fn write_record(fields: &[Field], values: &[Value], out: &mut String) {
    let parts = fields.iter().zip(values).enumerate();
    write_parts(["{", "}"], parts, out, |(position, (field, value)), out| {
        *out += &field.label.at(FIELD, position);
        *out += ": ";
        write(value, &field.ty, out);
    });
}

fn write_tuple<'a>(types: impl IntoIterator<Item = &'a Type>, values: &[Value], out: &mut String) {
    let parts = types.into_iter().zip(values);
    write_parts(["(", ")"], parts, out, |(ty, value), out| write(value, ty, out));
}

fn write_entry(entry: &Value, key: &Type, value: &Type, out: &mut String) {
    if let Value::Record(values) = entry {
        write_tuple([key, value], values, out);
    } else {
        out.push('?');
    }
}

fn write_case(name: &str, ty: &Type, index: u32, payload: Option<&Value>, out: &mut String) {
    *out += name;
    if let (Some(Some(ty)), Some(payload)) = (ty.payload(index), payload) {
        write_parts(["(", ")"], [payload], out, |payload, out| write(payload, ty, out));
    }
}

fn nth<T>(items: &[T], index: u32) -> Option<&T> {
    items.get(usize::try_from(index).ok()?)
}

fn name(label: Option<&Label>, letter: char, index: u32) -> String {
    let Some(label) = label else {
        return "?".to_string();
    };
    let name = label.at(letter, usize::try_from(index).unwrap_or(usize::MAX));
    if KEYWORDS.contains(&&*name) { format!("%{name}") } else { name.into_owned() }
}

fn write_flags(labels: &[Label], bits: u32, out: &mut String) {
    let set = labels.iter().enumerate().filter(|(position, _)| bits & flag(*position) != 0);
    write_parts(["{", "}"], set, out, |(position, label), out| *out += &label.at(FLAG, position));
}
