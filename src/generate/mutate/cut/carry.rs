//! A change to one type of a function, and what becomes of all that is passed by it.
//! Knows where values and core values of a type are in a case; not which changes there are to make.

use std::ops::Range;

use super::recast::recast;
use crate::abi::flatten::{flatten_type, flatten_within};
use crate::abi::{MAX_FLAT_PARAMS, PtrType};
use crate::case::{Case, Part, Passed, Patch};
use crate::generate::mutate::shape::type_of;
use crate::generate::values::least;
use crate::types::{Field, FuncType, Type};
use crate::value::Value;

/// Which type changes, and how.
#[derive(Clone, Debug)]
pub struct TypeCut {
    /// By number: the exports of all guests, and what the last one imports.
    pub function: usize,
    /// A param, or the result after them.
    pub root: usize,
    /// The way to it from there, by positions among `Type::children`.
    pub path: Vec<usize>,
    pub change: Change,
}

#[derive(Clone, Debug)]
pub enum Change {
    /// The param or result goes.
    Gone,
    /// Another type takes its place.
    Become(Type),
    /// What is inside takes its place.
    Unwrap(usize),
    /// These members go.
    Without(Range<usize>),
    /// A list of fixed length takes the place of these members, which are equal.
    Gather(Range<usize>),
    /// The case of this number has no payload any more.
    Bare(usize),
}

/// Changes the type, and passes what was passed as far as it still fits.
pub fn apply(case: &mut Case, cut: &TypeCut) {
    let old = type_of(&mut case.shape, cut.function).clone();
    let mut new = old.clone();
    let count = old.params.len();
    let root = old.params.get(cut.root).or(old.result.as_ref()).cloned();
    let Some(root) = root else { return };
    if matches!(cut.change, Change::Gone) && cut.root < count {
        new.params.remove(cut.root);
    } else if matches!(cut.change, Change::Gone) {
        new.result = None;
    } else if let Some(ty) = new.params.get_mut(cut.root).or(new.result.as_mut()) {
        change_at(ty, &cut.path, &mut |ty| *ty = changed(ty, &cut.change));
    }
    if cut.root < count {
        carry_words(case, cut, &old, &new);
        carry_params(case, cut, &root);
    } else {
        each_result(case, cut.function, &mut |value| carry(value, &root, &cut.path, &cut.change));
    }
    *type_of(&mut case.shape, cut.function) = new;
}

fn change_at(ty: &mut Type, path: &[usize], change: &mut dyn FnMut(&mut Type)) {
    match path {
        [] => change(ty),
        [child, rest @ ..] => {
            if let Some(ty) = ty.children_mut().into_iter().nth(*child) {
                change_at(ty, rest, change);
            }
        }
    }
}

/// The type of a node after the change.
fn changed(ty: &Type, change: &Change) -> Type {
    match change {
        Change::Gone => ty.clone(),
        Change::Become(other) => other.clone(),
        Change::Unwrap(child) => ty.children().get(*child).map_or(ty, |child| child).clone(),
        Change::Without(range) => without(ty.clone(), range.clone()),
        Change::Gather(range) => gathered(ty.clone(), range.clone()),
        Change::Bare(case) => bare(ty.clone(), *case),
    }
}

fn gathered(mut ty: Type, range: Range<usize>) -> Type {
    let length = u32::try_from(range.len()).expect("members are few");
    let list = |elem: &Type| Type::FixedLengthList(Box::new(elem.clone()), length);
    if let Type::Record(fields) = &mut ty {
        let field = Field::new(list(&fields[range.start].ty));
        fields.splice(range, [field]);
    } else if let Type::Tuple(types) = &mut ty {
        let list = list(&types[range.start]);
        types.splice(range, [list]);
    }
    ty
}

fn without(mut ty: Type, range: Range<usize>) -> Type {
    if let Type::Record(fields) = &mut ty {
        fields.drain(range);
    } else if let Type::Tuple(types) = &mut ty {
        types.drain(range);
    } else if let Type::Variant(cases) = &mut ty {
        cases.drain(range);
    } else if let Type::Enum(labels) | Type::Flags(labels) = &mut ty {
        labels.drain(range);
    } else if let Type::FixedLengthList(_, length) = &mut ty {
        *length -= u32::try_from(range.len()).expect("no more than there are");
    }
    ty
}

fn bare(mut ty: Type, case: usize) -> Type {
    if let Type::Variant(cases) = &mut ty {
        cases[case].ty = None;
    } else if let Type::Result(ok, error) = &mut ty {
        *(if case == 0 { ok } else { error }) = None;
    }
    ty
}

fn carry_params(case: &mut Case, cut: &TypeCut, root: &Type) {
    each_params(case, cut.function, &mut |values| {
        if cut.root >= values.len() {
            return;
        }
        if let Change::Gone = cut.change {
            values.remove(cut.root);
        } else {
            carry(&mut values[cut.root], root, &cut.path, &cut.change);
        }
    });
}

/// All values that are passed as the params of a function.
pub fn each_params(case: &mut Case, function: usize, change: &mut dyn FnMut(&mut Vec<Value>)) {
    for call in &mut case.calls {
        match function.checked_sub(1) {
            None => change(&mut call.args),
            Some(caller) => {
                for step in call.scripts[caller].import_calls_mut() {
                    match &mut step.passed {
                        Passed::Lowered { values, .. } => change(values),
                        Passed::Raw { .. } => {}
                    }
                }
            }
        }
    }
}

/// All values that are passed as its result.
pub fn each_result(case: &mut Case, function: usize, change: &mut dyn FnMut(&mut Value)) {
    let count = case.shape.guests.len();
    let (of, part) = match function.checked_sub(count) {
        Some(_) => (count - 1, Part::Answer),
        None => (function, Part::Result),
    };
    for script in case.calls.iter_mut().filter_map(|call| call.scripts.get_mut(of)) {
        let values = script.values_mut().filter(|(other, _)| *other == part);
        values.flat_map(|(_, values)| values).for_each(&mut *change);
    }
}

/// Changes a value of type `ty` as its type changes there.
fn carry(value: &mut Value, ty: &Type, path: &[usize], change: &Change) {
    let [child, rest @ ..] = path else {
        *value = carried(value, ty, change);
        return;
    };
    let Some(inner) = ty.children().get(*child).copied() else { return };
    parts_of_child(value, ty, *child).into_iter().for_each(|part| carry(part, inner, rest, change));
}

/// The values in this one that are of its type's child of this number.
pub fn parts_of_child<'a>(value: &'a mut Value, ty: &Type, child: usize) -> Vec<&'a mut Value> {
    match (value, ty) {
        (Value::List(values), Type::List(_) | Type::FixedLengthList(..)) => {
            values.iter_mut().collect()
        }
        (Value::List(entries), Type::Map(..)) => {
            entries.iter_mut().filter_map(|entry| entry.parts_mut().get_mut(child)).collect()
        }
        (Value::Record(values), Type::Record(_) | Type::Tuple(_)) => {
            values.get_mut(child).into_iter().collect()
        }
        (Value::Variant(index, Some(payload)), ty) if case_of_child(ty, child) == Some(*index) => {
            vec![&mut **payload]
        }
        (_, _) => Vec::new(),
    }
}

/// Which case of a variant has the child of this number as its payload.
fn case_of_child(ty: &Type, child: usize) -> Option<u32> {
    let with_payload: Vec<bool> = if let Type::Variant(cases) = ty {
        cases.iter().map(|case| case.ty.is_some()).collect()
    } else if let Type::Option(_) = ty {
        vec![false, true]
    } else if let Type::Result(ok, error) = ty {
        vec![ok.is_some(), error.is_some()]
    } else {
        Vec::new()
    };
    let mut cases = with_payload.into_iter().enumerate().filter(|(_, has)| *has);
    cases.nth(child).and_then(|(case, _)| u32::try_from(case).ok())
}

fn carried(value: &mut Value, ty: &Type, change: &Change) -> Value {
    match change {
        Change::Gone => value.clone(),
        Change::Become(new) => became(value, ty, new),
        Change::Unwrap(child) => {
            let parts = parts_of_child(value, ty, *child);
            let part = parts.into_iter().next().map(|part| part.clone());
            part.unwrap_or_else(|| {
                ty.children().get(*child).map_or(Value::Bool(false), |ty| least(ty))
            })
        }
        Change::Without(range) => with_fewer_members(value, ty, range),
        Change::Gather(range) => with_gathered(value, range),
        Change::Bare(case) => {
            let is_it = |index: u32| usize::try_from(index) == Ok(*case);
            if let Value::Variant(index, _) = value
                && is_it(*index)
            {
                return Value::Variant(*index, None);
            }
            value.clone()
        }
    }
}

/// What has the same form stays, and repair looks at the rest.
fn became(value: &Value, old: &Type, new: &Type) -> Value {
    if let (Type::Map(..), Type::List(_), Value::List(entries)) = (old, new, value) {
        let keys = entries.iter().filter_map(|entry| entry.parts().first().cloned());
        return Value::List(keys.collect());
    }
    recast(value, new).unwrap_or_else(|| value.clone())
}

fn with_gathered(value: &Value, range: &Range<usize>) -> Value {
    if let Value::Record(parts) = value
        && range.end <= parts.len()
    {
        let mut parts = parts.clone();
        let list = Value::List(parts[range.clone()].to_vec());
        parts.splice(range.clone(), [list]);
        return Value::Record(parts);
    }
    value.clone()
}

fn with_fewer_members(value: &Value, ty: &Type, range: &Range<usize>) -> Value {
    let length = u32::try_from(range.len()).expect("members are few");
    if let Value::Record(parts) | Value::List(parts) = value {
        let mut parts = parts.clone();
        parts.drain(range.clone());
        return if let Value::Record(_) = value {
            Value::Record(parts)
        } else {
            Value::List(parts)
        };
    }
    if let Value::Variant(index, payload) = value {
        return match usize::try_from(*index) {
            Ok(index) if range.contains(&index) => least(&without(ty.clone(), range.clone())),
            Ok(place) if place >= range.end => Value::Variant(index - length, payload.clone()),
            Ok(_) | Err(_) => value.clone(),
        };
    }
    if let Value::Flags(bits) = value {
        let low = u32::try_from(range.start).expect("flags are few");
        let kept = bits & !(u32::MAX.checked_shl(low).unwrap_or(0));
        let rest = bits.checked_shr(low + length).unwrap_or(0).checked_shl(low).unwrap_or(0);
        return Value::Flags(kept | rest);
    }
    value.clone()
}

/// Has core values that stood for a param stand for it still.
fn carry_words(case: &mut Case, cut: &TypeCut, old: &FuncType, new: &FuncType) {
    let Some(caller) = cut.function.checked_sub(1) else { return };
    let ptr = case.shape.guests[caller].ptr_type;
    let words =
        |ty: &FuncType| flatten_within(&ty.params, ptr, MAX_FLAT_PARAMS).map(|flat| flat.len());
    let (Some(before), Some(after)) = (words(old), words(new)) else { return };
    let moved = |word: usize| {
        if word >= before { Some(word - before + after) } else { moved(word, cut, old, new, ptr) }
    };
    for call in &mut case.calls {
        for step in call.scripts[caller].import_calls_mut() {
            move_words(&mut step.passed, &moved);
        }
    }
}

fn move_words(passed: &mut Passed, moved: &dyn Fn(usize) -> Option<usize>) {
    match passed {
        Passed::Lowered { patches, .. } => patches.retain_mut(|patch| match patch {
            Patch::Flat { index, .. } => {
                let to = usize::try_from(*index).ok().and_then(moved);
                let to = to.and_then(|to| u32::try_from(to).ok());
                *index = to.unwrap_or(*index);
                to.is_some()
            }
            Patch::Memory(_) => true,
        }),
        Passed::Raw { flat, .. } => {
            let mut words = Vec::new();
            for (from, bits) in flat.iter().enumerate() {
                let Some(to) = moved(from) else { continue };
                words.resize(words.len().max(to + 1), 0);
                words[to] = *bits;
            }
            *flat = words;
        }
    }
}

/// Where a core value of the params is after the change, if it is there still.
fn moved(
    word: usize,
    cut: &TypeCut,
    old: &FuncType,
    new: &FuncType,
    ptr: PtrType,
) -> Option<usize> {
    let length = |ty: &Type| flatten_type(ty, ptr).len();
    let start: usize = old.params[..cut.root].iter().map(length).sum();
    let root = &old.params[cut.root];
    if word < start {
        return Some(word);
    }
    let gone = matches!(cut.change, Change::Gone);
    let room = if gone { 0 } else { length(&new.params[cut.root]) };
    if word >= start + length(root) {
        return Some(word - length(root) + room);
    }
    let within = moved_within(word - start, root, &cut.path, &cut.change, ptr)?;
    (within < room).then_some(start + within)
}

/// Where a word goes within one type.
fn moved_within(
    word: usize,
    ty: &Type,
    path: &[usize],
    change: &Change,
    ptr: PtrType,
) -> Option<usize> {
    let Some((child, rest)) = path.split_first() else {
        let mut start = 0;
        for range in kept(ty, change, ptr) {
            if range.contains(&word) {
                let room = flatten_type(&changed(ty, change), ptr).len();
                return Some(start + word - range.start).filter(|to| *to < room);
            }
            start += range.len();
        }
        return None;
    };
    let range = words_of_child(ty, *child, ptr)?;
    if word < range.start {
        return Some(word);
    }
    let inner = ty.children()[*child];
    if word < range.end {
        return moved_within(word - range.start, inner, rest, change, ptr)
            .map(|within| range.start + within);
    }
    let mut after = inner.clone();
    change_at(&mut after, rest, &mut |ty| *ty = changed(ty, change));
    Some(word - range.len() + flatten_type(&after, ptr).len())
}

/// The core values of a type's child among its own, where it has some.
fn words_of_child(ty: &Type, child: usize, ptr: PtrType) -> Option<Range<usize>> {
    let children = ty.children();
    let length = |ty: &&Type| flatten_type(ty, ptr).len();
    let own = length(children.get(child)?);
    let start = if let Type::Record(_) | Type::Tuple(_) = ty {
        children[..child].iter().map(length).sum()
    } else if let Type::Variant(_) | Type::Option(_) | Type::Result(..) = ty {
        1
    } else if let Type::FixedLengthList(..) = ty {
        0
    } else {
        return None;
    };
    Some(start..start + own)
}

/// Which of a type's core values stay, in order.
fn kept(ty: &Type, change: &Change, ptr: PtrType) -> Vec<Range<usize>> {
    let all = 0..flatten_type(ty, ptr).len();
    match change {
        Change::Gone => Vec::new(),
        Change::Become(_) | Change::Bare(_) | Change::Gather(_) => vec![all],
        Change::Unwrap(child) => words_of_child(ty, *child, ptr).into_iter().collect(),
        Change::Without(range) => {
            if !matches!(ty, Type::Record(_) | Type::Tuple(_)) {
                return vec![all];
            }
            let start = words_of_child(ty, range.start, ptr).map_or(0, |words| words.start);
            let end = words_of_child(ty, range.end - 1, ptr).map_or(all.end, |words| words.end);
            vec![0..start, end..all.end]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Value::{Record, U8, U16};

    const U8S: [Type; 3] = [Type::U8, Type::U8, Type::U8];

    fn tuple(types: &[Type]) -> Type {
        Type::Tuple(types.to_vec())
    }

    /// Where the core values of two params are after the first of them has changed at `path`.
    #[track_caller]
    fn check_words(ty: Type, path: &[usize], change: Change, to: &[Option<usize>]) {
        let mut new = ty.clone();
        change_at(&mut new, path, &mut |ty| *ty = changed(ty, &change));
        let cut = TypeCut { function: 1, root: 0, path: path.to_vec(), change };
        let gone = matches!(cut.change, Change::Gone);
        let params =
            |first: Type| FuncType { params: vec![first, Type::U8], ..FuncType::default() };
        let (old, mut new) = (params(ty), params(new));
        if gone {
            new.params.remove(0);
        }
        let count = flatten_within(&old.params, PtrType::I32, MAX_FLAT_PARAMS).unwrap().len();
        let found: Vec<_> =
            (0..count).map(|word| moved(word, &cut, &old, &new, PtrType::I32)).collect();
        assert_eq!(found, to);
    }

    #[test]
    fn core_values_follow_what_they_are_for() {
        let some = |words: &[usize]| words.iter().copied().map(Some).collect::<Vec<_>>();
        let three = || tuple(&U8S);
        check_words(three(), &[], Change::Gone, &[None, None, None, Some(0)]);
        check_words(three(), &[], Change::Unwrap(1), &[None, Some(0), None, Some(1)]);
        check_words(three(), &[], Change::Without(0..2), &[None, None, Some(0), Some(1)]);
        check_words(three(), &[1], Change::Become(Type::Bool), &some(&[0, 1, 2, 3]));
        let nested = tuple(&[Type::String, three()]);
        check_words(
            nested.clone(),
            &[1],
            Change::Without(1..2),
            &[Some(0), Some(1), Some(2), None, Some(3), Some(4)],
        );
        check_words(
            nested,
            &[0],
            Change::Become(Type::Bool),
            &[Some(0), None, Some(1), Some(2), Some(3), Some(4)],
        );
        let option = Type::Option(Box::new(Type::U8));
        check_words(option.clone(), &[], Change::Unwrap(0), &[None, Some(0), Some(1)]);
        check_words(option, &[], Change::Become(Type::Bool), &[Some(0), None, Some(1)]);
    }

    #[track_caller]
    fn check_value(ty: &Type, value: Value, path: &[usize], change: Change, left: Value) {
        let mut value = value;
        carry(&mut value, ty, path, &change);
        assert_eq!(value, left);
    }

    #[test]
    fn values_follow_their_types() {
        let three = || Record(vec![U8(1), U8(2), U8(3)]);
        check_value(&tuple(&U8S), three(), &[], Change::Unwrap(1), U8(2));
        check_value(&tuple(&U8S), three(), &[], Change::Without(0..2), Record(vec![U8(3)]));
        let wider = Record(vec![U8(1), U16(2), U8(3)]);
        check_value(&tuple(&U8S), three(), &[1], Change::Become(Type::U16), wider);
        let list = Type::List(Box::new(tuple(&U8S)));
        let of = |value: Value| Value::List(vec![value.clone(), value]);
        check_value(&list, of(three()), &[0], Change::Unwrap(2), of(U8(3)));
        check_value(&list, of(three()), &[], Change::Unwrap(0), three());
        check_value(&Type::S8, Value::S8(-1), &[], Change::Become(Type::U16), U16(0xffff));
        let option = Type::Option(Box::new(Type::U8));
        check_value(&option, Value::case(1, U8(7)), &[], Change::Unwrap(0), U8(7));
        check_value(&option, Value::Variant(0, None), &[], Change::Unwrap(0), U8(0));
        let flags = Type::Flags(vec![Default::default(); 10]);
        let bits = |bits| Value::Flags(bits);
        check_value(&flags, bits(0b11_1000_0101), &[], Change::Without(2..8), bits(0b1101));
        let variant = Type::Enum(vec![Default::default(); 9]);
        let case = |index| Value::Variant(index, None);
        check_value(&variant, case(8), &[], Change::Without(2..8), case(2));
        check_value(&variant, case(3), &[], Change::Without(2..8), case(0));
        check_value(&variant, case(1), &[], Change::Without(2..8), case(1));
    }
}
