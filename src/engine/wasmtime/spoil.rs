//! The host's mistakes, made in values as Wasmtime's dynamic interface has them.
//! Knows how to make each, and not what comes of it.

use canonfuzz_typed::{Data, handles};
use wasmtime::component::{Func, Val};
use wasmtime::{AsContextMut, Error, Result, StoreContextMut};

use super::state::AsState;
use super::trap::Stopped;
use super::typed;
use crate::case::Shape;
use crate::case::misuse::{Mistake, Misuse};
use crate::types::{CASE, FIELD, FLAG, Label, Resource, Type, scalar};

/// Makes the mistake in the arguments of a call, if one is to be there.
pub fn args(store: &mut StoreContextMut<'_, Data>, vals: &mut Vec<Val>) -> Result<()> {
    match store.data().state().host.misuse {
        Some(Misuse::ArgMissing) => {
            vals.pop();
            Ok(())
        }
        Some(Misuse::ArgExtra) => {
            vals.push(Val::Bool(false));
            Ok(())
        }
        Some(Misuse::Arg { node, mistake }) => {
            let export = store.data().state().host.export.clone();
            make(store, &export.params, vals, node, mistake)
        }
        Some(
            Misuse::ResultMissing
            | Misuse::ResultExtra
            | Misuse::Answer { .. }
            | Misuse::Signature(_),
        )
        | None => Ok(()),
    }
}

/// Takes the function for one of other static types, if that is the mistake to make. Types that are the
/// function's own are none.
pub fn signature(store: &mut StoreContextMut<'_, Data>, func: Func) -> Result<()> {
    let Some(Misuse::Signature(number)) = store.data().state().host.misuse else {
        return Ok(());
    };
    let signature = typed::numbered(number);
    if typed::described(signature).stands_for(&store.data().state().host.export) {
        return Err(Error::new(Stopped::NoSignature));
    }
    signature.matches(&func, &*store)
}

/// How many results the host has room for, of a function that has so many.
pub fn slots(misuse: Option<Misuse>, results: usize) -> usize {
    match misuse {
        Some(Misuse::ResultMissing) => results.saturating_sub(1),
        Some(Misuse::ResultExtra) => results + 1,
        Some(
            Misuse::ArgMissing
            | Misuse::ArgExtra
            | Misuse::Arg { .. }
            | Misuse::Answer { .. }
            | Misuse::Signature(_),
        )
        | None => results,
    }
}

/// Makes the mistake in what the host's function is about to return, if one is to be there.
pub fn answer(
    store: &mut StoreContextMut<'_, Data>,
    shape: &Shape,
    results: &mut [Val],
) -> Result<()> {
    let Some((node, mistake)) = store.data().state().host.answer_mistake() else {
        return Ok(());
    };
    let (_, types) = shape.last().types_of_import();
    make(store, types, results, node, mistake)
}

fn make(
    store: &mut StoreContextMut<'_, Data>,
    types: &[Type],
    vals: &mut [Val],
    node: u32,
    mistake: Mistake,
) -> Result<()> {
    let mut left = node;
    let mut vals = types.iter().zip(vals);
    let found = vals.find_map(|(ty, val)| find(ty, val, &mut left));
    let (ty, val) = found.expect("a checked case has the value that is to be wrong");
    match mistake {
        Mistake::OtherResource => {
            *val = Val::Resource(handles::unknown(store.as_context_mut())?);
            Ok(())
        }
        Mistake::OtherStore => foreign(store, ty, val),
        Mistake::OtherType
        | Mistake::MemberMissing
        | Mistake::MemberExtra
        | Mistake::FieldRenamed
        | Mistake::FieldsReordered
        | Mistake::UnknownCase
        | Mistake::UnknownFlag
        | Mistake::DuplicateFlag
        | Mistake::PayloadMissing
        | Mistake::PayloadExtra
        | Mistake::MixedElements
        | Mistake::ElementMissing
        | Mistake::ElementExtra => {
            *val = spoilt(mistake, std::mem::replace(val, Val::Bool(false)), ty);
            Ok(())
        }
    }
}

fn foreign(store: &mut StoreContextMut<'_, Data>, ty: &Type, val: &mut Val) -> Result<()> {
    let resource: Option<Resource> = ty.handles().first().and_then(|handle| handle.resource());
    let resource = resource.expect("a checked case makes this mistake with handles");
    let Val::Resource(handle) = val else { unreachable!("a handle is a resource") };
    *handle = match store.data().state().host.defines(resource) {
        true => {
            let foreign = handles::foreign(store.engine(), *handle, resource)?;
            foreign.ok_or_else(|| Error::new(Stopped::NoEqualHandle))?
        }
        false => handles::unknown(wasmtime::Store::new(store.engine(), ()))?,
    };
    Ok(())
}

/// The value of this number within a value, counted as `misuse::nodes` does.
fn find<'a>(ty: &'a Type, val: &'a mut Val, left: &mut u32) -> Option<(&'a Type, &'a mut Val)> {
    if *left == 0 {
        return Some((ty, val));
    }
    *left -= 1;
    parts(ty, val).into_iter().find_map(|(ty, val)| find(ty, val, left))
}

fn parts<'a>(ty: &'a Type, val: &'a mut Val) -> Vec<(&'a Type, &'a mut Val)> {
    match (ty, val) {
        (Type::List(elem), Val::List(vals)) => vals.iter_mut().map(|val| (&**elem, val)).collect(),
        #[cfg(wasmtime_48)]
        (Type::FixedLengthList(elem, _), Val::FixedLengthList(vals)) => {
            vals.iter_mut().map(|val| (&**elem, val)).collect()
        }
        #[cfg(wasmtime_44)]
        (Type::Map(key, value), Val::Map(entries)) => {
            entries.iter_mut().flat_map(|(k, v)| [(&**key, k), (&**value, v)]).collect()
        }
        (Type::Record(fields), Val::Record(vals)) => {
            fields.iter().zip(vals).map(|(field, (_, val))| (&field.ty, val)).collect()
        }
        (Type::Tuple(types), Val::Tuple(vals)) => types.iter().zip(vals).collect(),
        (Type::Variant(cases), Val::Variant(name, Some(val))) => {
            let case = cases.iter().enumerate().find(|(i, case)| case.label.is(name, CASE, *i));
            case.and_then(|(_, case)| case.ty.as_ref())
                .map(|ty| (ty, &mut **val))
                .into_iter()
                .collect()
        }
        (Type::Option(some), Val::Option(Some(val))) => vec![(&**some, &mut **val)],
        (Type::Result(Some(ok), _), Val::Result(Ok(Some(val)))) => vec![(&**ok, &mut **val)],
        (Type::Result(_, Some(err)), Val::Result(Err(Some(val)))) => vec![(&**err, &mut **val)],
        (_, _) => Vec::new(),
    }
}

/// A value with a mistake that is in it alone.
fn spoilt(mistake: Mistake, val: Val, ty: &Type) -> Val {
    match (mistake, val) {
        (Mistake::OtherType, val) => kin(val),
        (Mistake::MemberMissing, Val::Record(fields)) => Val::Record(shorter(fields)),
        (Mistake::MemberMissing, Val::Tuple(vals)) => Val::Tuple(shorter(vals)),
        (Mistake::MemberExtra, Val::Record(mut fields)) => {
            fields.push((unknown(ty), Val::Bool(false)));
            Val::Record(fields)
        }
        (Mistake::MemberExtra, Val::Tuple(mut vals)) => {
            vals.push(Val::Bool(false));
            Val::Tuple(vals)
        }
        (Mistake::FieldRenamed, Val::Record(mut fields)) => {
            fields[0].0 = unknown(ty);
            Val::Record(fields)
        }
        (Mistake::FieldsReordered, Val::Record(mut fields)) => {
            fields.swap(0, 1);
            Val::Record(fields)
        }
        (Mistake::UnknownCase, Val::Variant(_, payload)) => Val::Variant(unknown(ty), payload),
        (Mistake::UnknownCase, Val::Enum(_)) => Val::Enum(unknown(ty)),
        (Mistake::UnknownFlag, Val::Flags(mut names)) => {
            names.push(unknown(ty));
            Val::Flags(names)
        }
        (Mistake::DuplicateFlag, Val::Flags(mut names)) => {
            names.push(names[0].clone());
            Val::Flags(names)
        }
        (Mistake::PayloadMissing, val) => with_payload(val, None),
        (Mistake::PayloadExtra, val) => with_payload(val, Some(Box::new(Val::Bool(false)))),
        (Mistake::MixedElements, Val::List(mut vals)) => {
            let odd = vals.pop().map(kin);
            vals.extend(odd);
            Val::List(vals)
        }
        #[cfg(wasmtime_48)]
        (Mistake::ElementMissing, Val::FixedLengthList(vals)) => {
            Val::FixedLengthList(shorter(vals))
        }
        #[cfg(wasmtime_48)]
        (Mistake::ElementExtra, Val::FixedLengthList(mut vals)) => {
            vals.push(vals[0].clone());
            Val::FixedLengthList(vals)
        }
        (mistake, val) => unreachable!("a checked case has no {} of {val:?}", mistake.name()),
    }
}

fn shorter<T>(mut items: Vec<T>) -> Vec<T> {
    items.pop();
    items
}

#[expect(clippy::wildcard_enum_match_arm, reason = "only these have payloads")]
fn with_payload(val: Val, payload: Option<Box<Val>>) -> Val {
    match val {
        Val::Variant(name, _) => Val::Variant(name, payload),
        Val::Result(Ok(_)) => Val::Result(Ok(payload)),
        Val::Result(Err(_)) => Val::Result(Err(payload)),
        other => unreachable!("{other:?} has no payload"),
    }
}

/// A name that no member of the type has.
fn unknown(ty: &Type) -> String {
    let names = names(ty);
    let mut name = "unknown".to_string();
    while names.contains(&name) {
        name += "-x";
    }
    name
}

fn names(ty: &Type) -> Vec<String> {
    let (kind, labels): (char, Vec<&Label>) = match ty {
        Type::Record(fields) => (FIELD, fields.iter().map(|field| &field.label).collect()),
        Type::Variant(cases) => (CASE, cases.iter().map(|case| &case.label).collect()),
        Type::Enum(labels) => (CASE, labels.iter().collect()),
        Type::Flags(labels) => (FLAG, labels.iter().collect()),
        scalar!()
        | Type::String
        | Type::List(_)
        | Type::FixedLengthList(..)
        | Type::Tuple(_)
        | Type::Option(_)
        | Type::Result(..)
        | Type::Map(..)
        | Type::Handle(_) => return Vec::new(),
    };
    labels.iter().enumerate().map(|(i, label)| label.at(kind, i).into_owned()).collect()
}

/// A value of another type that has much in common with this one: what is likeliest to be mistaken for it.
fn kin(val: Val) -> Val {
    match val {
        Val::Bool(_) | Val::S8(_) => Val::U8(0),
        Val::U8(_) => Val::S8(0),
        Val::S16(_) => Val::U16(0),
        Val::U16(_) => Val::S16(0),
        Val::S32(_) | Val::Char(_) | Val::Resource(_) => Val::U32(0),
        Val::U32(_) => Val::S32(0),
        Val::S64(_) => Val::U64(0),
        Val::U64(_) => Val::S64(0),
        Val::Float32(value) => Val::Float64(value.into()),
        Val::Float64(_) => Val::Float32(0.0),
        Val::String(text) => Val::List(text.bytes().map(Val::U8).collect()),
        Val::List(vals) => list_kin(vals),
        Val::Record(fields) => Val::Tuple(fields.into_iter().map(|(_, val)| val).collect()),
        Val::Tuple(vals) => {
            let named = vals.into_iter().enumerate().map(|(i, val)| (format!("f{i}"), val));
            Val::Record(named.collect())
        }
        Val::Variant(name, None) => Val::Enum(name),
        Val::Variant(_, payload) | Val::Result(Ok(payload) | Err(payload)) => Val::Option(payload),
        Val::Enum(name) => Val::Variant(name, None),
        Val::Option(payload) => Val::Result(Ok(payload)),
        Val::Flags(names) => Val::List(names.into_iter().map(Val::String).collect()),
        #[cfg(wasmtime_48)]
        Val::FixedLengthList(vals) => Val::List(vals),
        #[cfg(wasmtime_44)]
        Val::Map(entries) => {
            Val::List(entries.into_iter().map(|(k, v)| Val::Tuple(vec![k, v])).collect())
        }
        // No case has values of async types.
        _ => Val::Bool(false),
    }
}

#[cfg(wasmtime_48)]
fn list_kin(vals: Vec<Val>) -> Val {
    Val::FixedLengthList(vals)
}

#[cfg(not(wasmtime_48))]
fn list_kin(vals: Vec<Val>) -> Val {
    Val::Tuple(vals)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::misuse::nodes;
    use crate::engine::wasmtime::val::to_val;
    use crate::types::{Field, VariantCase};
    use crate::value::Value;

    fn val(value: &Value, ty: &Type) -> Val {
        to_val(value, ty, &mut |_, _| unreachable!("there are no handles")).unwrap()
    }

    /// The values within this one are found by their numbers, and no more of them.
    #[track_caller]
    fn check(ty: Type, value: Value, count: usize) {
        let (types, values) = ([Type::U8, ty], [Value::U8(0), value]);
        let nodes = nodes(&types, &values);
        assert_eq!(nodes.len(), 1 + count);
        let mut vals: Vec<Val> = values.iter().zip(&types).map(|(v, ty)| val(v, ty)).collect();
        let mut nth = |mut left: u32| {
            let found = types.iter().zip(&mut vals).find_map(|(ty, val)| find(ty, val, &mut left));
            found.map(|(ty, val)| (ty.clone(), val.clone()))
        };
        for (number, node) in (0..).zip(&nodes) {
            assert_eq!(nth(number), Some((node.ty.clone(), val(node.value, node.ty))));
        }
        assert_eq!(nth(u32::try_from(nodes.len()).unwrap()), None);
    }

    fn boxed(ty: Type) -> Box<Type> {
        Box::new(ty)
    }

    #[test]
    fn values_are_counted_as_in_the_case() {
        let pair = || Value::Record(vec![Value::U16(1), Value::string("a")]);
        let tuple = || Type::Tuple(vec![Type::U16, Type::String]);
        let record = || Type::Record(vec![Field::new(Type::U16), Field::new(Type::String)]);
        check(Type::U32, Value::U32(7), 1);
        check(record(), pair(), 3);
        check(Type::List(boxed(tuple())), Value::List(vec![pair(), pair()]), 7);
        check(Type::Option(boxed(record())), Value::case(1, pair()), 4);
        check(Type::Option(boxed(record())), Value::Variant(0, None), 1);
        let result = || Type::Result(Some(boxed(tuple())), Some(boxed(Type::U8)));
        check(result(), Value::case(0, pair()), 4);
        check(result(), Value::case(1, Value::U8(3)), 2);
        let cases = vec![VariantCase::new(None), VariantCase::new(Some(tuple()))];
        check(Type::Variant(cases.clone()), Value::case(1, pair()), 4);
        check(Type::Variant(cases), Value::Variant(0, None), 1);
    }

    #[cfg(wasmtime_48)]
    #[test]
    fn lists_of_fixed_length_and_maps_are_counted_as_in_the_case() {
        let pair = |key| Value::Record(vec![Value::U8(key), Value::List(vec![Value::Bool(true)])]);
        let list = Type::FixedLengthList(boxed(Type::Bool), 1);
        let ty = Type::Map(boxed(Type::U8), boxed(list));
        check(ty, Value::List(vec![pair(1), pair(2)]), 7);
    }

    #[test]
    fn a_name_is_unknown_whatever_there_is() {
        let field = |name: &str| Field { label: Label::named(name, FIELD, 0), ty: Type::U8 };
        let ty = Type::Record(vec![field("unknown"), field("unknown-x")]);
        assert_eq!(unknown(&ty), "unknown-x-x");
        assert_eq!(unknown(&Type::Flags(Vec::new())), "unknown");
    }
}
