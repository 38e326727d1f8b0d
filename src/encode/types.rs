//! Component types into a component's type section.
//! Knows nothing of functions or options.

use std::collections::{BTreeMap, BTreeSet};

use wasm_encoder::{
    ComponentBuilder, ComponentExportKind, ComponentTypeRef, ComponentValType, PrimitiveValType,
    TypeBounds,
};

use crate::types::{
    CASE, FIELD, FLAG, FuncType, Handle, Label, PARAM, Resource, Type, positional, resource_name,
    scalar,
};

/// The types of a component that are defined so far. Equal types are defined once.
#[derive(Default)]
pub struct Types<'a> {
    /// The indices of the resource types that are there already.
    pub resources: BTreeMap<Resource, u32>,
    /// Those of them that the component exports.
    pub exported: BTreeSet<Resource>,
    /// The types that it imports, by their names.
    pub imported: Vec<(String, &'a Type)>,
    defined: BTreeMap<&'a Type, ComponentValType>,
    named: usize,
}

impl<'a> Types<'a> {
    /// Imports the resource of this number.
    pub fn import_resource(&mut self, builder: &mut ComponentBuilder, number: Resource) {
        let ty = ComponentTypeRef::Type(TypeBounds::SubResource);
        let index = builder.import(resource_name(number), ty);
        self.resources.insert(number, index);
    }

    /// Exports a resource type that is there already as that of this number.
    pub fn export_resource(
        &mut self,
        builder: &mut ComponentBuilder,
        number: Resource,
        index: u32,
    ) {
        let name = resource_name(number);
        let exported = builder.export(&name, ComponentExportKind::Type, index, None);
        self.resources.insert(number, exported);
        self.exported.insert(number);
    }

    /// Defines a function type and what it needs.
    pub fn function(&mut self, builder: &mut ComponentBuilder, ty: &'a FuncType) -> u32 {
        let params: Vec<_> = (ty.params.iter().enumerate())
            .map(|(i, ty)| (positional(PARAM, i), self.value(builder, ty)))
            .collect();
        let result = ty.result.as_ref().map(|ty| self.value(builder, ty));
        let (index, mut encoder) = builder.type_function(None);
        encoder.async_(ty.is_async);
        encoder.params(params.iter().map(|(name, ty)| (name.as_str(), *ty))).result(result);
        index
    }

    /// The index of a type that is not primitive.
    pub fn index(&mut self, builder: &mut ComponentBuilder, ty: &'a Type) -> u32 {
        match self.value(builder, ty) {
            ComponentValType::Type(index) => index,
            ComponentValType::Primitive(_) => unreachable!("a primitive type has no index"),
        }
    }

    fn value(&mut self, builder: &mut ComponentBuilder, ty: &'a Type) -> ComponentValType {
        if let Some(primitive) = primitive(ty) {
            return ComponentValType::Primitive(primitive);
        }
        if let Some(defined) = self.defined.get(ty) {
            return *defined;
        }
        let defined = ComponentValType::Type(self.define(builder, ty));
        self.defined.insert(ty, defined);
        defined
    }

    fn values<T>(&mut self, builder: &mut ComponentBuilder, types: T) -> Vec<ComponentValType>
    where
        T: IntoIterator<Item = &'a Type>,
    {
        types.into_iter().map(|ty| self.value(builder, ty)).collect()
    }

    fn option(
        &mut self,
        builder: &mut ComponentBuilder,
        ty: Option<&'a Type>,
    ) -> Option<ComponentValType> {
        ty.map(|ty| self.value(builder, ty))
    }

    fn define(&mut self, builder: &mut ComponentBuilder, ty: &'a Type) -> u32 {
        match ty {
            scalar!() | Type::String => unreachable!("a primitive type needs no definition"),
            Type::List(elem) => {
                let elem = self.value(builder, elem);
                define(builder, |encoder| encoder.list(elem))
            }
            Type::FixedLengthList(elem, length) => {
                let elem = self.value(builder, elem);
                define(builder, |encoder| encoder.fixed_length_list(elem, *length))
            }
            Type::Record(fields) => {
                let types = self.values(builder, fields.iter().map(|field| &field.ty));
                let names = names(fields.iter().map(|field| &field.label), FIELD);
                let fields = names.iter().map(String::as_str).zip(types);
                let defined = define(builder, |encoder| encoder.record(fields));
                self.name(builder, ty, defined)
            }
            Type::Tuple(types) => {
                let types = self.values(builder, types);
                define(builder, |encoder| encoder.tuple(types))
            }
            Type::Variant(cases) => {
                let types: Vec<_> =
                    cases.iter().map(|case| self.option(builder, case.ty.as_ref())).collect();
                let names = names(cases.iter().map(|case| &case.label), CASE);
                let cases = names.iter().map(String::as_str).zip(types);
                let defined = define(builder, |encoder| encoder.variant(cases));
                self.name(builder, ty, defined)
            }
            Type::Enum(labels) => {
                let names = names(labels, CASE);
                let names = names.iter().map(String::as_str);
                let defined = define(builder, |encoder| encoder.enum_type(names));
                self.name(builder, ty, defined)
            }
            Type::Option(some) => {
                let some = self.value(builder, some);
                define(builder, |encoder| encoder.option(some))
            }
            Type::Result(ok, error) => {
                let ok = self.option(builder, ok.as_deref());
                let error = self.option(builder, error.as_deref());
                define(builder, |encoder| encoder.result(ok, error))
            }
            Type::Flags(labels) => {
                let names = names(labels, FLAG);
                let names = names.iter().map(String::as_str);
                let defined = define(builder, |encoder| encoder.flags(names));
                self.name(builder, ty, defined)
            }
            Type::Map(key, value) => {
                let key = self.value(builder, key);
                let value = self.value(builder, value);
                define(builder, |encoder| encoder.map(key, value))
            }
            Type::Handle(Handle::Own(resource)) => {
                let resource = self.resources[resource];
                define(builder, |encoder| encoder.own(resource))
            }
            Type::Handle(Handle::Borrow(resource)) => {
                let resource = self.resources[resource];
                define(builder, |encoder| encoder.borrow(resource))
            }
            Type::Handle(Handle::ErrorContext | Handle::Stream(_) | Handle::Future(_)) => {
                unreachable!("a checked case has no handles of async values")
            }
        }
    }

    /// Imports a type under a name and answers with the imported one: only named records,
    /// variants, enums and flags may occur in imports and exports. What mentions a resource that is
    /// exported cannot be imported, and is exported.
    fn name(&mut self, builder: &mut ComponentBuilder, ty: &'a Type, defined: u32) -> u32 {
        let name = positional('t', self.named);
        self.named += 1;
        if ty.any(&mut |ty| self.is_of_exported(ty)) {
            return builder.export(&name, ComponentExportKind::Type, defined, None);
        }
        let ty_ref = ComponentTypeRef::Type(TypeBounds::Eq(defined));
        let imported = builder.import(name.as_str(), ty_ref);
        self.imported.push((name, ty));
        imported
    }

    fn is_of_exported(&self, ty: &Type) -> bool {
        let handle = if let Type::Handle(handle) = ty { Some(handle) } else { None };
        let resource = handle.and_then(Handle::resource);
        resource.is_some_and(|resource| self.exported.contains(&resource))
    }
}

fn define(
    builder: &mut ComponentBuilder,
    encode: impl FnOnce(wasm_encoder::ComponentDefinedTypeEncoder<'_>),
) -> u32 {
    let (index, encoder) = builder.type_defined(None);
    encode(encoder);
    index
}

fn names<'a>(labels: impl IntoIterator<Item = &'a Label>, kind: char) -> Vec<String> {
    labels.into_iter().enumerate().map(|(i, label)| label.at(kind, i).into_owned()).collect()
}

fn primitive(ty: &Type) -> Option<PrimitiveValType> {
    match ty {
        Type::Bool => Some(PrimitiveValType::Bool),
        Type::S8 => Some(PrimitiveValType::S8),
        Type::U8 => Some(PrimitiveValType::U8),
        Type::S16 => Some(PrimitiveValType::S16),
        Type::U16 => Some(PrimitiveValType::U16),
        Type::S32 => Some(PrimitiveValType::S32),
        Type::U32 => Some(PrimitiveValType::U32),
        Type::S64 => Some(PrimitiveValType::S64),
        Type::U64 => Some(PrimitiveValType::U64),
        Type::F32 => Some(PrimitiveValType::F32),
        Type::F64 => Some(PrimitiveValType::F64),
        Type::Char => Some(PrimitiveValType::Char),
        Type::String => Some(PrimitiveValType::String),
        Type::List(_)
        | Type::FixedLengthList(..)
        | Type::Record(_)
        | Type::Tuple(_)
        | Type::Variant(_)
        | Type::Enum(_)
        | Type::Option(_)
        | Type::Result(..)
        | Type::Flags(_)
        | Type::Map(..)
        | Type::Handle(_) => None,
    }
}
