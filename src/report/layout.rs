//! A case for its reader: types, options, and where each value lies.
//! Knows layout and flattening from `abi`, and decides nothing.

use super::timeline::guest_name;
use crate::abi::flatten::{Context, flatten_functype, flatten_type, flatten_types};
use crate::abi::layout::{Layout, alignment, elem_size, field_offsets};
use crate::abi::{CoreType, MAX_FLAT_PARAMS, MAX_FLAT_RESULTS, PtrType};
use crate::case::check::kind;
use crate::case::text::{CaseFile, print};
use crate::case::{Function, function_name};
use crate::types::{CASE, FIELD, PARAM, Type, positional};

/// The case file, and what follows from its types.
pub fn show(file: &CaseFile) -> String {
    let mut lines = vec![print(file).trim_end().to_string(), String::new()];
    lines.push("# Layout, as the spec has it (sizes and offsets in bytes):".into());
    for (number, guest) in file.case.shape.guests.iter().enumerate() {
        let view = View { guest: number, ptr: guest.ptr_type };
        let name = function_name(number);
        lines.extend(view.function(name, "lifted", &guest.export, Context::Lift));
        if let Some(import) = &guest.import {
            let name = function_name(number + 1);
            lines.extend(view.function(name, "lowered", import, Context::Lower));
        }
    }
    lines.join("\n")
}

/// Whose memory it is about.
#[derive(Clone, Copy)]
struct View {
    guest: usize,
    ptr: PtrType,
}

impl View {
    fn who(self) -> String {
        let pointers = match self.ptr {
            PtrType::I32 => "",
            PtrType::I64 => ", with 64-bit pointers",
        };
        format!("{}{pointers}", guest_name(self.guest))
    }

    fn function(
        self,
        name: &str,
        direction: &str,
        function: &Function,
        context: Context,
    ) -> Vec<String> {
        let core = flatten_functype(&function.ty, self.ptr, context);
        let signature =
            format!("({}) -> ({})", core_types(&core.params), core_types(&core.results));
        let who = self.who();
        let mut lines = vec![format!("#\n# {name}, {direction} by {who}: {signature}")];
        let params = &function.ty.params;
        let names: Vec<_> = (0..params.len()).map(|i| positional(PARAM, i)).collect();
        lines.extend(self.values("params", &names, params, MAX_FLAT_PARAMS));
        let results = function.ty.results();
        lines.extend(self.values("result", &["result".to_string()], results, MAX_FLAT_RESULTS));
        lines
    }

    /// The params or the result: each with its place, and below it the places of its parts.
    fn values(self, what: &str, names: &[String], types: &[Type], max_flat: usize) -> Vec<String> {
        if types.is_empty() {
            return vec![format!("#   {what}: none")];
        }
        let flat = flatten_types(types, self.ptr).len();
        let spilled = flat > max_flat;
        let passing = if spilled { "spilled into memory" } else { "passed flat" };
        let mut lines = vec![format!("#   {what}: {flat} flat of at most {max_flat}, {passing}")];
        let offsets = field_offsets(types, self.ptr);
        let mut index = 0;
        for ((name, ty), offset) in names.iter().zip(types).zip(offsets) {
            let end = index + flatten_type(ty, self.ptr).len();
            let place =
                if spilled { format!("offset {offset}") } else { format!("flat {index}..{end}") };
            lines.extend(self.part(2, name, ty, &place));
            index = end;
        }
        lines
    }

    /// One type and, indented, those inside it, at offsets from its own start.
    fn part(self, depth: usize, name: &str, ty: &Type, place: &str) -> Vec<String> {
        let (size, align) = (elem_size(ty, self.ptr), alignment(ty, self.ptr));
        let flat = core_types(&flatten_type(ty, self.ptr));
        let indent = "  ".repeat(depth);
        let what = format!("{place}, size {size}, align {align}, flat [{flat}]");
        let mut lines = vec![format!("# {indent}{name}: {}: {what}", kind(ty))];
        for (name, inner, place) in self.parts(ty) {
            lines.extend(self.part(depth + 1, &name, inner, &place));
        }
        lines
    }

    fn parts(self, ty: &Type) -> Vec<(String, &Type, String)> {
        match ty {
            Type::Record(fields) => {
                let names =
                    fields.iter().enumerate().map(|(i, field)| field.label.at(FIELD, i).into());
                self.fields_at(names, fields.iter().map(|field| &field.ty))
            }
            Type::Tuple(types) => {
                self.fields_at((0..types.len()).map(|i| i.to_string()), types.iter())
            }
            Type::Variant(cases) => {
                let names = cases.iter().enumerate().map(|(i, case)| case.label.at(CASE, i).into());
                let payloads = cases.iter().map(|case| case.ty.as_ref());
                self.payloads_at(ty, names.zip(payloads))
            }
            Type::Option(some) => self.payloads_at(ty, [("some".to_string(), Some(&**some))]),
            Type::Result(ok, error) => self.payloads_at(
                ty,
                [("ok".to_string(), ok.as_deref()), ("error".to_string(), error.as_deref())],
            ),
            Type::List(elem) | Type::FixedLengthList(elem, _) => {
                vec![("element".to_string(), elem, "each".to_string())]
            }
            Type::Map(key, value) => self.fields_at(
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
        self,
        names: impl Iterator<Item = String>,
        types: impl Iterator<Item = &'a Type> + Clone,
    ) -> Vec<(String, &'a Type, String)> {
        let offsets = field_offsets(types.clone(), self.ptr);
        let places = offsets.into_iter().map(|offset| format!("offset {offset}"));
        names.zip(types).zip(places).map(|((name, ty), place)| (name, ty, place)).collect()
    }

    /// Payloads all lie at one offset; cases without one are left out.
    fn payloads_at<'a>(
        self,
        ty: &'a Type,
        payloads: impl IntoIterator<Item = (String, Option<&'a Type>)>,
    ) -> Vec<(String, &'a Type, String)> {
        let place = format!("payload at offset {}", Layout::of(ty, self.ptr).payload_offset());
        let payloads = payloads.into_iter();
        payloads.filter_map(|(name, ty)| Some((name, ty?, place.clone()))).collect()
    }
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
