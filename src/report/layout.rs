//! A case for its reader: types, options, and where each value lies.
//! Knows layout and flattening from `abi`, and decides nothing.

use crate::abi::flatten::{Context, flatten_functype, flatten_type, flatten_types};
use crate::abi::layout::{Layout, alignment, elem_size, field_offsets};
use crate::abi::{CoreType, MAX_FLAT_PARAMS, MAX_FLAT_RESULTS, PtrType};
use crate::case::Function;
use crate::case::check::kind;
use crate::case::text::{CaseFile, print};
use crate::encode::{EXPORT, IMPORT};
use crate::types::{CASE, FIELD, PARAM, Type, positional};

/// The case file, and what follows from its types.
pub fn show(file: &CaseFile) -> String {
    let shape = &file.case.shape;
    let mut lines = vec![print(file).trim_end().to_string(), String::new()];
    lines
        .push("# Layout, as the spec has it (sizes and offsets in bytes, 32-bit pointers):".into());
    lines.extend(function(EXPORT, "lifted", &shape.guests[0].export, Context::Lift));
    if let Some(import) = &shape.guests[0].import {
        lines.extend(function(IMPORT, "lowered", import, Context::Lower));
    }
    lines.join("\n")
}

fn function(name: &str, direction: &str, function: &Function, context: Context) -> Vec<String> {
    let core = flatten_functype(&function.ty, PtrType::I32, context);
    let signature = format!("({}) -> ({})", core_types(&core.params), core_types(&core.results));
    let mut lines = vec![format!("#\n# {name}, {direction}: {signature}")];
    let params = &function.ty.params;
    let names: Vec<_> = (0..params.len()).map(|i| positional(PARAM, i)).collect();
    lines.extend(values("params", &names, params, MAX_FLAT_PARAMS));
    let results = function.ty.results();
    lines.extend(values("result", &["result".to_string()], results, MAX_FLAT_RESULTS));
    lines
}

/// The params or the result: each with its place, and below it the places of its parts.
fn values(what: &str, names: &[String], types: &[Type], max_flat: usize) -> Vec<String> {
    if types.is_empty() {
        return vec![format!("#   {what}: none")];
    }
    let flat = flatten_types(types, PtrType::I32).len();
    let spilled = flat > max_flat;
    let passing = if spilled { "spilled into memory" } else { "passed flat" };
    let mut lines = vec![format!("#   {what}: {flat} flat of at most {max_flat}, {passing}")];
    let offsets = field_offsets(types, PtrType::I32);
    let mut index = 0;
    for ((name, ty), offset) in names.iter().zip(types).zip(offsets) {
        let end = index + flatten_type(ty, PtrType::I32).len();
        let place =
            if spilled { format!("offset {offset}") } else { format!("flat {index}..{end}") };
        lines.extend(part(2, name, ty, &place));
        index = end;
    }
    lines
}

/// One type and, indented, those inside it, at offsets from its own start.
fn part(depth: usize, name: &str, ty: &Type, place: &str) -> Vec<String> {
    let (size, align) = (elem_size(ty, PtrType::I32), alignment(ty, PtrType::I32));
    let flat = core_types(&flatten_type(ty, PtrType::I32));
    let indent = "  ".repeat(depth);
    let what = format!("{place}, size {size}, align {align}, flat [{flat}]");
    let mut lines = vec![format!("# {indent}{name}: {}: {what}", kind(ty))];
    for (name, inner, place) in parts(ty) {
        lines.extend(part(depth + 1, &name, inner, &place));
    }
    lines
}

fn parts(ty: &Type) -> Vec<(String, &Type, String)> {
    match ty {
        Type::Record(fields) => {
            let names = fields.iter().enumerate().map(|(i, field)| field.label.at(FIELD, i).into());
            fields_at(names, fields.iter().map(|field| &field.ty))
        }
        Type::Tuple(types) => fields_at((0..types.len()).map(|i| i.to_string()), types.iter()),
        Type::Variant(cases) => {
            let names = cases.iter().enumerate().map(|(i, case)| case.label.at(CASE, i).into());
            let payloads = cases.iter().map(|case| case.ty.as_ref());
            payloads_at(ty, names.zip(payloads))
        }
        Type::Option(some) => payloads_at(ty, [("some".to_string(), Some(&**some))]),
        Type::Result(ok, error) => payloads_at(
            ty,
            [("ok".to_string(), ok.as_deref()), ("error".to_string(), error.as_deref())],
        ),
        Type::List(elem) | Type::FixedLengthList(elem, _) => {
            vec![("element".to_string(), elem, "each".to_string())]
        }
        Type::Map(key, value) => fields_at(
            ["key".to_string(), "value".to_string()].into_iter(),
            [&**key, &**value].into_iter(),
        ),
        Type::Bool
        | Type::S8
        | Type::U8
        | Type::S16
        | Type::U16
        | Type::S32
        | Type::U32
        | Type::S64
        | Type::U64
        | Type::F32
        | Type::F64
        | Type::Char
        | Type::String
        | Type::Enum(_)
        | Type::Flags(_)
        | Type::Handle(_) => Vec::new(),
    }
}

fn fields_at<'a>(
    names: impl Iterator<Item = String>,
    types: impl Iterator<Item = &'a Type> + Clone,
) -> Vec<(String, &'a Type, String)> {
    let offsets = field_offsets(types.clone(), PtrType::I32);
    let places = offsets.into_iter().map(|offset| format!("offset {offset}"));
    names.zip(types).zip(places).map(|((name, ty), place)| (name, ty, place)).collect()
}

/// Payloads all lie at one offset; cases without one are left out.
fn payloads_at<'a>(
    ty: &'a Type,
    payloads: impl IntoIterator<Item = (String, Option<&'a Type>)>,
) -> Vec<(String, &'a Type, String)> {
    let place = format!("payload at offset {}", Layout::of(ty, PtrType::I32).payload_offset());
    let payloads = payloads.into_iter();
    payloads.filter_map(|(name, ty)| Some((name, ty?, place.clone()))).collect()
}

fn core_types(types: &[CoreType]) -> String {
    let name = |ty: &CoreType| match ty {
        CoreType::I32 => "i32",
        CoreType::I64 => "i64",
        CoreType::F32 => "f32",
        CoreType::F64 => "f64",
    };
    types.iter().map(name).collect::<Vec<_>>().join(" ")
}
