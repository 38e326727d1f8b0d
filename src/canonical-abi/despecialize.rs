//! The types that are only another spelling: tuple, enum, option, result and map.
//! Knows nothing of sizes and values.

use std::sync::Arc;

use crate::types::{Field, Handle, Resource, Type, VariantCase};

/// A type that is no other spelling, over its parts `T`. The tables of `abi/` match on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Despecialized<T> {
    Bool,
    S8,
    U8,
    S16,
    U16,
    S32,
    U32,
    S64,
    U64,
    F32,
    F64,
    Char,
    String,
    List(Box<T>),
    FixedLengthList(Box<T>, u32),
    /// Labels play no part in the Canonical ABI.
    Record(Vec<T>),
    Variant(Vec<Option<T>>),
    /// How many.
    Flags(usize),
    Own(Resource),
    Borrow(Resource),
    ErrorContext,
    /// Of elements of this type, if they have one.
    Stream(Option<Arc<Type>>),
    /// Likewise.
    Future(Option<Arc<Type>>),
}

/// A type inside another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part<'a> {
    Type(&'a Type),
    /// What a map is a list of: the tuple of a key and a value, which stands nowhere as a type.
    Entry(&'a Type, &'a Type),
}

impl<'a> From<&'a Type> for Part<'a> {
    fn from(ty: &'a Type) -> Part<'a> {
        Part::Type(ty)
    }
}

impl Part<'_> {
    /// Whether it is spelled `enum`. Only a deviation asks.
    pub fn is_enum(self) -> bool {
        matches!(self, Part::Type(Type::Enum(_)))
    }
}

/// Spec: `despecialize`.
pub fn despecialize<'a>(part: impl Into<Part<'a>>) -> Despecialized<Part<'a>> {
    match part.into() {
        Part::Type(ty) => despecialize_type(ty),
        Part::Entry(key, value) => Despecialized::Record(vec![key.into(), value.into()]),
    }
}

fn despecialize_type(ty: &Type) -> Despecialized<Part<'_>> {
    match ty {
        Type::Bool => Despecialized::Bool,
        Type::S8 => Despecialized::S8,
        Type::U8 => Despecialized::U8,
        Type::S16 => Despecialized::S16,
        Type::U16 => Despecialized::U16,
        Type::S32 => Despecialized::S32,
        Type::U32 => Despecialized::U32,
        Type::S64 => Despecialized::S64,
        Type::U64 => Despecialized::U64,
        Type::F32 => Despecialized::F32,
        Type::F64 => Despecialized::F64,
        Type::Char => Despecialized::Char,
        Type::String => Despecialized::String,
        Type::List(elem) => Despecialized::List(part(elem)),
        Type::FixedLengthList(elem, length) => Despecialized::FixedLengthList(part(elem), *length),
        Type::Record(fields) => Despecialized::Record(fields.iter().map(field_part).collect()),
        Type::Tuple(types) => Despecialized::Record(types.iter().map(Part::Type).collect()),
        Type::Variant(cases) => Despecialized::Variant(cases.iter().map(case_part).collect()),
        Type::Enum(labels) => Despecialized::Variant(vec![None; labels.len()]),
        Type::Option(some) => Despecialized::Variant(vec![None, Some(Part::Type(some))]),
        Type::Result(ok, error) => Despecialized::Variant(vec![payload(ok), payload(error)]),
        Type::Flags(labels) => Despecialized::Flags(labels.len()),
        Type::Map(key, value) => Despecialized::List(Box::new(Part::Entry(key, value))),
        Type::Handle(Handle::Own(resource)) => Despecialized::Own(*resource),
        Type::Handle(Handle::Borrow(resource)) => Despecialized::Borrow(*resource),
        Type::Handle(Handle::ErrorContext) => Despecialized::ErrorContext,
        Type::Handle(Handle::Stream(elem)) => Despecialized::Stream(element(elem)),
        Type::Handle(Handle::Future(elem)) => Despecialized::Future(element(elem)),
    }
}

/// What is copied is of no part of the value.
fn element(ty: &Option<Box<Type>>) -> Option<Arc<Type>> {
    ty.as_deref().cloned().map(Arc::new)
}

fn part(ty: &Type) -> Box<Part<'_>> {
    Box::new(Part::Type(ty))
}

fn field_part(field: &Field) -> Part<'_> {
    Part::Type(&field.ty)
}

fn case_part(case: &VariantCase) -> Option<Part<'_>> {
    case.ty.as_ref().map(Part::Type)
}

fn payload(ty: &Option<Box<Type>>) -> Option<Part<'_>> {
    ty.as_deref().map(Part::Type)
}

impl<T> Despecialized<T> {
    /// How many fields, cases or elements it has on its own; nothing is a member of a list whose
    /// length is not in its type.
    pub fn members(&self) -> usize {
        match self {
            Despecialized::FixedLengthList(_, length) => {
                usize::try_from(*length).unwrap_or(usize::MAX)
            }
            Despecialized::Record(fields) => fields.len(),
            Despecialized::Variant(cases) => cases.len(),
            Despecialized::Bool
            | Despecialized::S8
            | Despecialized::U8
            | Despecialized::S16
            | Despecialized::U16
            | Despecialized::S32
            | Despecialized::U32
            | Despecialized::S64
            | Despecialized::U64
            | Despecialized::F32
            | Despecialized::F64
            | Despecialized::Char
            | Despecialized::String
            | Despecialized::List(_)
            | Despecialized::Flags(_)
            | Despecialized::Own(_)
            | Despecialized::Borrow(_)
            | Despecialized::ErrorContext
            | Despecialized::Stream(_)
            | Despecialized::Future(_) => 0,
        }
    }

    /// The same type over other parts.
    pub fn map<U>(&self, f: &mut impl FnMut(&T) -> U) -> Despecialized<U> {
        match self {
            Despecialized::Bool => Despecialized::Bool,
            Despecialized::S8 => Despecialized::S8,
            Despecialized::U8 => Despecialized::U8,
            Despecialized::S16 => Despecialized::S16,
            Despecialized::U16 => Despecialized::U16,
            Despecialized::S32 => Despecialized::S32,
            Despecialized::U32 => Despecialized::U32,
            Despecialized::S64 => Despecialized::S64,
            Despecialized::U64 => Despecialized::U64,
            Despecialized::F32 => Despecialized::F32,
            Despecialized::F64 => Despecialized::F64,
            Despecialized::Char => Despecialized::Char,
            Despecialized::String => Despecialized::String,
            Despecialized::List(elem) => Despecialized::List(Box::new(f(elem))),
            Despecialized::FixedLengthList(elem, length) => {
                Despecialized::FixedLengthList(Box::new(f(elem)), *length)
            }
            Despecialized::Record(fields) => Despecialized::Record(fields.iter().map(f).collect()),
            Despecialized::Variant(cases) => {
                let case = |case: &Option<T>| case.as_ref().map(&mut *f);
                Despecialized::Variant(cases.iter().map(case).collect())
            }
            Despecialized::Flags(count) => Despecialized::Flags(*count),
            Despecialized::Own(resource) => Despecialized::Own(*resource),
            Despecialized::Borrow(resource) => Despecialized::Borrow(*resource),
            Despecialized::ErrorContext => Despecialized::ErrorContext,
            Despecialized::Stream(elem) => Despecialized::Stream(elem.clone()),
            Despecialized::Future(elem) => Despecialized::Future(elem.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Label;

    #[track_caller]
    fn check(ty: Type, spelled_out: Type) {
        assert_eq!(despecialize(&ty), despecialize(&spelled_out));
    }

    fn variant(cases: &[Option<Type>]) -> Type {
        Type::Variant(cases.iter().cloned().map(VariantCase::new).collect())
    }

    #[test]
    fn a_tuple_is_a_record() {
        let record = Type::Record(vec![Field::new(Type::U8), Field::new(Type::String)]);
        check(Type::Tuple(vec![Type::U8, Type::String]), record);
    }

    #[test]
    fn enum_option_and_result_are_variants() {
        check(Type::Enum(vec![Label::default(); 3]), variant(&[None, None, None]));
        check(Type::Option(Box::new(Type::F32)), variant(&[None, Some(Type::F32)]));
        check(Type::Result(Some(Box::new(Type::F32)), None), variant(&[Some(Type::F32), None]));
    }

    #[test]
    fn a_map_is_a_list_of_tuples() {
        let (key, value) = (Type::U8, Type::String);
        let map = Type::Map(Box::new(key.clone()), Box::new(value.clone()));
        let Despecialized::List(entry) = despecialize(&map) else { panic!("{map:?}") };
        assert_eq!(despecialize(*entry), despecialize(&Type::Tuple(vec![key, value])));
    }
}
