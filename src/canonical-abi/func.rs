//! What canonical definitions make: component functions of core functions, core functions of component functions,
//! and built-ins, each with its options.
//! Knows nothing of calls.

use std::borrow::Cow;
use std::sync::Arc;

use super::built_in::BuiltIn;
use super::flatten::{Context, flatten_functype};
use super::machine::{CoreId, MemoryId, ResourceTypes, TableId};
use super::signature::Signature;
use super::{CoreFuncType, CoreType, LiftLowerOptions, MAX_FLAT_ASYNC_PARAMS, MAX_FLAT_PARAMS};
use super::{MAX_FLAT_RESULTS, PtrType, StringEncoding};
use crate::types::{FuncType, Resource};

/// Canonical options, and the instance that they are of.
#[derive(Clone, Debug)]
pub struct Options {
    pub instance: usize,
    pub lift_lower: LiftLowerOptions,
    pub memory: Option<MemoryId>,
    pub realloc: Option<CoreId>,
    pub post_return: Option<CoreId>,
    /// Spec: `async_`.
    pub is_async: bool,
    pub callback: Option<CoreId>,
}

/// A component function.
#[derive(Clone, Debug)]
pub enum Func {
    Host(Arc<HostFunc>),
    Lifted(Arc<Lifted>),
}

/// A function of the host's.
#[derive(Debug)]
pub struct HostFunc {
    /// The path of the import.
    pub path: String,
    pub signature: Arc<Signature>,
    pub resources: ResourceTypes,
}

/// A function under `canon lift`.
#[derive(Debug)]
pub struct Lifted {
    pub core: CoreId,
    pub signature: Arc<Signature>,
    pub opts: Options,
    pub resources: ResourceTypes,
}

/// A function under `canon lower`.
#[derive(Debug)]
pub struct Lowered {
    pub opts: Options,
    pub callee: Func,
}

/// A built-in, as an instance defines it with its immediates. Those that a built-in does not have are plain.
#[derive(Clone, Debug)]
pub struct Defined {
    pub which: BuiltIn,
    pub opts: Options,
    /// The type that it is made for is the result of this one: the element type of a stream or future, or the
    /// result of a function whose task returns.
    pub signature: Arc<Signature>,
    pub resources: ResourceTypes,
    /// The number of the resource type that it is made for.
    pub resource: Resource,
    pub cancellable: bool,
    /// Which slot of a thread's storage.
    pub slot: usize,
    /// The core type of what is in the slot, or of the param of a new thread's function.
    pub slot_type: CoreType,
    pub table: Option<TableId>,
}

impl Options {
    /// Those of a built-in that has none, of this instance.
    pub fn none(instance: usize) -> Options {
        let (string_encoding, ptr_type) = (StringEncoding::Utf8, PtrType::I32);
        Options {
            instance,
            lift_lower: LiftLowerOptions { string_encoding, ptr_type },
            memory: None,
            realloc: None,
            post_return: None,
            is_async: false,
            callback: None,
        }
    }
}

impl Defined {
    /// A built-in that is made for nothing.
    pub fn new(which: BuiltIn, instance: usize) -> Defined {
        Defined {
            which,
            opts: Options::none(instance),
            signature: Arc::new(FuncType::default().into()),
            resources: ResourceTypes::default(),
            resource: 0,
            cancellable: false,
            slot: 0,
            slot_type: CoreType::I32,
            table: None,
        }
    }

    /// The type of what the core function returns, if it returns anything.
    pub fn result_type(&self) -> Option<CoreType> {
        let result = self.which.row().result;
        result.map(|result| result.core_type(self.opts.lift_lower.ptr_type, self.slot_type))
    }

    /// The type of the core function.
    pub fn flat_ft(&self) -> CoreFuncType {
        let ptr_type = self.opts.lift_lower.ptr_type;
        if self.which != BuiltIn::TaskReturn {
            return self.which.core_type(ptr_type, self.slot_type);
        }
        let params = self.signature.ty().results().to_vec();
        let ft = FuncType { params, result: None, is_async: false };
        flatten_functype(&ft, ptr_type, Context::Lower)
    }
}

impl Lifted {
    /// Spec: `flatten_functype`, of the core function.
    pub fn flat_ft(&self) -> Cow<'_, CoreFuncType> {
        let Options { lift_lower, is_async, callback, .. } = &self.opts;
        let context = match (is_async, callback) {
            (false, _) => {
                return Cow::Borrowed(&self.signature.layout(lift_lower.ptr_type).lifted);
            }
            (true, Some(_)) => Context::LiftAsyncCallback,
            (true, None) => Context::LiftAsyncStackful,
        };
        Cow::Owned(flatten_functype(self.signature.ty(), lift_lower.ptr_type, context))
    }

    /// Spec: `Task.needs_exclusive`.
    pub fn needs_exclusive(&self) -> bool {
        self.signature.ty().is_async && (!self.opts.is_async || self.opts.callback.is_some())
    }
}

impl Lowered {
    /// Spec: `flatten_functype`, of the core function.
    pub fn flat_ft(&self) -> Cow<'_, CoreFuncType> {
        let (ptr_type, signature) = (self.opts.lift_lower.ptr_type, self.callee.signature());
        match self.opts.is_async {
            false => Cow::Borrowed(&signature.layout(ptr_type).lowered),
            true => Cow::Owned(flatten_functype(signature.ty(), ptr_type, Context::LowerAsync)),
        }
    }

    /// How many params are passed flat.
    pub fn max_flat_params(&self) -> usize {
        if self.opts.is_async { MAX_FLAT_ASYNC_PARAMS } else { MAX_FLAT_PARAMS }
    }

    /// How many results are.
    pub fn max_flat_results(&self) -> usize {
        if self.opts.is_async { 0 } else { MAX_FLAT_RESULTS }
    }
}

impl Func {
    pub fn signature(&self) -> &Signature {
        match self {
            Func::Host(func) => &func.signature,
            Func::Lifted(func) => &func.signature,
        }
    }

    /// The options that a guest's function is lifted with.
    pub fn lift_lower(&self) -> Option<LiftLowerOptions> {
        match self {
            Func::Host(_) => None,
            Func::Lifted(func) => Some(func.opts.lift_lower),
        }
    }

    /// What the numbers in its type mean.
    pub fn resources(&self) -> &ResourceTypes {
        match self {
            Func::Host(func) => &func.resources,
            Func::Lifted(func) => &func.resources,
        }
    }
}
