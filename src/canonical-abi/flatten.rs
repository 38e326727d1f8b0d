//! Types to core types: how values and functions look to core code.
//! Knows no values and no memory.

use std::borrow::Cow;

use super::despecialize::{Despecialized, Part, despecialize};
use super::{CoreFuncType, CoreType, PtrType};
use super::{MAX_FLAT_ASYNC_PARAMS, MAX_FLAT_PARAMS, MAX_FLAT_RESULTS};
use crate::types::{FuncType, Type};

/// The side of a call, and the options that change its core function type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Context {
    Lift,
    Lower,
    LiftAsyncCallback,
    LiftAsyncStackful,
    LowerAsync,
}

/// Spec: `flatten_functype`.
pub fn flatten_functype(ft: &FuncType, ptr: PtrType, context: Context) -> CoreFuncType {
    let spilled = vec![ptr.core_type()];
    let mut params = flatten_within(&ft.params, ptr, max_flat_params(context))
        .unwrap_or_else(|| spilled.clone());
    let results = match context {
        Context::Lift => flat_results(ft, ptr, MAX_FLAT_RESULTS).unwrap_or(spilled),
        Context::Lower => flat_results(ft, ptr, MAX_FLAT_RESULTS).unwrap_or_else(|| {
            params.extend(spilled);
            Vec::new()
        }),
        Context::LiftAsyncCallback => vec![CoreType::I32],
        Context::LiftAsyncStackful => Vec::new(),
        Context::LowerAsync => {
            params.extend(ft.result.as_ref().map(|_| ptr.core_type()));
            vec![CoreType::I32]
        }
    };
    CoreFuncType { params, results }
}

fn max_flat_params(context: Context) -> usize {
    match context {
        Context::Lift
        | Context::Lower
        | Context::LiftAsyncCallback
        | Context::LiftAsyncStackful => MAX_FLAT_PARAMS,
        Context::LowerAsync => MAX_FLAT_ASYNC_PARAMS,
    }
}

fn flat_results(ft: &FuncType, ptr: PtrType, max_flat: usize) -> Option<Vec<CoreType>> {
    flatten_within(ft.results(), ptr, max_flat)
}

/// Spec: `flatten_types`.
pub fn flatten_types(types: &[Type], ptr: PtrType) -> Vec<CoreType> {
    flatten_within(types, ptr, usize::MAX).expect("that many do not fit in an address space")
}

/// Spec: `flatten_types`, or nothing for more than `max_flat` core types: then values are spilled,
/// and nobody needs the millions that a list of fixed length may have.
pub fn flatten_within(types: &[Type], ptr: PtrType, max_flat: usize) -> Option<Vec<CoreType>> {
    Flattener { ptr, max_flat }.flatten_record(types)
}

/// Spec: `flatten_type`.
pub fn flatten_type(ty: &Type, ptr: PtrType) -> Vec<CoreType> {
    flatten_types(std::slice::from_ref(ty), ptr)
}

/// Spec: `join`.
pub fn join(a: CoreType, b: CoreType) -> CoreType {
    if a == b {
        return a;
    }
    let narrow = |ty| ty == CoreType::I32 || ty == CoreType::F32;
    if narrow(a) && narrow(b) { CoreType::I32 } else { CoreType::I64 }
}

/// What is flattened: a type, or what was laid out of one and has that done.
pub(super) trait Flatten {
    fn flatten(&self, flattener: Flattener) -> Option<Cow<'_, [CoreType]>>;
}

impl Flatten for Type {
    fn flatten(&self, flattener: Flattener) -> Option<Cow<'_, [CoreType]>> {
        flattener.flatten_type(&despecialize(self)).map(Cow::Owned)
    }
}

impl Flatten for Part<'_> {
    fn flatten(&self, flattener: Flattener) -> Option<Cow<'_, [CoreType]>> {
        flattener.flatten_type(&despecialize(*self)).map(Cow::Owned)
    }
}

/// What all of flattening needs; it gives up beyond `max_flat`.
#[derive(Clone, Copy)]
pub(super) struct Flattener {
    pub ptr: PtrType,
    pub max_flat: usize,
}

impl Flattener {
    /// Spec: `flatten_type`.
    pub fn flatten_type<T: Flatten>(self, shape: &Despecialized<T>) -> Option<Vec<CoreType>> {
        match shape {
            Despecialized::Bool => Some(vec![CoreType::I32]),
            Despecialized::S8 | Despecialized::U8 => Some(vec![CoreType::I32]),
            Despecialized::S16 | Despecialized::U16 => Some(vec![CoreType::I32]),
            Despecialized::S32 | Despecialized::U32 => Some(vec![CoreType::I32]),
            Despecialized::S64 | Despecialized::U64 => Some(vec![CoreType::I64]),
            Despecialized::F32 => Some(vec![CoreType::F32]),
            Despecialized::F64 => Some(vec![CoreType::F64]),
            Despecialized::Char => Some(vec![CoreType::I32]),
            Despecialized::String => Some(vec![self.ptr.core_type(); 2]),
            Despecialized::List(_) => Some(vec![self.ptr.core_type(); 2]),
            Despecialized::FixedLengthList(elem, length) => self.flatten_list(&**elem, *length),
            Despecialized::Record(fields) => self.flatten_record(fields),
            Despecialized::Variant(cases) => self.flatten_variant(cases),
            Despecialized::Flags(_) => Some(vec![CoreType::I32]),
            Despecialized::Own(_) | Despecialized::Borrow(_) => Some(vec![CoreType::I32]),
            Despecialized::ErrorContext => Some(vec![CoreType::I32]),
            Despecialized::Stream(_) | Despecialized::Future(_) => Some(vec![CoreType::I32]),
        }
    }

    /// Spec: `flatten_list`.
    fn flatten_list(self, elem: &impl Flatten, length: u32) -> Option<Vec<CoreType>> {
        let flat = elem.flatten(self)?;
        let length = usize::try_from(length).ok()?;
        (flat.len().checked_mul(length)? <= self.max_flat).then(|| flat.repeat(length))
    }

    /// Spec: `flatten_record`.
    fn flatten_record(self, fields: &[impl Flatten]) -> Option<Vec<CoreType>> {
        let mut flat = Vec::new();
        for field in fields {
            flat.extend_from_slice(&field.flatten(self)?);
            self.within(&flat)?;
        }
        Some(flat)
    }

    /// Spec: `flatten_variant`.
    fn flatten_variant(self, cases: &[Option<impl Flatten>]) -> Option<Vec<CoreType>> {
        let mut flat = vec![CoreType::I32];
        for case in cases.iter().flatten() {
            join_payload(&mut flat, &case.flatten(self)?);
            self.within(&flat)?;
        }
        Some(flat)
    }

    fn within(self, flat: &[CoreType]) -> Option<()> {
        (flat.len() <= self.max_flat).then_some(())
    }
}

/// Joins one more payload into those after the discriminant.
fn join_payload(flat: &mut Vec<CoreType>, payload: &[CoreType]) {
    let joined = flat.len() - 1;
    for (have, more) in flat[1..].iter_mut().zip(payload) {
        *have = join(*have, *more);
    }
    flat.extend(payload.iter().skip(joined));
}

#[cfg(test)]
mod tests {
    use super::CoreType::{F32, F64, I32, I64};
    use super::*;
    use crate::types::VariantCase;

    #[track_caller]
    fn check(ty: Type, expected: &[CoreType]) {
        assert_eq!(flatten_type(&ty, PtrType::I32), expected);
    }

    fn variant(types: impl IntoIterator<Item = Type>) -> Type {
        Type::Variant(types.into_iter().map(|ty| VariantCase::new(Some(ty))).collect())
    }

    #[test]
    fn payloads_are_joined_position_by_position() {
        check(variant([Type::F32, Type::U8]), &[I32, I32]);
        check(variant([Type::F32, Type::F64]), &[I32, I64]);
        check(variant([Type::F32, Type::F32]), &[I32, F32]);
        check(variant([Type::String, Type::F64]), &[I32, I64, I32]);
        check(variant([Type::F64, Type::Tuple(vec![Type::F64; 2])]), &[I32, F64, F64]);
    }

    #[test]
    fn a_list_of_fixed_length_is_its_elements() {
        check(Type::FixedLengthList(Box::new(Type::String), 2), &[I32; 4]);
    }

    #[test]
    fn a_pointer_is_as_wide_as_the_memory_has_it() {
        let map = Type::Map(Box::new(Type::U8), Box::new(Type::U8));
        assert_eq!(flatten_type(&map, PtrType::I64), [I64, I64]);
    }

    #[test]
    fn what_is_spilled_is_never_flattened() {
        let vast = Type::FixedLengthList(Box::new(Type::U8), u32::MAX);
        assert_eq!(flatten_within(&[variant([Type::U8, vast])], PtrType::I32, 16), None);
    }

    #[test]
    fn params_and_results_are_spilled_beyond_the_limits() {
        let many =
            FuncType { params: vec![Type::U64; 17], result: Some(Type::String), is_async: false };
        let functype = |context| {
            let CoreFuncType { params, results } = flatten_functype(&many, PtrType::I32, context);
            (params, results)
        };
        assert_eq!(functype(Context::Lift), (vec![I32], vec![I32]));
        assert_eq!(functype(Context::Lower), (vec![I32, I32], vec![]));
        assert_eq!(functype(Context::LiftAsyncCallback), (vec![I32], vec![I32]));
        assert_eq!(functype(Context::LiftAsyncStackful), (vec![I32], vec![]));
        assert_eq!(functype(Context::LowerAsync), (vec![I32, I32], vec![I32]));
    }
}
