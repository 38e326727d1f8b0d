//! What canon built-ins are, and what each is made for, out of a component's bytes.
//! Knows nothing of what they do.

use std::sync::Arc;

use canonical_abi::types::{FuncType, Handle, Type};
use canonical_abi::{BuiltIn, CoreType, Signature};
use wasmparser::{CanonicalFunction, ComponentValType, ValType};

use super::decode::canon_opts;
use super::definition::{CanonOpts, MadeFor};
use super::refusal::Refusal;
use super::types::Resolver;

type Made = Result<MadeFor, Refusal>;

/// A built-in with what it is made for.
pub fn built_in(types: &mut Resolver<'_>, canonical: &CanonicalFunction) -> Made {
    use BuiltIn as B;
    use CanonicalFunction as C;
    match canonical {
        C::ResourceNew { resource } => of_resource(types, B::ResourceNew, *resource),
        C::ResourceDrop { resource } => of_resource(types, B::ResourceDrop, *resource),
        C::ResourceRep { resource } => of_resource(types, B::ResourceRep, *resource),
        C::BackpressureInc => Ok(MadeFor::nothing(B::BackpressureInc)),
        C::BackpressureDec => Ok(MadeFor::nothing(B::BackpressureDec)),
        C::TaskReturn { result, options } => {
            let signature = result_of(types, *result)?;
            Ok(MadeFor { signature, opts: canon_opts(options)?, ..MadeFor::nothing(B::TaskReturn) })
        }
        C::TaskCancel => Ok(MadeFor::nothing(B::TaskCancel)),
        C::ContextGet { ty, slot } => of_slot(B::ContextGet, *ty, *slot),
        C::ContextSet { ty, slot } => of_slot(B::ContextSet, *ty, *slot),
        C::ThreadYield => Ok(MadeFor::nothing(B::ThreadYield)),
        C::SubtaskDrop => Ok(MadeFor::nothing(B::SubtaskDrop)),
        C::SubtaskCancel { async_ } => Ok(MadeFor::nothing(B::SubtaskCancel).awaiting(*async_)),
        C::StreamNew { ty } => of_element(types, B::StreamNew, *ty),
        C::StreamRead { ty, options } => of_copy(types, B::StreamRead, *ty, canon_opts(options)?),
        C::StreamWrite { ty, options } => of_copy(types, B::StreamWrite, *ty, canon_opts(options)?),
        C::StreamCancelRead { ty, async_ } => {
            Ok(of_element(types, B::StreamCancelRead, *ty)?.awaiting(*async_))
        }
        C::StreamCancelWrite { ty, async_ } => {
            Ok(of_element(types, B::StreamCancelWrite, *ty)?.awaiting(*async_))
        }
        C::StreamDropReadable { ty } => of_element(types, B::StreamDropReadable, *ty),
        C::StreamDropWritable { ty } => of_element(types, B::StreamDropWritable, *ty),
        C::FutureNew { ty } => of_element(types, B::FutureNew, *ty),
        C::FutureRead { ty, options } => of_copy(types, B::FutureRead, *ty, canon_opts(options)?),
        C::FutureWrite { ty, options } => of_copy(types, B::FutureWrite, *ty, canon_opts(options)?),
        C::FutureCancelRead { ty, async_ } => {
            Ok(of_element(types, B::FutureCancelRead, *ty)?.awaiting(*async_))
        }
        C::FutureCancelWrite { ty, async_ } => {
            Ok(of_element(types, B::FutureCancelWrite, *ty)?.awaiting(*async_))
        }
        C::FutureDropReadable { ty } => of_element(types, B::FutureDropReadable, *ty),
        C::FutureDropWritable { ty } => of_element(types, B::FutureDropWritable, *ty),
        C::ErrorContextNew { options } => {
            Ok(MadeFor { opts: canon_opts(options)?, ..MadeFor::nothing(B::ErrorContextNew) })
        }
        C::ErrorContextDebugMessage { options } => {
            let opts = canon_opts(options)?;
            Ok(MadeFor { opts, ..MadeFor::nothing(B::ErrorContextDebugMessage) })
        }
        C::ErrorContextDrop => Ok(MadeFor::nothing(B::ErrorContextDrop)),
        C::WaitableSetNew => Ok(MadeFor::nothing(B::WaitableSetNew)),
        C::WaitableSetWait { memory } => Ok(of_memory(B::WaitableSetWait, *memory)),
        C::WaitableSetPoll { memory } => Ok(of_memory(B::WaitableSetPoll, *memory)),
        C::WaitableSetDrop => Ok(MadeFor::nothing(B::WaitableSetDrop)),
        C::WaitableJoin => Ok(MadeFor::nothing(B::WaitableJoin)),
        C::ThreadIndex => Ok(MadeFor::nothing(B::ThreadIndex)),
        C::ThreadNewIndirect { func_ty_index, table_index } => {
            let slot_type = types.param_of_core_func_at(*func_ty_index)?;
            let table = Some(*table_index);
            Ok(MadeFor { slot_type, table, ..MadeFor::nothing(B::ThreadNewIndirect) })
        }
        C::ThreadResumeLater => Ok(MadeFor::nothing(B::ThreadResumeLater)),
        C::ThreadSuspend => Ok(MadeFor::nothing(B::ThreadSuspend)),
        C::ThreadSuspendThenResume => Ok(MadeFor::nothing(B::ThreadSuspendThenResume)),
        C::ThreadYieldThenResume => Ok(MadeFor::nothing(B::ThreadYieldThenResume)),
        C::ThreadSuspendThenPromote => Ok(MadeFor::nothing(B::ThreadSuspendThenPromote)),
        C::ThreadYieldThenPromote => Ok(MadeFor::nothing(B::ThreadYieldThenPromote)),
        C::StreamForward { .. } => Err(Refusal::unsupported("canon stream.forward")),
        C::FutureForward { .. } => Err(Refusal::unsupported("canon future.forward")),
        C::ThreadSpawnRef { .. } => Err(Refusal::unsupported("canon thread.spawn-ref")),
        C::ThreadSpawnIndirect { .. } => Err(Refusal::unsupported("canon thread.spawn-indirect")),
        C::ThreadAvailableParallelism => {
            Err(Refusal::unsupported("canon thread.available-parallelism"))
        }
        C::Lift { .. } | C::Lower { .. } => unreachable!("these are no built-ins"),
    }
}

fn of_resource(types: &mut Resolver<'_>, which: BuiltIn, index: u32) -> Made {
    let resource = types.resource_at(index);
    let resource = resource.ok_or_else(|| Refusal::invalid("a resource type is expected"))?;
    Ok(MadeFor { resource, ..MadeFor::nothing(which) })
}

fn of_slot(which: BuiltIn, ty: ValType, slot: u32) -> Made {
    let slot = usize::try_from(slot).expect("an index fits");
    Ok(MadeFor { slot, slot_type: core_type(ty)?, ..MadeFor::nothing(which) })
}

fn of_memory(which: BuiltIn, memory: u32) -> MadeFor {
    let made = MadeFor::nothing(which);
    MadeFor { opts: CanonOpts { memory: Some(memory), ..made.opts }, ..made }
}

/// One for the stream or future type of this index, whose element is the result in its signature.
fn of_element(types: &mut Resolver<'_>, which: BuiltIn, index: u32) -> Made {
    let Type::Handle(Handle::Stream(result) | Handle::Future(result)) = types.value_at(index)?
    else {
        return Err(Refusal::invalid("a stream or future type is expected"));
    };
    let ty = FuncType { result: result.map(|element| *element), ..FuncType::default() };
    Ok(MadeFor { signature: Arc::new(ty.into()), ..MadeFor::nothing(which) })
}

fn of_copy(types: &mut Resolver<'_>, which: BuiltIn, index: u32, opts: CanonOpts) -> Made {
    Ok(MadeFor { opts, ..of_element(types, which, index)? })
}

fn result_of(
    types: &mut Resolver<'_>,
    result: Option<ComponentValType>,
) -> Result<Arc<Signature>, Refusal> {
    let result = result.map(|ty| match ty {
        ComponentValType::Primitive(ty) => Ok(super::types::primitive(ty)),
        ComponentValType::Type(index) => types.value_at(index),
    });
    let ty = FuncType { result: result.transpose()?, ..FuncType::default() };
    Ok(Arc::new(ty.into()))
}

/// A core type as ours, which has those that are passed.
pub fn core_type(ty: ValType) -> Result<CoreType, Refusal> {
    match ty {
        ValType::I32 => Ok(CoreType::I32),
        ValType::I64 => Ok(CoreType::I64),
        ValType::F32 => Ok(CoreType::F32),
        ValType::F64 => Ok(CoreType::F64),
        ValType::V128 | ValType::Ref(_) => {
            Err(Refusal::unsupported(format!("the core type {ty} of a built-in")))
        }
    }
}
