//! Where each value of a case lies, as its types and options have it.
//! Knows layout and flattening from `abi`, and decides nothing.

use super::timeline::guest_name;
use crate::abi::flatten::{Context, flatten_functype, flatten_type, flatten_types};
use crate::abi::layout::{Layout, alignment, elem_size, field_offsets};
use crate::abi::{CoreType, MAX_FLAT_PARAMS, MAX_FLAT_RESULTS, PtrType};
use crate::case::{Function, Shape, function_name};
use crate::types::{CASE, FIELD, PARAM, Type, positional, scalar};

/// Something inside a value of some type: its name and type, and where it lies.
pub(super) struct Part<'a> {
    pub name: String,
    pub ty: &'a Type,
    pub at: At,
}

/// Where a part lies, from the start of what it is part of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    Offset(u64),
    /// There, if the value is of this case.
    Payload {
        case: usize,
        offset: u64,
    },
    /// An element: one after the other.
    Each,
}

/// What the types of a shape say of layout and passing, a line for each part.
pub(super) fn lines(shape: &Shape) -> Vec<String> {
    let mut lines = Vec::new();
    for (number, guest) in shape.guests.iter().enumerate() {
        let view = View { guest: number, ptr: guest.ptr_type };
        let name = function_name(number);
        lines.push(String::new());
        lines.extend(view.function(name, "lifted", &guest.export, Context::Lift));
        if let Some(import) = &guest.import {
            let name = function_name(number + 1);
            lines.push(String::new());
            lines.extend(view.function(name, "lowered", import, Context::Lower));
        }
    }
    lines
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
        let mut lines = vec![format!("{name}, {direction} by {who}: {signature}")];
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
            return vec![format!("  {what}: none")];
        }
        let flat = flatten_types(types, self.ptr).len();
        let spilled = flat > max_flat;
        let passing = if spilled { "spilled into memory" } else { "passed flat" };
        let mut lines = vec![format!("  {what}: {flat} flat of at most {max_flat}, {passing}")];
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
        let mut lines = vec![format!("{indent}{name}: {}: {what}", ty.kind())];
        for part in parts(ty, self.ptr) {
            lines.extend(self.part(depth + 1, &part.name, part.ty, &part.at.text()));
        }
        lines
    }
}

impl At {
    fn text(self) -> String {
        match self {
            At::Offset(offset) => format!("offset {offset}"),
            At::Payload { offset, .. } => format!("payload at offset {offset}"),
            At::Each => "each".to_string(),
        }
    }
}

/// The parts of a value of this type. Cases without a payload are none; a list's and a map's are what lies
/// behind the pointer.
pub(super) fn parts(ty: &Type, ptr: PtrType) -> Vec<Part<'_>> {
    match ty {
        Type::Record(fields) => {
            let names = fields.iter().enumerate().map(|(i, field)| field.label.at(FIELD, i).into());
            fields_at(ptr, names, fields.iter().map(|field| &field.ty))
        }
        Type::Tuple(types) => fields_at(ptr, (0..types.len()).map(|i| i.to_string()), types.iter()),
        Type::Variant(cases) => {
            let names = cases.iter().enumerate().map(|(i, case)| case.label.at(CASE, i).into());
            let payloads = cases.iter().map(|case| case.ty.as_ref());
            payloads_at(ptr, ty, names.zip(payloads))
        }
        Type::Option(some) => {
            payloads_at(ptr, ty, [("none".to_string(), None), ("some".to_string(), Some(&**some))])
        }
        Type::Result(ok, error) => payloads_at(
            ptr,
            ty,
            [("ok".to_string(), ok.as_deref()), ("error".to_string(), error.as_deref())],
        ),
        Type::List(elem) | Type::FixedLengthList(elem, _) => {
            vec![Part { name: "element".to_string(), ty: elem, at: At::Each }]
        }
        Type::Map(key, value) => fields_at(
            ptr,
            ["key".to_string(), "value".to_string()].into_iter(),
            [&**key, &**value].into_iter(),
        ),
        scalar!() | Type::String | Type::Enum(_) | Type::Flags(_) | Type::Handle(_) => Vec::new(),
    }
}

fn fields_at<'a>(
    ptr: PtrType,
    names: impl Iterator<Item = String>,
    types: impl Iterator<Item = &'a Type> + Clone,
) -> Vec<Part<'a>> {
    let offsets = field_offsets(types.clone(), ptr);
    let parts = names.zip(types).zip(offsets);
    parts.map(|((name, ty), offset)| Part { name, ty, at: At::Offset(offset) }).collect()
}

/// Payloads all lie at one offset; cases without one are left out.
fn payloads_at<'a>(
    ptr: PtrType,
    ty: &'a Type,
    payloads: impl IntoIterator<Item = (String, Option<&'a Type>)>,
) -> Vec<Part<'a>> {
    let offset = Layout::of(ty, ptr).payload_offset();
    let part = |(case, (name, ty)): (usize, (String, Option<&'a Type>))| {
        Some(Part { name, ty: ty?, at: At::Payload { case, offset } })
    };
    payloads.into_iter().enumerate().filter_map(part).collect()
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
