//! What deviations refuse of the calls between guests before any is made.
//! Knows the types and options of both ends, and calls nothing.

use canonical_abi::deviations::calls::kinship;
use canonical_abi::flatten::flatten_within;
use canonical_abi::machine::{Func, Options};
use canonical_abi::types::{Handle, Type};
use canonical_abi::{Deviation, MAX_FLAT_PARAMS, MAX_FLAT_RESULTS, PtrType};

use crate::state::State;

/// Whether there can be no lowered function of these options for that one.
pub fn refuses<T>(state: &mut State<T>, caller: &Options, func: &Func) -> bool {
    let Func::Lifted(callee) = func else { return false };
    let ty = callee.signature.ty();
    let kinship = kinship(&state.machine, callee.opts.instance, caller.instance);
    if kinship.is_some_and(|deviation| state.watch.has(deviation)) {
        return false;
    }
    let copies = |from: &Options, types, max_flat| {
        from.lift_lower.ptr_type == PtrType::I64 && fixed_length_in_memory(types, max_flat)
    };
    let refuses = copies(caller, &ty.params, MAX_FLAT_PARAMS)
        || copies(&callee.opts, ty.results(), MAX_FLAT_RESULTS);
    let borrows = ty.params.iter().flat_map(Type::handles);
    let borrows = borrows.into_iter().any(|handle| matches!(handle, Handle::Borrow(_)));
    refuses && state.watch.deviates(Deviation::FixedLengthListAdapterRefused)
        || borrows && state.watch.deviates(Deviation::BorrowAdapterRefused)
}

/// Whether an engine fails that is to make the adapter for this lowered function.
pub fn aborts<T>(state: &mut State<T>, caller: &Options, func: &Func) -> bool {
    let Func::Lifted(callee) = func else { return false };
    let ty = callee.signature.ty();
    let in_memory = flatten_within(ty.results(), PtrType::I32, MAX_FLAT_RESULTS).is_none();
    let differ = callee.opts.lift_lower.ptr_type != caller.lift_lower.ptr_type;
    // Of one instance's calls of itself there is no adapter.
    let aborts = ty.is_async && in_memory && differ && callee.opts.instance != caller.instance;
    aborts && state.watch.deviates(Deviation::AsyncAdapterAborts)
}

/// Whether some list of fixed length is copied from memory to memory.
fn fixed_length_in_memory(types: &[Type], max_flat: usize) -> bool {
    // Flat values are as many, whatever a pointer is.
    let spilled = flatten_within(types, PtrType::I32, max_flat).is_none();
    types.iter().any(|ty| any_fixed_length(ty, spilled))
}

fn any_fixed_length(ty: &Type, in_memory: bool) -> bool {
    let found = in_memory && matches!(ty, Type::FixedLengthList(..));
    let inside = in_memory || matches!(ty, Type::List(_) | Type::Map(..));
    found || ty.children().into_iter().any(|child| any_fixed_length(child, inside))
}
