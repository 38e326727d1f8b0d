//! The type index space of a component, resolved into trees.
//! Knows the binary's types and ours, nothing of definitions that use them.

use wasmparser::{ComponentDefinedType, ComponentFuncType, ComponentValType, PrimitiveValType};

use super::decode::{Refusal, at};
use crate::types::{CASE, FIELD, FLAG, Field, FuncType, Handle, Label, Type, VariantCase};

/// One entry of the type index space.
#[derive(Clone, Debug)]
pub enum TypeDefinition {
    Value(Type),
    Func(FuncType),
}

/// The nodes that all types of one component may have together, once resolved: a type that uses
/// another twice has it twice.
const MAX_TYPE_NODES: usize = 1_000_000;

/// The type index space.
#[derive(Clone, Debug, Default)]
pub struct Types {
    space: Vec<TypeDefinition>,
    nodes: usize,
}

impl Types {
    pub fn push(&mut self, definition: TypeDefinition) {
        self.space.push(definition);
    }

    pub fn get(&self, index: u32) -> Result<&TypeDefinition, Refusal> {
        at(&self.space, index, "type")
    }

    pub fn func(&self, index: u32) -> Result<&FuncType, Refusal> {
        match self.get(index)? {
            TypeDefinition::Func(ty) => Ok(ty),
            TypeDefinition::Value(_) => Err(Refusal::invalid("a value type used as a function")),
        }
    }

    /// Resolves a function type.
    pub fn resolve_func(&mut self, ty: &ComponentFuncType<'_>) -> Result<FuncType, Refusal> {
        if ty.async_ {
            return Err(Refusal::unsupported("async function types"));
        }
        let params = ty.params.iter().map(|(_, ty)| self.resolve(ty)).collect::<Result<_, _>>()?;
        Ok(FuncType { params, result: self.resolve_option(&ty.result)? })
    }

    /// Resolves a defined type.
    pub fn resolve_defined(&mut self, ty: &ComponentDefinedType<'_>) -> Result<Type, Refusal> {
        Ok(match ty {
            ComponentDefinedType::Primitive(ty) => primitive(*ty),
            ComponentDefinedType::Record(fields) => Type::Record(
                (fields.iter().enumerate())
                    .map(|(i, (name, ty))| {
                        let label = Label::named(name, FIELD, i);
                        Ok(Field { label, ty: self.resolve(ty)? })
                    })
                    .collect::<Result<_, Refusal>>()?,
            ),
            ComponentDefinedType::Variant(cases) => Type::Variant(
                (cases.iter().enumerate())
                    .map(|(i, case)| {
                        let label = Label::named(case.name, CASE, i);
                        Ok(VariantCase { label, ty: self.resolve_option(&case.ty)? })
                    })
                    .collect::<Result<_, Refusal>>()?,
            ),
            ComponentDefinedType::List(elem) => Type::List(Box::new(self.resolve(elem)?)),
            ComponentDefinedType::Map(key, value) => {
                Type::Map(Box::new(self.resolve(key)?), Box::new(self.resolve(value)?))
            }
            ComponentDefinedType::FixedLengthList(elem, length) => {
                Type::FixedLengthList(Box::new(self.resolve(elem)?), *length)
            }
            ComponentDefinedType::Tuple(types) => {
                Type::Tuple(types.iter().map(|ty| self.resolve(ty)).collect::<Result<_, _>>()?)
            }
            ComponentDefinedType::Flags(names) => Type::Flags(labels(names, FLAG)),
            ComponentDefinedType::Enum(names) => Type::Enum(labels(names, CASE)),
            ComponentDefinedType::Option(some) => Type::Option(Box::new(self.resolve(some)?)),
            ComponentDefinedType::Result { ok, err } => {
                let ok = self.resolve_option(ok)?.map(Box::new);
                Type::Result(ok, self.resolve_option(err)?.map(Box::new))
            }
            ComponentDefinedType::Own(_) => Type::Handle(Handle::Own),
            ComponentDefinedType::Borrow(_) => Type::Handle(Handle::Borrow),
            ComponentDefinedType::Future(elem) => {
                Type::Handle(Handle::Future(self.resolve_option(elem)?.map(Box::new)))
            }
            ComponentDefinedType::Stream(elem) => {
                Type::Handle(Handle::Stream(self.resolve_option(elem)?.map(Box::new)))
            }
        })
    }

    fn resolve_option(&mut self, ty: &Option<ComponentValType>) -> Result<Option<Type>, Refusal> {
        ty.as_ref().map(|ty| self.resolve(ty)).transpose()
    }

    fn resolve(&mut self, ty: &ComponentValType) -> Result<Type, Refusal> {
        let resolved = match ty {
            ComponentValType::Primitive(ty) => primitive(*ty),
            ComponentValType::Type(index) => match self.get(*index)? {
                TypeDefinition::Value(ty) => ty.clone(),
                TypeDefinition::Func(_) => {
                    return Err(Refusal::invalid("a function type used as a value type"));
                }
            },
        };
        self.nodes += nodes(&resolved);
        if self.nodes > MAX_TYPE_NODES {
            return Err(Refusal::unsupported("types of more than a million nodes"));
        }
        Ok(resolved)
    }
}

fn nodes(ty: &Type) -> usize {
    1 + ty.children().into_iter().map(nodes).sum::<usize>()
}

fn labels(names: &[&str], kind: char) -> Vec<Label> {
    names.iter().enumerate().map(|(i, name)| Label::named(name, kind, i)).collect()
}

fn primitive(ty: PrimitiveValType) -> Type {
    match ty {
        PrimitiveValType::Bool => Type::Bool,
        PrimitiveValType::S8 => Type::S8,
        PrimitiveValType::U8 => Type::U8,
        PrimitiveValType::S16 => Type::S16,
        PrimitiveValType::U16 => Type::U16,
        PrimitiveValType::S32 => Type::S32,
        PrimitiveValType::U32 => Type::U32,
        PrimitiveValType::S64 => Type::S64,
        PrimitiveValType::U64 => Type::U64,
        PrimitiveValType::F32 => Type::F32,
        PrimitiveValType::F64 => Type::F64,
        PrimitiveValType::Char => Type::Char,
        PrimitiveValType::String => Type::String,
        PrimitiveValType::ErrorContext => Type::Handle(Handle::ErrorContext),
    }
}
