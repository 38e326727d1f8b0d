//! Validated types into trees, and the resource types in them into numbers.
//! Knows the validator's types and ours, nothing of definitions that use them.

use std::sync::Arc;

use canonical_abi::CoreType;
use canonical_abi::types::{
    CASE, FIELD, FLAG, Field, FuncType, Handle, Label, Resource, Type, VariantCase,
};
use wasmparser::PrimitiveValType;
use wasmparser::component_types::{
    ComponentAnyTypeId, ComponentCoreTypeId, ComponentDefinedType, ComponentDefinedTypeId,
    ComponentEntityType, ComponentFuncTypeId, ComponentValType, ResourceId,
};
use wasmparser::names::KebabString;
use wasmparser::types::TypesRef;

use super::built_in::core_type;
use super::definition::{Found, Import};
use super::refusal::Refusal;

/// The nodes that all types of one component may have together, once resolved: a type that uses
/// another twice has it twice.
const MAX_TYPE_NODES: usize = 1_000_000;

/// The resource types that a component has met, numbered in that order.
#[derive(Default)]
pub struct Resources {
    known: Vec<ResourceId>,
    /// How many of them an earlier definition has already brought.
    found: Vec<bool>,
    nodes: usize,
}

/// Resolves types as the validator knows them at the moment.
pub struct Resolver<'a> {
    pub types: TypesRef<'a>,
    pub resources: &'a mut Resources,
}

impl Resources {
    pub fn count(&self) -> usize {
        self.known.len()
    }

    fn number(&mut self, id: ResourceId) -> Resource {
        let position = self.known.iter().position(|known| *known == id).unwrap_or_else(|| {
            self.known.push(id);
            self.found.push(false);
            self.known.len() - 1
        });
        Resource::try_from(position).expect("validation has limits on types")
    }

    /// Whether a number was not found before; from now on it was.
    fn find(&mut self, resource: Resource) -> bool {
        let position = usize::try_from(resource).expect("an index fits");
        !std::mem::replace(&mut self.found[position], true)
    }
}

impl Resolver<'_> {
    /// The number of the resource type at a type index; nothing where another type is there.
    pub fn resource_at(&mut self, index: u32) -> Option<Resource> {
        match self.types.component_any_type_at(index) {
            ComponentAnyTypeId::Resource(id) => Some(self.resources.number(id.resource())),
            ComponentAnyTypeId::Defined(_)
            | ComponentAnyTypeId::Func(_)
            | ComponentAnyTypeId::Component(_)
            | ComponentAnyTypeId::Instance(_) => None,
        }
    }

    /// The same, where a definition makes the type.
    pub fn define_resource_at(&mut self, index: u32) -> Result<Resource, Refusal> {
        let resource = self.resource_at(index);
        let resource = resource.ok_or_else(|| Refusal::invalid("a resource type is expected"))?;
        self.resources.find(resource);
        Ok(resource)
    }

    /// The function type at a type index.
    pub fn func_at(&mut self, index: u32) -> Result<FuncType, Refusal> {
        match self.types.component_any_type_at(index) {
            ComponentAnyTypeId::Func(id) => self.func(id),
            ComponentAnyTypeId::Defined(_)
            | ComponentAnyTypeId::Resource(_)
            | ComponentAnyTypeId::Component(_)
            | ComponentAnyTypeId::Instance(_) => {
                Err(Refusal::invalid("a function type is expected"))
            }
        }
    }

    /// The value type at a type index.
    pub fn value_at(&mut self, index: u32) -> Result<Type, Refusal> {
        match self.types.component_any_type_at(index) {
            ComponentAnyTypeId::Defined(id) => self.defined(id),
            ComponentAnyTypeId::Func(_)
            | ComponentAnyTypeId::Resource(_)
            | ComponentAnyTypeId::Component(_)
            | ComponentAnyTypeId::Instance(_) => Err(Refusal::invalid("a value type is expected")),
        }
    }

    /// The type of the only param of the core functions of the type at a core type index.
    pub fn param_of_core_func_at(&self, index: u32) -> Result<CoreType, Refusal> {
        let expected = || Refusal::invalid("a core function type with one param is expected");
        let ComponentCoreTypeId::Sub(id) = self.types.core_type_at_in_component(index) else {
            return Err(expected());
        };
        match self.types[id].unwrap_func().params() {
            [param] => core_type(*param),
            _ => Err(expected()),
        }
    }

    fn func(&mut self, id: ComponentFuncTypeId) -> Result<FuncType, Refusal> {
        let types = self.types;
        let ty = &types[id];
        let params = ty.params.iter().map(|(_, ty)| self.value(*ty)).collect::<Result<_, _>>()?;
        Ok(FuncType { params, result: self.option(&ty.result)?, is_async: ty.async_ })
    }

    /// The resource types that come with an item of this type and that no earlier one brought.
    pub fn found(&mut self, ty: &ComponentEntityType) -> Result<Vec<Found>, Refusal> {
        let mut found = Vec::new();
        self.find(ty, &mut Vec::new(), &mut found)?;
        Ok(found)
    }

    fn find(
        &mut self,
        ty: &ComponentEntityType,
        path: &mut Vec<String>,
        found: &mut Vec<Found>,
    ) -> Result<(), Refusal> {
        self.count()?;
        match ty {
            ComponentEntityType::Type { created: ComponentAnyTypeId::Resource(id), .. } => {
                let resource = self.resources.number(id.resource());
                if self.resources.find(resource) {
                    found.push(Found { path: path.clone(), resource });
                }
            }
            ComponentEntityType::Instance(id) => {
                let types = self.types;
                for (name, item) in &types[*id].exports {
                    path.push(name.clone());
                    self.find(&item.ty, path, found)?;
                    path.pop();
                }
            }
            ComponentEntityType::Type { .. }
            | ComponentEntityType::Module(_)
            | ComponentEntityType::Func(_)
            | ComponentEntityType::Value(_)
            | ComponentEntityType::Component(_) => {}
        }
        Ok(())
    }

    /// What an import of this type asks for.
    pub fn import(&mut self, ty: &ComponentEntityType) -> Result<Import, Refusal> {
        self.count()?;
        let types = self.types;
        Ok(match ty {
            ComponentEntityType::Func(id) => Import::Func(Arc::new(self.func(*id)?.into())),
            ComponentEntityType::Type { created: ComponentAnyTypeId::Resource(id), .. } => {
                Import::Resource(self.resources.number(id.resource()))
            }
            ComponentEntityType::Type { .. } => Import::Type,
            ComponentEntityType::Instance(id) => Import::Instance(
                (types[*id].exports.iter())
                    .map(|(name, item)| Ok((name.clone(), self.import(&item.ty)?)))
                    .collect::<Result<_, Refusal>>()?,
            ),
            ComponentEntityType::Module(_) => Import::Module,
            ComponentEntityType::Component(_) => Import::Component,
            ComponentEntityType::Value(_) => return Err(Refusal::unsupported("values")),
        })
    }

    fn value(&mut self, ty: ComponentValType) -> Result<Type, Refusal> {
        self.count()?;
        match ty {
            ComponentValType::Primitive(ty) => Ok(primitive(ty)),
            ComponentValType::Type(id) => self.defined(id),
        }
    }

    fn boxed(&mut self, ty: ComponentValType) -> Result<Box<Type>, Refusal> {
        self.value(ty).map(Box::new)
    }

    fn option(&mut self, ty: &Option<ComponentValType>) -> Result<Option<Type>, Refusal> {
        ty.map(|ty| self.value(ty)).transpose()
    }

    fn defined(&mut self, id: ComponentDefinedTypeId) -> Result<Type, Refusal> {
        let types = self.types;
        Ok(match &types[id] {
            ComponentDefinedType::Primitive(ty) => primitive(*ty),
            ComponentDefinedType::Record(record) => Type::Record(
                (record.fields.iter().enumerate())
                    .map(|(i, (name, ty))| {
                        Ok(Field { label: Label::named(name, FIELD, i), ty: self.value(*ty)? })
                    })
                    .collect::<Result<_, Refusal>>()?,
            ),
            ComponentDefinedType::Variant(variant) => Type::Variant(
                (variant.cases.iter().enumerate())
                    .map(|(i, (name, case))| {
                        let label = Label::named(name, CASE, i);
                        Ok(VariantCase { label, ty: self.option(&case.ty)? })
                    })
                    .collect::<Result<_, Refusal>>()?,
            ),
            ComponentDefinedType::List { element, .. } => Type::List(self.boxed(*element)?),
            ComponentDefinedType::Map { key, value, .. } => {
                Type::Map(self.boxed(*key)?, self.boxed(*value)?)
            }
            ComponentDefinedType::FixedLengthList { element, length, .. } => {
                Type::FixedLengthList(self.boxed(*element)?, *length)
            }
            ComponentDefinedType::Tuple(tuple) => {
                Type::Tuple(tuple.types.iter().map(|ty| self.value(*ty)).collect::<Result<_, _>>()?)
            }
            ComponentDefinedType::Flags(names) => Type::Flags(labels(names.iter(), FLAG)),
            ComponentDefinedType::Enum(names) => Type::Enum(labels(names.iter(), CASE)),
            ComponentDefinedType::Option { ty, .. } => Type::Option(self.boxed(*ty)?),
            ComponentDefinedType::Result { ok, err, .. } => {
                let ok = self.option(ok)?.map(Box::new);
                Type::Result(ok, self.option(err)?.map(Box::new))
            }
            ComponentDefinedType::Own(id) => {
                Type::Handle(Handle::Own(self.resources.number(id.resource())))
            }
            ComponentDefinedType::Borrow(id) => {
                Type::Handle(Handle::Borrow(self.resources.number(id.resource())))
            }
            ComponentDefinedType::Future { ty, .. } => {
                Type::Handle(Handle::Future(self.option(ty)?.map(Box::new)))
            }
            ComponentDefinedType::Stream { ty, .. } => {
                Type::Handle(Handle::Stream(self.option(ty)?.map(Box::new)))
            }
        })
    }

    fn count(&mut self) -> Result<(), Refusal> {
        self.resources.nodes += 1;
        if self.resources.nodes > MAX_TYPE_NODES {
            return Err(Refusal::exhausted("types of more than a million nodes"));
        }
        Ok(())
    }
}

fn labels<'a>(names: impl Iterator<Item = &'a KebabString>, kind: char) -> Vec<Label> {
    names.enumerate().map(|(i, name)| Label::named(name, kind, i)).collect()
}

pub fn primitive(ty: PrimitiveValType) -> Type {
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
