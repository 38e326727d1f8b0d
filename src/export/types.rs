//! Component types in the text format, defined once and named where a component has to name them.
//! Knows nothing of functions' options or of instances.

use std::collections::{BTreeMap, BTreeSet};

use super::text::{Lines, block};
use crate::types::{
    CASE, FIELD, FLAG, FuncType, Handle, Label, PARAM, Resource, Type, positional, resource_name,
    scalar,
};

/// The types of one component that are there so far.
#[derive(Default)]
pub struct Types<'a> {
    /// Definitions that are not written down yet.
    pub lines: Lines,
    /// The resources that the component exports.
    exported: BTreeSet<Resource>,
    /// The types that it imports, by their names.
    pub imported: Vec<(String, &'a Type)>,
    named: BTreeMap<&'a Type, String>,
}

impl<'a> Types<'a> {
    pub fn import_resource(&mut self, number: Resource) {
        let name = resource_name(number);
        self.lines.push(format!("(import \"{name}\" (type ${name} (sub resource)))"));
    }

    /// Exports the resource that is there under its name and an apostrophe.
    pub fn export_resource(&mut self, number: Resource) {
        let name = resource_name(number);
        self.lines.push(format!("(export ${name} \"{name}\" (type ${name}'))"));
        self.exported.insert(number);
    }

    /// What has been defined since this was asked last.
    pub fn take_lines(&mut self) -> Lines {
        std::mem::take(&mut self.lines)
    }

    /// ` (param "p0" u8) (result u8)`, and `async` before it.
    pub fn signature(&mut self, ty: &'a FuncType) -> String {
        let mut text = if ty.is_async { " async" } else { "" }.to_string();
        for (i, ty) in ty.params.iter().enumerate() {
            text += &format!(" (param \"{}\" {})", positional(PARAM, i), self.ty(ty));
        }
        if let Some(ty) = &ty.result {
            text += &format!(" (result {})", self.ty(ty));
        }
        text
    }

    /// How a type is referred to.
    pub fn ty(&mut self, ty: &'a Type) -> String {
        match ty {
            scalar!() | Type::String => ty.kind().to_string(),
            Type::List(elem) => format!("(list {})", self.ty(elem)),
            Type::FixedLengthList(elem, length) => format!("(list {} {length})", self.ty(elem)),
            Type::Tuple(types) => {
                let types: Vec<_> = types.iter().map(|ty| self.ty(ty)).collect();
                format!("(tuple {})", types.join(" "))
            }
            Type::Record(_) | Type::Variant(_) | Type::Enum(_) | Type::Flags(_) => self.name(ty),
            Type::Option(some) => format!("(option {})", self.ty(some)),
            Type::Result(ok, error) => self.result(ok.as_deref(), error.as_deref()),
            Type::Map(key, value) => format!("(map {} {})", self.ty(key), self.ty(value)),
            Type::Handle(Handle::Own(resource)) => format!("(own ${})", resource_name(*resource)),
            Type::Handle(Handle::Borrow(resource)) => {
                format!("(borrow ${})", resource_name(*resource))
            }
            Type::Handle(Handle::ErrorContext | Handle::Stream(_) | Handle::Future(_)) => {
                unreachable!("a checked case has no handles of async values")
            }
        }
    }

    fn result(&mut self, ok: Option<&'a Type>, error: Option<&'a Type>) -> String {
        let ok = ok.map_or(String::new(), |ty| format!(" {}", self.ty(ty)));
        let error = error.map_or(String::new(), |ty| format!(" (error {})", self.ty(ty)));
        format!("(result{ok}{error})")
    }

    /// A type that a function may only mention by an imported or exported name. What mentions a resource
    /// that is exported cannot be imported.
    fn name(&mut self, ty: &'a Type) -> String {
        if let Some(name) = self.named.get(ty) {
            return format!("${name}");
        }
        let defined = self.defined(ty);
        let name = positional('t', self.named.len());
        self.named.insert(ty, name.clone());
        self.lines.extend(block(&format!("type ${name}'"), defined));
        if ty.any(&mut |ty| self.is_of_exported(ty)) {
            self.lines.push(format!("(export ${name} \"{name}\" (type ${name}'))"));
        } else {
            self.lines.push(format!("(import \"{name}\" (type ${name} (eq ${name}')))"));
            self.imported.push((name.clone(), ty));
        }
        format!("${name}")
    }

    fn defined(&mut self, ty: &'a Type) -> Lines {
        match ty {
            Type::Record(fields) => {
                let fields = fields.iter().enumerate().map(|(i, field)| {
                    format!("(field \"{}\" {})", field.label.at(FIELD, i), self.ty(&field.ty))
                });
                block("record", fields.collect())
            }
            Type::Variant(cases) => {
                let cases = cases.iter().enumerate().map(|(i, case)| {
                    let ty =
                        case.ty.as_ref().map_or(String::new(), |ty| format!(" {}", self.ty(ty)));
                    format!("(case \"{}\"{ty})", case.label.at(CASE, i))
                });
                block("variant", cases.collect())
            }
            Type::Enum(labels) => vec![format!("(enum{})", quoted(labels, CASE))],
            Type::Flags(labels) => vec![format!("(flags{})", quoted(labels, FLAG))],
            scalar!()
            | Type::String
            | Type::List(_)
            | Type::FixedLengthList(..)
            | Type::Tuple(_)
            | Type::Option(_)
            | Type::Result(..)
            | Type::Map(..)
            | Type::Handle(_) => unreachable!("{ty:?} needs no name"),
        }
    }

    fn is_of_exported(&self, ty: &Type) -> bool {
        let handle = if let Type::Handle(handle) = ty { Some(handle) } else { None };
        let resource = handle.and_then(Handle::resource);
        resource.is_some_and(|resource| self.exported.contains(&resource))
    }
}

fn quoted(labels: &[Label], kind: char) -> String {
    labels.iter().enumerate().map(|(i, label)| format!(" \"{}\"", label.at(kind, i))).collect()
}
