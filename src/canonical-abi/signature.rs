//! Function types with what their canonical definitions need of them, laid out once.
//! Knows nothing of calls.

use std::sync::OnceLock;

use super::flatten::{Context, flatten_functype};
use super::layout::Layout;
use super::{CoreFuncType, PtrType};
use crate::types::FuncType;

/// A function type, and its layouts for memories with pointers of either width, each made when it is first
/// asked for.
#[derive(Clone, Debug)]
pub struct Signature {
    /// The layouts are those of this type, so it does not change.
    ty: FuncType,
    i32: OnceLock<FuncLayout>,
    i64: OnceLock<FuncLayout>,
}

/// How a function passes values into and out of a memory with pointers of one width.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FuncLayout {
    /// The tuple of the params.
    pub params: Layout,
    /// The tuple of the result, or of nothing.
    pub results: Layout,
    /// Spec: `flatten_functype`, of the core function under `canon lift`.
    pub lifted: CoreFuncType,
    /// Spec: `flatten_functype`, of the core function that `canon lower` makes.
    pub lowered: CoreFuncType,
}

impl Signature {
    pub fn ty(&self) -> &FuncType {
        &self.ty
    }

    /// How it passes values into and out of a memory with such pointers.
    pub fn layout(&self, ptr: PtrType) -> &FuncLayout {
        let layout = match ptr {
            PtrType::I32 => &self.i32,
            PtrType::I64 => &self.i64,
        };
        layout.get_or_init(|| FuncLayout::of(&self.ty, ptr))
    }
}

impl From<FuncType> for Signature {
    fn from(ty: FuncType) -> Signature {
        Signature { ty, i32: OnceLock::new(), i64: OnceLock::new() }
    }
}

impl FuncLayout {
    fn of(ty: &FuncType, ptr: PtrType) -> FuncLayout {
        FuncLayout {
            params: Layout::of_tuple(&ty.params, ptr),
            results: Layout::of_tuple(ty.results(), ptr),
            lifted: flatten_functype(ty, ptr, Context::Lift),
            lowered: flatten_functype(ty, ptr, Context::Lower),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Type;
    use crate::{CoreType, MAX_FLAT_PARAMS};

    fn signature(params: Vec<Type>, result: Option<Type>) -> Signature {
        Signature::from(FuncType { params, result, is_async: false })
    }

    #[test]
    fn each_width_of_pointers_has_a_layout_of_its_own() {
        let signature = signature(vec![Type::U8, Type::String], Some(Type::String));
        let measure = |ptr| {
            let FuncLayout { params, results, lifted, lowered } = signature.layout(ptr);
            let core = (lifted.params.clone(), lowered.params.len());
            (params.elem_size, results.elem_size, core)
        };
        let core = |pointer| (vec![CoreType::I32, pointer, pointer], 4);
        assert_eq!(measure(PtrType::I32), (12, 8, core(CoreType::I32)));
        assert_eq!(measure(PtrType::I64), (24, 16, core(CoreType::I64)));
    }

    #[test]
    fn a_layout_is_made_once() {
        let signature = signature(vec![Type::U8], None);
        let layout = |ptr| std::ptr::from_ref(signature.layout(ptr));
        assert_eq!(layout(PtrType::I32), layout(PtrType::I32));
        assert_ne!(layout(PtrType::I32), layout(PtrType::I64));
    }

    #[test]
    fn a_function_may_have_neither_params_nor_result() {
        let signature = signature(Vec::new(), None);
        let FuncLayout { params, results, lifted, lowered } = signature.layout(PtrType::I32);
        assert!(params.is_flat(0) && results.is_flat(0));
        assert_eq!((lifted, lowered), (&CoreFuncType::default(), &CoreFuncType::default()));
    }

    #[test]
    fn params_are_flat_up_to_their_limit() {
        for (count, is_flat) in [(MAX_FLAT_PARAMS, true), (MAX_FLAT_PARAMS + 1, false)] {
            let signature = signature(vec![Type::U8; count], None);
            let params = &signature.layout(PtrType::I32).params;
            assert_eq!(params.is_flat(MAX_FLAT_PARAMS), is_flat);
        }
    }
}
