//! A world, in the one spelling that is canonical.

use std::collections::BTreeMap;

use crate::case::text::quote::{WIDTH, fill};
use crate::case::{Shape, function_name};
use crate::types::{
    CASE, FIELD, FLAG, Field, FuncType, Handle, Label, PARAM, RESOURCE, Type, scalar,
};
use crate::types::{VariantCase, positional, resource_name};

/// Names that WIT reads as something else, unless marked.
const KEYWORDS: [&str; 44] = [
    "as",
    "async",
    "bool",
    "borrow",
    "char",
    "constructor",
    "enum",
    "error-context",
    "export",
    "f32",
    "f64",
    "flags",
    "from",
    "func",
    "future",
    "import",
    "include",
    "interface",
    "list",
    "map",
    "option",
    "own",
    "package",
    "record",
    "resource",
    "result",
    "s16",
    "s32",
    "s64",
    "s8",
    "static",
    "stream",
    "string",
    "tuple",
    "type",
    "u16",
    "u32",
    "u64",
    "u8",
    "use",
    "variant",
    "with",
    "world",
    "_",
];

pub fn print(shape: &Shape) -> String {
    let mut names = Names::default();
    let imports = shape.guests.iter().filter_map(|guest| guest.import.as_ref()).enumerate();
    let imports: Vec<String> = imports
        .map(|(i, import)| names.function(&format!("import {}", function_name(i + 1)), &import.ty))
        .collect();
    let export = shape.guests.first().map(|guest| &guest.export.ty);
    let export = export.map(|ty| names.function(&format!("export {}", function_name(0)), ty));
    let resources = (0..shape.resources.len())
        .map(|number| format!("  resource {};\n", positional(RESOURCE, number)));
    let items = resources.chain(names.declarations).chain(imports).chain(export);
    format!("world case {{\n{}}}\n", items.collect::<String>())
}

/// The types that need a name, by when they were complete. Equal types share one.
#[derive(Default)]
struct Names<'a> {
    numbers: BTreeMap<&'a Type, usize>,
    declarations: Vec<String>,
}

impl<'a> Names<'a> {
    fn function(&mut self, head: &str, ty: &'a FuncType) -> String {
        let params = ty.params.iter().enumerate();
        let params = params.map(|(i, ty)| format!("{}: {}", positional(PARAM, i), self.ty(ty)));
        let params: Vec<String> = params.collect();
        let result = ty.result.as_ref().map(|ty| format!(" -> {}", self.ty(ty)));
        let func = if ty.is_async { "async func" } else { "func" };
        item(
            [&format!("{head}: {func}("), &format!("){};", result.unwrap_or_default())],
            "",
            &params,
        )
    }

    fn ty(&mut self, ty: &'a Type) -> String {
        match ty {
            scalar!() | Type::String => ty.kind().to_string(),
            Type::List(elem) => format!("list<{}>", self.ty(elem)),
            Type::FixedLengthList(elem, length) => format!("list<{}, {length}>", self.ty(elem)),
            Type::Tuple(types) => {
                let types: Vec<String> = types.iter().map(|ty| self.ty(ty)).collect();
                format!("tuple<{}>", types.join(", "))
            }
            Type::Record(_) | Type::Variant(_) | Type::Enum(_) | Type::Flags(_) => self.name(ty),
            Type::Option(some) => format!("option<{}>", self.ty(some)),
            Type::Result(ok, error) => self.result(ok.as_deref(), error.as_deref()),
            Type::Map(key, value) => format!("map<{}, {}>", self.ty(key), self.ty(value)),
            Type::Handle(Handle::Own(resource)) => resource_name(*resource),
            Type::Handle(Handle::Borrow(resource)) => {
                format!("borrow<{}>", resource_name(*resource))
            }
            Type::Handle(Handle::ErrorContext | Handle::Stream(_) | Handle::Future(_)) => {
                "?".to_string()
            }
        }
    }

    fn result(&mut self, ok: Option<&'a Type>, error: Option<&'a Type>) -> String {
        let ok = ok.map(|ty| self.ty(ty));
        let error = error.map(|ty| self.ty(ty));
        match (ok, error) {
            (None, None) => "result".to_string(),
            (Some(ok), None) => format!("result<{ok}>"),
            (ok, Some(error)) => format!("result<{}, {error}>", ok.as_deref().unwrap_or("_")),
        }
    }

    fn name(&mut self, ty: &'a Type) -> String {
        let number = self.numbers.get(ty).copied().unwrap_or_else(|| self.declare(ty));
        positional('t', number)
    }

    fn declare(&mut self, ty: &'a Type) -> usize {
        let members = self.members(ty);
        let number = self.declarations.len();
        let head = format!("{} {} {{", ty.kind(), positional('t', number));
        self.declarations.push(item([&head, "}"], " ", &members));
        self.numbers.insert(ty, number);
        number
    }

    fn members(&mut self, ty: &'a Type) -> Vec<String> {
        if let Type::Record(fields) = ty {
            let field = |(i, field): (usize, &'a Field)| {
                format!("{}: {}", label(&field.label, FIELD, i), self.ty(&field.ty))
            };
            fields.iter().enumerate().map(field).collect()
        } else if let Type::Variant(cases) = ty {
            let case = |(i, case): (usize, &'a VariantCase)| {
                let payload = case.ty.as_ref().map(|ty| format!("({})", self.ty(ty)));
                label(&case.label, CASE, i) + &payload.unwrap_or_default()
            };
            cases.iter().enumerate().map(case).collect()
        } else if let Type::Enum(labels) = ty {
            labels.iter().enumerate().map(|(i, name)| label(name, CASE, i)).collect()
        } else if let Type::Flags(labels) = ty {
            labels.iter().enumerate().map(|(i, name)| label(name, FLAG, i)).collect()
        } else {
            Vec::new()
        }
    }
}

fn label(label: &Label, letter: char, position: usize) -> String {
    let name = label.at(letter, position);
    if KEYWORDS.contains(&&*name) { format!("%{name}") } else { name.into_owned() }
}

/// An item of the world, on one line if it fits.
fn item([head, tail]: [&str; 2], space: &str, parts: &[String]) -> String {
    let line = format!("  {head}{space}{}{space}{tail}\n", parts.join(", "));
    if line.len() <= WIDTH {
        return line;
    }
    format!("  {head}{}\n  {tail}\n", fill("    ", parts))
}
