//! The functions and resources of a world.

use std::collections::BTreeMap;

use wit_parser::{Function, FunctionKind, Resolve, SourceMap, Span, TypeDefKind, TypeId};
use wit_parser::{World as WitWorld, WorldItem};

use crate::case::check::at_most;
use crate::case::{Limits, function_name};
use crate::types::{CASE, FIELD, FLAG, Field, FuncType, Handle, Label, Type, VariantCase};
use crate::types::{RESOURCE, positional};

/// What WIT demands of a file, on the first line so that the others keep their number.
const PACKAGE: &str = "package canon:fuzz; ";

/// The functions of a case.
pub struct World {
    /// How many resources there are.
    pub resources: usize,
    pub export: FuncType,
    pub imports: Vec<FuncType>,
}

/// The error is one line, with its line within `text`, counted from 0.
pub fn parse(text: &str, limits: &Limits) -> Result<World, (usize, String)> {
    let mut map = SourceMap::new();
    map.push_str("case", format!("{PACKAGE}{text}"));
    let group = map
        .parse()
        .map_err(|(_, error)| (line(text, error.kind().span()), one_line(error.kind())))?;
    let mut resolve = Resolve::new();
    let package = resolve
        .push_group(group)
        .map_err(|error| (line(text, error.kind().span()), one_line(error.kind())))?;
    let worlds: Vec<_> = resolve.packages[package].worlds.values().collect();
    let [world] = worlds[..] else {
        return Err((0, format!("expected one world, found {}", worlds.len())));
    };
    read_world(&resolve, &resolve.worlds[*world], limits).map_err(|why| (0, why))
}

/// The number of the line of `text` where `span` starts.
fn line(text: &str, span: Span) -> usize {
    let start = if span.is_known() { span.start() } else { 0 };
    let start = usize::try_from(start).unwrap_or(0).saturating_sub(PACKAGE.len());
    text.bytes().take(start).filter(|byte| *byte == b'\n').count()
}

fn one_line(error: impl ToString) -> String {
    error.to_string().lines().map(str::trim).collect::<Vec<_>>().join(" ")
}

fn read_world(resolve: &Resolve, world: &WitWorld, limits: &Limits) -> Result<World, String> {
    let exports = functions(world.exports.values(), 0, 1)?;
    let imports = functions(world.imports.values(), 1, limits.guests)?;
    let [export] = exports[..] else {
        return Err(format!("the world must export a function `{}`", function_name(0)));
    };
    let resources = resources(resolve, world)?;
    let functype = |function| functype(resolve, &resources, function, limits);
    let export = functype(export)?;
    let imports = imports.into_iter().map(functype).collect::<Result<_, _>>()?;
    Ok(World { resources: resources.len(), export, imports })
}

/// The numbers of the resources, which are named after them.
fn resources(resolve: &Resolve, world: &WitWorld) -> Result<BTreeMap<TypeId, u32>, String> {
    let mut numbers = BTreeMap::new();
    for item in world.imports.values() {
        if let WorldItem::Type { id, .. } = item
            && matches!(resolve.types[*id].kind, TypeDefKind::Resource)
        {
            let name = resolve.types[*id].name.as_deref().unwrap_or_default();
            let expected = positional(RESOURCE, numbers.len());
            if name != expected {
                return Err(format!("expected a resource `{expected}`, found `{name}`"));
            }
            numbers.insert(*id, u32::try_from(numbers.len()).map_err(|_| "too many resources")?);
        }
    }
    Ok(numbers)
}

/// The functions among `items`, which must be called after their positions, from `first` on, and no
/// more than `limit`. Types may be there besides.
fn functions<'a>(
    items: impl Iterator<Item = &'a WorldItem>,
    first: usize,
    limit: u32,
) -> Result<Vec<&'a Function>, String> {
    let mut found = Vec::new();
    for item in items {
        match item {
            WorldItem::Function(function) => {
                found.push(function);
                at_most("functions", found.len(), limit)?;
                let name = function_name(first + found.len() - 1);
                if function.name != name {
                    return Err(format!("expected a function `{name}`, found `{}`", function.name));
                }
            }
            WorldItem::Type { .. } => {}
            WorldItem::Interface { .. } => return Err("interfaces are not supported".to_string()),
        }
    }
    Ok(found)
}

fn functype(
    resolve: &Resolve,
    resources: &BTreeMap<TypeId, u32>,
    function: &Function,
    limits: &Limits,
) -> Result<FuncType, String> {
    let is_async = function.kind == FunctionKind::AsyncFreestanding;
    if !is_async && function.kind != FunctionKind::Freestanding {
        return Err(format!("`{}` is not a plain function", function.name));
    }
    let mut reader = Reader { resolve, resources, limits, nodes: 0 };
    let params =
        function.params.iter().map(|param| reader.ty(param.ty, 0)).collect::<Result<_, _>>()?;
    let result = function.result.map(|ty| reader.ty(ty, 0)).transpose()?;
    Ok(FuncType { params, result, is_async })
}

/// Builds trees from names. A name may be used often, so that a short world can stand for a tree
/// beyond all bounds: each node is counted.
struct Reader<'a> {
    resolve: &'a Resolve,
    resources: &'a BTreeMap<TypeId, u32>,
    limits: &'a Limits,
    nodes: u32,
}

impl Reader<'_> {
    /// `depth` is how many types are around this one.
    fn ty(&mut self, ty: wit_parser::Type, depth: u32) -> Result<Type, String> {
        self.pay(1)?;
        if depth >= self.limits.type_depth {
            return Err("the type is nested too deeply".to_string());
        }
        Ok(match ty {
            wit_parser::Type::Bool => Type::Bool,
            wit_parser::Type::U8 => Type::U8,
            wit_parser::Type::U16 => Type::U16,
            wit_parser::Type::U32 => Type::U32,
            wit_parser::Type::U64 => Type::U64,
            wit_parser::Type::S8 => Type::S8,
            wit_parser::Type::S16 => Type::S16,
            wit_parser::Type::S32 => Type::S32,
            wit_parser::Type::S64 => Type::S64,
            wit_parser::Type::F32 => Type::F32,
            wit_parser::Type::F64 => Type::F64,
            wit_parser::Type::Char => Type::Char,
            wit_parser::Type::String => Type::String,
            wit_parser::Type::ErrorContext => return Err(unsupported("error-context")),
            wit_parser::Type::Id(id) => return self.defined(self.original(id), depth),
        })
    }

    /// What aliases, which may be many in a row, stand for; the last one may be of a primitive type.
    fn original(&self, mut id: TypeId) -> TypeId {
        while let TypeDefKind::Type(wit_parser::Type::Id(same)) = self.resolve.types[id].kind {
            id = same;
        }
        id
    }

    /// `depth` is as for `ty`.
    fn defined(&mut self, id: TypeId, depth: u32) -> Result<Type, String> {
        let kind = &self.resolve.types[id].kind;
        if let TypeDefKind::Type(primitive) = kind {
            return self.ty(*primitive, depth);
        }
        let depth = depth + 1;
        Ok(match kind {
            TypeDefKind::Record(record) => {
                let fields = record.fields.iter().enumerate();
                let fields = fields.map(|(position, field)| {
                    let label = Label::named(&field.name, FIELD, position);
                    Ok(Field { label, ty: self.ty(field.ty, depth)? })
                });
                Type::Record(fields.collect::<Result<_, String>>()?)
            }
            TypeDefKind::Tuple(tuple) => Type::Tuple(self.types(&tuple.types, depth)?),
            TypeDefKind::Variant(variant) => {
                let cases = variant.cases.iter().enumerate();
                let cases = cases.map(|(position, case)| {
                    let label = Label::named(&case.name, CASE, position);
                    Ok(VariantCase { label, ty: self.payload(case.ty, depth)? })
                });
                Type::Variant(cases.collect::<Result<_, String>>()?)
            }
            TypeDefKind::Enum(list) => {
                Type::Enum(self.labels(CASE, list.cases.iter().map(|case| &*case.name))?)
            }
            TypeDefKind::Flags(list) => {
                Type::Flags(self.labels(FLAG, list.flags.iter().map(|flag| &*flag.name))?)
            }
            TypeDefKind::Option(some) => Type::Option(self.boxed(*some, depth)?),
            TypeDefKind::Result(result) => {
                let ok = result.ok.map(|ty| self.boxed(ty, depth)).transpose()?;
                let error = result.err.map(|ty| self.boxed(ty, depth)).transpose()?;
                Type::Result(ok, error)
            }
            TypeDefKind::List(elem) => Type::List(self.boxed(*elem, depth)?),
            TypeDefKind::FixedLengthList(elem, length) => {
                Type::FixedLengthList(self.boxed(*elem, depth)?, *length)
            }
            TypeDefKind::Map(key, value) => {
                let key = self.boxed(*key, depth)?;
                Type::Map(key, self.boxed(*value, depth)?)
            }
            // The name alone owns.
            TypeDefKind::Resource => Type::Handle(Handle::Own(self.resource(id)?)),
            TypeDefKind::Handle(wit_parser::Handle::Own(of)) => {
                Type::Handle(Handle::Own(self.resource(*of)?))
            }
            TypeDefKind::Handle(wit_parser::Handle::Borrow(of)) => {
                Type::Handle(Handle::Borrow(self.resource(*of)?))
            }
            TypeDefKind::Type(_)
            | TypeDefKind::Future(_)
            | TypeDefKind::Stream(_)
            | TypeDefKind::Unknown => return Err(unsupported(kind.as_str())),
        })
    }

    fn resource(&self, id: TypeId) -> Result<u32, String> {
        let number = self.resources.get(&self.original(id)).copied();
        number.ok_or_else(|| "a resource is not the world's".to_string())
    }

    fn types(&mut self, types: &[wit_parser::Type], depth: u32) -> Result<Vec<Type>, String> {
        types.iter().map(|ty| self.ty(*ty, depth)).collect()
    }

    fn boxed(&mut self, ty: wit_parser::Type, depth: u32) -> Result<Box<Type>, String> {
        self.ty(ty, depth).map(Box::new)
    }

    /// A case without a payload costs as much as one with.
    fn payload(
        &mut self,
        ty: Option<wit_parser::Type>,
        depth: u32,
    ) -> Result<Option<Type>, String> {
        match ty {
            Some(ty) => self.ty(ty, depth).map(Some),
            None => self.pay(1).map(|()| None),
        }
    }

    fn labels<'n>(
        &mut self,
        letter: char,
        names: impl Iterator<Item = &'n str>,
    ) -> Result<Vec<Label>, String> {
        let label = |(position, name)| {
            self.pay(1)?;
            Ok(Label::named(name, letter, position))
        };
        names.enumerate().map(label).collect()
    }

    fn pay(&mut self, nodes: u32) -> Result<(), String> {
        self.nodes = self.nodes.saturating_add(nodes);
        let many = self.nodes > self.limits.type_nodes;
        if many { Err("the types are too many".to_string()) } else { Ok(()) }
    }
}

fn unsupported(kind: &str) -> String {
    format!("a type of kind {kind} is not supported")
}
