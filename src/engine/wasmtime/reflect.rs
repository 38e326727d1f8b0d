//! Wasmtime's component types as ours.
//! Knows which release has which kind of type, and nothing of values.

use wasmtime::Engine;
use wasmtime::component::types::{self, ComponentFunc, ComponentItem};
use wasmtime::component::{Component, ResourceType};

use crate::types::{
    CASE, FIELD, FLAG, Field, FuncType, Handle, Label, Resource, Type, VariantCase,
};

/// What separates an instance's name from that of its export: no name of the component model has it.
pub const SEPARATOR: char = '#';

/// The functions that a component and its exported instances export, each as the names that lead to
/// it.
pub fn functions(engine: &Engine, component: &Component) -> Vec<Vec<String>> {
    let ty = component.component_type();
    let mut found = Vec::new();
    for (name, exported) in ty.exports(engine) {
        item_functions(engine, &item(exported), &[name.to_string()], &mut found);
    }
    found
}

#[expect(clippy::wildcard_enum_match_arm, reason = "only functions can be called")]
fn item_functions(
    engine: &Engine,
    item: &ComponentItem,
    path: &[String],
    found: &mut Vec<Vec<String>>,
) {
    match item {
        ComponentItem::ComponentFunc(_) => found.push(path.to_vec()),
        ComponentItem::ComponentInstance(instance) => {
            for (name, exported) in instance.exports(engine) {
                let path = [path, &[name.to_string()]].concat();
                item_functions(engine, &self::item(exported), &path, found);
            }
        }
        _ => {}
    }
}

#[cfg(wasmtime_46)]
fn item(exported: types::ComponentExtern<'_>) -> ComponentItem {
    exported.ty
}

#[cfg(not(wasmtime_46))]
fn item(exported: ComponentItem) -> ComponentItem {
    exported
}

/// The type of the function that the component imports, if it imports one; or the name of a type that
/// we have none for.
#[expect(clippy::wildcard_enum_match_arm, reason = "resources are imported, too")]
pub fn import(engine: &Engine, ty: &types::Component) -> Option<Result<FuncType, String>> {
    let items = ty.imports(engine).map(|(_, imported)| self::item(imported));
    let mut functions = items.filter_map(|item| match item {
        ComponentItem::ComponentFunc(ty) => Some(func_type(&mut Resources::default(), &ty)),
        _ => None,
    });
    functions.next()
}

/// The resource types of an instance, numbered as they come.
#[derive(Default)]
pub struct Resources(Vec<ResourceType>);

/// The type of a function; or the name of a type that we have none for.
pub fn func_type(resources: &mut Resources, ty: &ComponentFunc) -> Result<FuncType, String> {
    let params = ty.params().map(|(_, ty)| resources.ty(&ty)).collect::<Result<_, _>>()?;
    let result = ty.results().next().map(|ty| resources.ty(&ty)).transpose()?;
    Ok(FuncType { params, result, is_async: is_async(ty) })
}

#[cfg(wasmtime_41)]
fn is_async(ty: &ComponentFunc) -> bool {
    ty.async_()
}

/// There are none.
#[cfg(not(wasmtime_41))]
fn is_async(_: &ComponentFunc) -> bool {
    false
}

impl Resources {
    fn number(&mut self, ty: &ResourceType) -> Resource {
        let known = self.0.iter().position(|known| known == ty);
        let index = known.unwrap_or_else(|| {
            self.0.push(*ty);
            self.0.len() - 1
        });
        Resource::try_from(index).expect("a component has fewer resource types")
    }

    fn ty(&mut self, ty: &types::Type) -> Result<Type, String> {
        Ok(match ty {
            types::Type::Bool => Type::Bool,
            types::Type::S8 => Type::S8,
            types::Type::U8 => Type::U8,
            types::Type::S16 => Type::S16,
            types::Type::U16 => Type::U16,
            types::Type::S32 => Type::S32,
            types::Type::U32 => Type::U32,
            types::Type::S64 => Type::S64,
            types::Type::U64 => Type::U64,
            types::Type::Float32 => Type::F32,
            types::Type::Float64 => Type::F64,
            types::Type::Char => Type::Char,
            types::Type::String => Type::String,
            types::Type::List(list) => Type::List(Box::new(self.ty(&list.ty())?)),
            types::Type::Record(record) => self.record(record)?,
            types::Type::Tuple(tuple) => {
                Type::Tuple(tuple.types().map(|ty| self.ty(&ty)).collect::<Result<_, _>>()?)
            }
            types::Type::Variant(variant) => self.variant(variant)?,
            types::Type::Enum(names) => Type::Enum(labels(names.names(), CASE)),
            types::Type::Option(some) => Type::Option(Box::new(self.ty(&some.ty())?)),
            types::Type::Result(result) => {
                Type::Result(self.optional(result.ok())?, self.optional(result.err())?)
            }
            types::Type::Flags(names) => Type::Flags(labels(names.names(), FLAG)),
            types::Type::Own(resource) => Type::Handle(Handle::Own(self.number(resource))),
            types::Type::Borrow(resource) => Type::Handle(Handle::Borrow(self.number(resource))),
            types::Type::Future(elem) => Type::Handle(Handle::Future(self.optional(elem.ty())?)),
            types::Type::Stream(elem) => Type::Handle(Handle::Stream(self.optional(elem.ty())?)),
            types::Type::ErrorContext => Type::Handle(Handle::ErrorContext),
            #[cfg(wasmtime_44)]
            types::Type::Map(map) => {
                Type::Map(Box::new(self.ty(&map.key())?), Box::new(self.ty(&map.value())?))
            }
            #[cfg(wasmtime_48)]
            types::Type::FixedLengthList(list) => {
                Type::FixedLengthList(Box::new(self.ty(&list.ty())?), list.len())
            }
            #[allow(unreachable_patterns, reason = "later releases may have more")]
            other => return Err(format!("the type {other:?}")),
        })
    }

    fn optional(&mut self, ty: Option<types::Type>) -> Result<Option<Box<Type>>, String> {
        ty.map(|ty| self.ty(&ty).map(Box::new)).transpose()
    }

    fn record(&mut self, record: &types::Record) -> Result<Type, String> {
        let field = |(i, field): (usize, types::Field<'_>)| {
            Ok(Field { label: Label::named(field.name, FIELD, i), ty: self.ty(&field.ty)? })
        };
        Ok(Type::Record(record.fields().enumerate().map(field).collect::<Result<_, String>>()?))
    }

    fn variant(&mut self, variant: &types::Variant) -> Result<Type, String> {
        let case = |(i, case): (usize, types::Case<'_>)| {
            let ty = case.ty.map(|ty| self.ty(&ty)).transpose()?;
            Ok(VariantCase { label: Label::named(case.name, CASE, i), ty })
        };
        Ok(Type::Variant(variant.cases().enumerate().map(case).collect::<Result<_, String>>()?))
    }
}

fn labels<'a>(names: impl Iterator<Item = &'a str>, kind: char) -> Vec<Label> {
    names.enumerate().map(|(i, name)| Label::named(name, kind, i)).collect()
}
