//! Types that are nearly another: one thing is changed in each.
//! Knows no chance: all that there are, in order.

use canonfuzz::types::{CASE, FIELD, FLAG, Field, FuncType, Handle, Label, Type, VariantCase};

/// A type, and in words how it differs.
pub type NearMiss<T> = (String, T);

/// What a member is called that there was none of, and any that is renamed.
const OTHER: &str = "other";
/// Flags have no more than one word.
const MOST_FLAGS: usize = 32;

/// All function types that differ from this one by one thing: a name, a width, a member more or less.
pub fn near_misses(ty: &FuncType) -> Vec<NearMiss<FuncType>> {
    let mut misses = Vec::new();
    for (i, param) in ty.params.iter().enumerate() {
        for (what, miss) in types(param) {
            let mut params = ty.params.clone();
            params[i] = miss;
            misses.push((format!("param {i}: {what}"), FuncType { params, ..ty.clone() }));
        }
    }
    for (what, params) in members(&ty.params, &Type::U8, 0) {
        misses.push((format!("params: {what}"), FuncType { params, ..ty.clone() }));
    }
    let results = match &ty.result {
        None => vec![("one more".to_string(), Some(Type::U8))],
        Some(result) => {
            let misses = types(result).into_iter().filter(|(_, miss)| !has_borrow(miss));
            let misses = misses.map(|(what, miss)| (what, Some(miss)));
            misses.chain([("one less".to_string(), None)]).collect()
        }
    };
    misses.extend(
        results
            .into_iter()
            .map(|(what, result)| (format!("result: {what}"), FuncType { result, ..ty.clone() })),
    );
    misses
}

/// A result must not have any.
fn has_borrow(ty: &Type) -> bool {
    ty.handles().iter().any(|handle| matches!(handle, Handle::Borrow(_)))
}

/// The same of a type, and of those in it.
fn types(ty: &Type) -> Vec<NearMiss<Type>> {
    let mut misses = own(ty);
    for i in 0..ty.children().len() {
        for (what, miss) in types(ty.children()[i]) {
            let mut changed = ty.clone();
            *changed.children_mut()[i] = miss;
            misses.push((format!("{i}: {what}"), changed));
        }
    }
    misses
}

/// What is nearly this type, with the same types in it.
fn own(ty: &Type) -> Vec<NearMiss<Type>> {
    match ty {
        Type::Bool => instead(&[Type::U8]),
        Type::S8 => instead(&[Type::U8, Type::S16]),
        Type::U8 => instead(&[Type::S8, Type::U16, Type::Bool]),
        Type::S16 => instead(&[Type::U16, Type::S8, Type::S32]),
        Type::U16 => instead(&[Type::S16, Type::U8, Type::U32]),
        Type::S32 => instead(&[Type::U32, Type::S16, Type::S64]),
        Type::U32 => instead(&[Type::S32, Type::U16, Type::U64, Type::F32, Type::Char]),
        Type::S64 => instead(&[Type::U64, Type::S32]),
        Type::U64 => instead(&[Type::S64, Type::U32, Type::F64]),
        Type::F32 => instead(&[Type::F64, Type::U32]),
        Type::F64 => instead(&[Type::F32, Type::U64]),
        Type::Char => instead(&[Type::U32, Type::String]),
        Type::String => instead(&[Type::List(Box::new(Type::U8)), Type::Char]),
        Type::List(elem) => instead(&[(**elem).clone(), Type::Option(elem.clone())]),
        Type::FixedLengthList(elem, length) => instead(&[
            Type::FixedLengthList(elem.clone(), length + 1),
            Type::List(elem.clone()),
            Type::Tuple(vec![(**elem).clone(); usize::try_from(*length).unwrap_or(1)]),
        ]),
        Type::Record(fields) => records(fields),
        Type::Tuple(types) => tuples(types),
        Type::Variant(cases) => variants(cases),
        Type::Enum(labels) => enums(labels),
        Type::Option(some) => options(some),
        Type::Result(ok, error) => results(ok, error),
        Type::Flags(labels) => flags(labels),
        Type::Map(key, value) => {
            let entry = Type::Tuple(vec![(**key).clone(), (**value).clone()]);
            instead(&[Type::List(Box::new(entry))])
        }
        Type::Handle(Handle::Own(resource)) => {
            instead(&[Type::Handle(Handle::Borrow(*resource)), Type::U32])
        }
        Type::Handle(Handle::Borrow(resource)) => {
            instead(&[Type::Handle(Handle::Own(*resource)), Type::U32])
        }
        Type::Handle(Handle::ErrorContext | Handle::Stream(_) | Handle::Future(_)) => Vec::new(),
    }
}

fn instead(types: &[Type]) -> Vec<NearMiss<Type>> {
    types.iter().map(|ty| (ty.kind().to_string(), ty.clone())).collect()
}

/// One member less, for each of them, and one more at the end; no fewer than `least`.
fn members<T: Clone>(all: &[T], another: &T, least: usize) -> Vec<NearMiss<Vec<T>>> {
    let mut misses = Vec::new();
    for i in (0..all.len()).filter(|_| all.len() > least) {
        let mut less = all.to_vec();
        less.remove(i);
        misses.push((format!("without {i}"), less));
    }
    let more = all.iter().chain([another]).cloned().collect();
    misses.push(("one more".to_string(), more));
    misses
}

/// Names are kept by those who have them, wherever they come to stand.
fn named<'a>(labels: impl Iterator<Item = &'a Label>, kind: char) -> Vec<String> {
    labels.enumerate().map(|(i, label)| label.at(kind, i).into_owned()).collect()
}

/// What is made of members of which each has a name.
fn with_labels<T: Clone>(
    all: &[(String, T)],
    another: T,
    make: impl Fn(Vec<(String, T)>) -> Type,
) -> Vec<NearMiss<Type>> {
    let mut misses = Vec::new();
    for i in 0..all.len() {
        let mut renamed = all.to_vec();
        renamed[i].0 = OTHER.to_string();
        misses.push((format!("{i} renamed"), renamed));
    }
    for i in 1..all.len() {
        let mut swapped = all.to_vec();
        swapped.swap(i - 1, i);
        misses.push((format!("{} and {i} swapped", i - 1), swapped));
    }
    misses.extend(members(all, &(OTHER.to_string(), another), 1));
    misses.into_iter().map(|(what, members)| (what, make(members))).collect()
}

fn record(fields: Vec<(String, Type)>) -> Type {
    let fields = fields.into_iter().enumerate();
    let field = |(i, (name, ty)): (usize, (String, Type))| Field {
        label: Label::named(&name, FIELD, i),
        ty,
    };
    Type::Record(fields.map(field).collect())
}

fn variant(cases: Vec<(String, Option<Type>)>) -> Type {
    let cases = cases.into_iter().enumerate();
    let case = |(i, (name, ty)): (usize, (String, Option<Type>))| VariantCase {
        label: Label::named(&name, CASE, i),
        ty,
    };
    Type::Variant(cases.map(case).collect())
}

fn labels(names: Vec<(String, ())>, kind: char) -> Vec<Label> {
    let names = names.into_iter().enumerate();
    names.map(|(i, (name, ()))| Label::named(&name, kind, i)).collect()
}

fn records(fields: &[Field]) -> Vec<NearMiss<Type>> {
    let names = named(fields.iter().map(|field| &field.label), FIELD);
    let types = fields.iter().map(|field| field.ty.clone());
    let all: Vec<_> = names.into_iter().zip(types.clone()).collect();
    let mut misses = with_labels(&all, Type::U8, record);
    misses.extend(instead(&[Type::Tuple(types.collect())]));
    misses
}

fn tuples(types: &[Type]) -> Vec<NearMiss<Type>> {
    let misses = members(types, &Type::U8, 1).into_iter();
    let mut misses: Vec<_> = misses.map(|(what, types)| (what, Type::Tuple(types))).collect();
    misses.extend(instead(&[Type::Record(types.iter().cloned().map(Field::new).collect())]));
    misses
}

fn variants(cases: &[VariantCase]) -> Vec<NearMiss<Type>> {
    let names = named(cases.iter().map(|case| &case.label), CASE);
    let types = cases.iter().map(|case| case.ty.clone());
    let all: Vec<_> = names.into_iter().zip(types).collect();
    let mut misses = with_labels(&all, None, variant);
    for i in 0..all.len() {
        let mut changed = all.clone();
        changed[i].1 = if changed[i].1.is_some() { None } else { Some(Type::U8) };
        misses.push((format!("{i} with a payload or without"), variant(changed)));
    }
    if cases.iter().all(|case| case.ty.is_none()) {
        misses
            .extend(instead(&[Type::Enum(cases.iter().map(|case| case.label.clone()).collect())]));
    }
    misses
}

fn enums(all: &[Label]) -> Vec<NearMiss<Type>> {
    let names = named(all.iter(), CASE).into_iter().map(|name| (name, ()));
    let names: Vec<_> = names.collect();
    let mut misses = with_labels(&names, (), |names| Type::Enum(labels(names, CASE)));
    let cases = all.iter().map(|label| VariantCase { label: label.clone(), ty: None });
    misses.extend(instead(&[Type::Variant(cases.collect())]));
    misses
}

fn flags(all: &[Label]) -> Vec<NearMiss<Type>> {
    let names = named(all.iter(), FLAG).into_iter().map(|name| (name, ()));
    let names: Vec<_> = names.collect();
    let misses = with_labels(&names, (), |names| Type::Flags(labels(names, FLAG)));
    let few = |ty: &Type| !matches!(ty, Type::Flags(labels) if labels.len() > MOST_FLAGS);
    misses.into_iter().filter(|(_, ty)| few(ty)).collect()
}

fn options(some: &Type) -> Vec<NearMiss<Type>> {
    let boxed = Box::new(some.clone());
    let cases = [("none", None), ("some", Some(some.clone()))];
    let cases = cases.map(|(name, ty)| (name.to_string(), ty));
    instead(&[
        some.clone(),
        Type::Option(Box::new(Type::Option(boxed.clone()))),
        Type::Result(Some(boxed), None),
        variant(cases.into()),
    ])
}

type Payload = Option<Box<Type>>;

fn results(ok: &Payload, error: &Payload) -> Vec<NearMiss<Type>> {
    let toggled = |payload: &Payload| match payload {
        Some(_) => None,
        None => Some(Box::new(Type::U8)),
    };
    let mut misses = vec![
        ("ok with a payload or without".to_string(), Type::Result(toggled(ok), error.clone())),
        ("error with a payload or without".to_string(), Type::Result(ok.clone(), toggled(error))),
    ];
    if ok != error {
        misses.push(("swapped".to_string(), Type::Result(error.clone(), ok.clone())));
    }
    let cases = [("ok", ok), ("error", error)];
    let cases = cases.map(|(name, ty)| (name.to_string(), ty.as_deref().cloned()));
    misses.extend(instead(&[variant(cases.into())]));
    misses
}
