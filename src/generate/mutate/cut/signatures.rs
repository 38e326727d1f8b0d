//! Other static types in the place of those of a function: there are only so many, and no smaller one may be
//! a part of those that it has.
//! Knows which there are by asking what cases may have.

use super::carry::{each_params, each_result, parts_of_child};
use super::one::Cut;
use super::recast::recast;
use crate::case::Case;
use crate::case::allowed::{Allowed, Side};
use crate::generate::mutate::paths::signatures_for;
use crate::generate::mutate::shape::type_of;
use crate::generate::mutate::size::size_of_type;
use crate::generate::values::least;
use crate::types::{FuncType, Type};
use crate::value::Value;

/// Which of the values that there were come first where there is room for fewer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    Forward,
    Backward,
}

/// Every smaller signature of each function that has static types, the smallest first.
pub fn signatures(case: &Case, allowed: &Allowed) -> Vec<Cut> {
    let mut cuts = Vec::new();
    for side in Side::ALL {
        for ty in smaller(case, side, allowed) {
            for order in [Order::Forward, Order::Backward] {
                let ty = ty.clone();
                cuts.push(Cut::new(move |case| replace(case, side, &ty, order)));
            }
        }
    }
    cuts
}

fn smaller(case: &Case, side: Side, allowed: &Allowed) -> Vec<FuncType> {
    let path = side.path(case.paths);
    let Some(old) = side.ty(&case.shape).filter(|_| path.api.is_typed()) else {
        return Vec::new();
    };
    let all = signatures_for(&case.shape, side, path.mode, allowed);
    let types = all.into_iter().map(|one| FuncType { is_async: old.is_async, ..one.ty.clone() });
    let size = size_of_type(old);
    let mut smaller: Vec<FuncType> = types.filter(|ty| size_of_type(ty) < size).collect();
    smaller.sort_by_key(size_of_type);
    smaller.dedup();
    smaller
}

/// Gives the function this type, and passes what was passed as far as there is a place for it.
fn replace(case: &mut Case, side: Side, new: &FuncType, order: Order) {
    let function = match side {
        Side::Call => 0,
        Side::Import => case.shape.guests.len(),
    };
    let old = std::mem::replace(type_of(&mut case.shape, function), new.clone());
    each_params(case, function, &mut |values| {
        *values = refilled(&old.params, values, &new.params, order);
    });
    if let (Some(old), Some(new)) = (&old.result, &new.result) {
        let [old, new] = [old, new].map(std::slice::from_ref);
        each_result(case, function, &mut |value| {
            let refilled = refilled(old, std::slice::from_ref(value), new, order);
            refilled.into_iter().for_each(|new| *value = new);
        });
    }
}

/// A value and its type.
type Typed = (Type, Value);

/// Values of these types, made of those that there were.
fn refilled(old: &[Type], values: &[Value], new: &[Type], order: Order) -> Vec<Value> {
    let mut there = Vec::new();
    let whole = old.iter().zip(values);
    whole.for_each(|(ty, value)| collect(ty, &mut value.clone(), &mut there));
    match order {
        Order::Forward => new.iter().map(|ty| refill(ty, &mut there)).collect(),
        Order::Backward => {
            there.reverse();
            let mut filled: Vec<_> = new.iter().rev().map(|ty| refill(ty, &mut there)).collect();
            filled.reverse();
            filled
        }
    }
}

/// The value, and all that are inside.
fn collect(ty: &Type, value: &mut Value, there: &mut Vec<Typed>) {
    there.push((ty.clone(), value.clone()));
    for (child, inner) in ty.children().into_iter().enumerate() {
        let parts = parts_of_child(value, ty, child);
        parts.into_iter().for_each(|part| collect(inner, part, there));
    }
}

/// The first that is of this type, or made of what is of its parts' types; each is taken once.
fn refill(ty: &Type, there: &mut Vec<Typed>) -> Value {
    if let Some(same) = there.iter().position(|(old, _)| old == ty) {
        return there.remove(same).1;
    }
    let mut numbers = there.iter().enumerate();
    let number = numbers.find_map(|(at, (_, value))| Some((at, recast(value, ty)?)));
    if let Some((at, number)) = number {
        there.remove(at);
        return number;
    }
    let children = ty.children();
    match (ty, children.last()) {
        (Type::Record(_) | Type::Tuple(_), _) => {
            Value::Record(children.into_iter().map(|ty| refill(ty, there)).collect())
        }
        (Type::List(_), Some(elem)) => {
            let (taken, rest) = std::mem::take(there).into_iter().partition(|(ty, _)| ty == *elem);
            *there = rest;
            let taken: Vec<Typed> = taken;
            Value::List(taken.into_iter().map(|(_, value)| value).collect())
        }
        (Type::Option(_), Some(some)) if there.iter().any(|(old, _)| old == *some) => {
            Value::case(1, refill(some, there))
        }
        (_, _) => alike(ty, there).unwrap_or_else(|| least(ty)),
    }
}

/// The first of the same sort, such as other flags; repair makes it fit.
fn alike(ty: &Type, there: &mut Vec<Typed>) -> Option<Value> {
    let sort = std::mem::discriminant(ty);
    let number = there.iter().position(|(old, _)| std::mem::discriminant(old) == sort)?;
    Some(there.remove(number).1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Value::{List, Record, U8, U64};

    fn list(ty: Type) -> Type {
        Type::List(Box::new(ty))
    }

    fn option(ty: Type) -> Type {
        Type::Option(Box::new(ty))
    }

    /// What these values become where the params are of other types.
    #[track_caller]
    fn check(old: &[Type], values: &[Value], new: &[Type], order: Order, becomes: &[Value]) {
        assert_eq!(refilled(old, values, new, order), becomes);
    }

    #[test]
    fn values_go_where_their_types_are() {
        let pair = Type::Tuple(vec![Type::U8, Type::U64]);
        let of_pair = || Record(vec![U8(1), U64(2)]);
        let types = [pair.clone(), Type::U8];
        let values = [of_pair(), U8(3)];
        check(&types, &values, &[Type::U64], Order::Forward, &[U64(2)]);
        check(&types, &values, &[Type::U8, Type::U8], Order::Forward, &[U8(1), U8(3)]);
        check(&types, &values, &[Type::U8], Order::Backward, &[U8(3)]);
        check(&types, &values, &[option(Type::U8)], Order::Forward, &[Value::case(1, U8(1))]);
        check(&types, &values, &[list(Type::U8)], Order::Forward, &[List(vec![U8(1), U8(3)])]);
        let swapped = Type::Tuple(vec![Type::U64, Type::U8]);
        check(&types, &values, &[swapped], Order::Forward, &[Record(vec![U64(2), U8(1)])]);
        check(&[list(pair)], &[List(vec![of_pair()])], &[Type::U64], Order::Forward, &[U64(2)]);
    }

    #[test]
    fn where_there_is_none_another_number_is_taken_and_then_the_least_value() {
        check(&[Type::S64], &[Value::S64(-1)], &[Type::U8], Order::Forward, &[U8(255)]);
        check(&[Type::S64], &[Value::S64(-1)], &[list(Type::U8)], Order::Forward, &[List(vec![])]);
        check(&[], &[], &[Type::U8], Order::Forward, &[U8(0)]);
    }
}
