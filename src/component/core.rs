//! Core values and traps, ours and wasmi's.
//! Knows nothing of components.

use std::fmt;

use canonical_abi::{Core, CoreFuncType, CoreType, Stop, Trap};
use wasmi::TrapCode;
use wasmi::errors::{ErrorKind, InstantiationError};

use super::limits;

/// The end of a call on its way through wasmi.
#[derive(Debug)]
struct StopError(Stop);

impl fmt::Display for StopError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl wasmi::errors::HostError for StopError {}

/// The end of a call as wasmi's error.
pub fn error(stop: Stop) -> wasmi::Error {
    wasmi::Error::host(StopError(stop))
}

/// wasmi's error as the end of a call: ours, a trap of core code, or a limit of wasmi's.
pub fn stop(error: &wasmi::Error) -> Stop {
    if let Some(StopError(stop)) = error.downcast_ref() {
        return *stop;
    }
    match error.as_trap_code() {
        Some(
            code @ (TrapCode::StackOverflow
            | TrapCode::OutOfFuel
            | TrapCode::GrowthOperationLimited
            | TrapCode::OutOfSystemMemory),
        ) => Stop::Exhausted(code.trap_message()),
        None if !is_out_of_bounds(error) => {
            let name = limits::name(&error.to_string());
            Stop::Exhausted(name.unwrap_or("a core instance is too large"))
        }
        Some(_) | None => Trap::Guest.into(),
    }
}

/// Whether instantiation failed at elements for which there is no place in their table. Validation has seen to
/// all else but a memory or a table that is too large to begin with.
fn is_out_of_bounds(error: &wasmi::Error) -> bool {
    let out_of_bounds =
        |error: &_| matches!(error, InstantiationError::ElementSegmentDoesNotFit { .. });
    matches!(error.kind(), ErrorKind::Instantiation(error) if out_of_bounds(error))
}

/// A core value as wasmi's.
pub fn val(core: Core) -> wasmi::Val {
    match core {
        Core::I32(bits) => wasmi::Val::I32(bits.cast_signed()),
        Core::I64(bits) => wasmi::Val::I64(bits.cast_signed()),
        Core::F32(bits) => wasmi::Val::F32(wasmi::F32::from_bits(bits)),
        Core::F64(bits) => wasmi::Val::F64(wasmi::F64::from_bits(bits)),
    }
}

/// wasmi's value as a core value.
#[expect(clippy::wildcard_enum_match_arm, reason = "wasmi has more, by feature")]
pub fn core_value(val: &wasmi::Val) -> Core {
    match val {
        wasmi::Val::I32(value) => Core::I32(value.cast_unsigned()),
        wasmi::Val::I64(value) => Core::I64(value.cast_unsigned()),
        wasmi::Val::F32(value) => Core::F32(value.to_bits()),
        wasmi::Val::F64(value) => Core::F64(value.to_bits()),
        _ => unreachable!("the canonical ABI passes numbers only"),
    }
}

/// A core function type as wasmi's.
pub fn func_type(ty: &CoreFuncType) -> wasmi::FuncType {
    let types = |types: &[CoreType]| types.iter().copied().map(val_type).collect::<Vec<_>>();
    wasmi::FuncType::new(types(&ty.params), types(&ty.results))
}

fn val_type(ty: CoreType) -> wasmi::ValType {
    match ty {
        CoreType::I32 => wasmi::ValType::I32,
        CoreType::I64 => wasmi::ValType::I64,
        CoreType::F32 => wasmi::ValType::F32,
        CoreType::F64 => wasmi::ValType::F64,
    }
}

/// wasmi's core function type as ours. What is not passed between components counts as a result too many: it is the
/// type of no function that is asked for.
pub fn core_func_type(ty: &wasmi::FuncType) -> CoreFuncType {
    let types = |types: &[wasmi::ValType]| types.iter().map(core_type).collect::<Option<Vec<_>>>();
    match (types(ty.params()), types(ty.results())) {
        (Some(params), Some(results)) => CoreFuncType { params, results },
        (params, _) => {
            CoreFuncType { params: params.unwrap_or_default(), results: vec![CoreType::I32] }
        }
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "wasmi has more, by feature")]
fn core_type(ty: &wasmi::ValType) -> Option<CoreType> {
    match ty {
        wasmi::ValType::I32 => Some(CoreType::I32),
        wasmi::ValType::I64 => Some(CoreType::I64),
        wasmi::ValType::F32 => Some(CoreType::F32),
        wasmi::ValType::F64 => Some(CoreType::F64),
        _ => None,
    }
}
