//! The canonical definitions: a core function as a component function, and the reverse.
//! Knows neither components nor who may enter whom.

use super::explore;
use super::flatten::{Context, flatten_functype, flatten_within};
use super::handle::{
    add_thread, borrows_remain, holds_borrows, may_block, remove_thread, return_lent,
};
use super::lift::{CoreValues, lift_flat_values};
use super::lower::{OUT_PARAM, check_spilled, lower_flat_values};
use super::{
    Core, CoreType, Crossing, Cx, Deviation, Guest, Instance, LiftLowerOptions, Party, PtrType,
    Rule, Stage, Trap, trap_if,
};
use super::{MAX_FLAT_PARAMS, MAX_FLAT_RESULTS};
use crate::types::{FuncType, Type};
use crate::value::Value;

/// Spec: `canon_lift`. What `on_resolve` makes of the result is the answer. `peer` has the options of
/// the guest that calls, if it is one.
pub fn canon_lift<I: Instance, R>(
    instance: &mut I,
    opts: LiftLowerOptions,
    peer: Option<LiftLowerOptions>,
    ft: &FuncType,
    args: &[Value],
    on_resolve: impl FnOnce(&mut I, Option<Value>) -> Result<R, Trap>,
) -> Result<R, Trap> {
    let flat_ft = flatten_functype(ft, opts.ptr_type, Context::Lift);
    let opts = narrowed(instance, opts, peer, ft);
    let seen_ft = flatten_functype(ft, opts.ptr_type, Context::Lift);
    instance.notes().course.stage = Stage::LowerParams;
    let by_guest = peer.is_some();
    let thread = if by_guest { None } else { add_thread(instance)? };
    let slip = Deviation::ParamsInCallersEncoding;
    let mut cx = Cx { opts: mistaken(instance, opts, peer, slip), peer, guest: &mut *instance };
    let flat_args = lower(&mut cx, MAX_FLAT_PARAMS, args, &ft.params, None)?;
    assert!(types_match_values(&seen_ft.params, &flat_args), "we lower to the types we flatten to");
    let flat_args = retyped(&flat_args, &flat_ft.params);
    instance.notes().course.stage = Stage::Callee;
    let party = Party::of(peer);
    let called = instance.call(&flat_args);
    let flat_results = called.inspect_err(|_| instance.notes().reach(Rule::CalleeTraps, party))?;
    remove_thread(instance, thread);
    assert!(types_match_values(&flat_ft.results, &flat_results), "the component was validated");
    let early = instance.notes().deviates(Deviation::PostReturnBeforeLift);
    if early {
        post_return(instance, by_guest, ft, &flat_results)?;
    }
    instance.notes().course.stage = Stage::LiftResult;
    // Only a slip asks before anything is lifted.
    let too_early = holds_borrows(instance)
        && instance.notes().deviates(Deviation::BorrowsCheckedEarly)
        && borrows_remain(instance, by_guest);
    trap_if(too_early, Trap::BorrowsRemain)?;
    let seen_results = retyped(&flat_results, &seen_ft.results);
    let mut vi = CoreValues::new(&seen_results);
    let mut cx = Cx { opts, peer, guest: &mut *instance };
    let mut results = lift(&mut cx, MAX_FLAT_RESULTS, &mut vi, ft.results())?;
    let remain = borrows_remain(instance, by_guest);
    let too_late = remain && instance.notes().deviates(Deviation::BorrowsCheckedLate);
    if remain && !too_late {
        instance.notes().reach(Rule::BorrowsRemain, party);
        let mut cx = Cx { opts, peer, guest: instance };
        let vi = CoreValues::new(&seen_results);
        explore::lift(&mut cx, MAX_FLAT_RESULTS, vi, ft.results(), Trap::BorrowsRemain);
        return Err(Trap::BorrowsRemain);
    }
    let mut result = results.pop();
    let slips = !by_guest && !early && reads_memory(ft) && no_handles(ft.results());
    let late = slips && instance.notes().deviates(Deviation::ResultReadAfterPostReturn);
    if late {
        post_return(instance, by_guest, ft, &flat_results)?;
        let mut cx = Cx { opts, peer, guest: &mut *instance };
        let mut vi = CoreValues::new(&seen_results);
        result = lift(&mut cx, MAX_FLAT_RESULTS, &mut vi, ft.results())?.pop();
    }
    let resolved = on_resolve(instance, result)?;
    if !early && !late {
        post_return(instance, by_guest, ft, &flat_results)?;
    }
    trap_if(too_late && borrows_remain(instance, by_guest), Trap::BorrowsRemain)?;
    Ok(resolved)
}

/// Whether the result lies in memory, or points there.
fn reads_memory(ft: &FuncType) -> bool {
    let pointer = |ty: &Type| matches!(ty, Type::String | Type::List(_) | Type::Map(..));
    let pointers = ft.results().iter().any(|ty| ty.any(&mut |ty| pointer(ty)));
    pointers || flatten_within(ft.results(), PtrType::I32, MAX_FLAT_RESULTS).is_none()
}

/// What has handles is lifted only once.
fn no_handles(types: &[Type]) -> bool {
    types.iter().all(|ty| ty.handles().is_empty())
}

/// Spec: `canon_lift`, its end. After a trap `may_leave` no longer matters.
fn post_return(
    instance: &mut impl Instance,
    by_guest: bool,
    ft: &FuncType,
    flat_results: &[Core],
) -> Result<(), Trap> {
    let left_false = instance.notes().deviations.contains(Deviation::MayLeaveNotRestored);
    assert!(instance.may_leave() || left_false, "whoever clears it sets it again");
    instance.notes().course.stage = Stage::PostReturn;
    let notes = instance.notes();
    let fused = match ft.is_async {
        true => Deviation::AsyncPostReturnMayLeave,
        false => Deviation::FusedPostReturnMayLeave,
    };
    let may_leave =
        notes.deviates(Deviation::PostReturnMayLeave) || by_guest && notes.deviates(fused);
    let skipped = notes.deviates(Deviation::PostReturnSkipped)
        || by_guest && notes.deviates(Deviation::FusedPostReturnSkipped);
    let zeros = by_guest && notes.deviates(Deviation::FusedPostReturnGetsZeros);
    instance.set_may_leave(may_leave);
    if !skipped {
        let zero = |core: &Core| Core::from_bits(core.ty(), 0);
        let zeros = zeros.then(|| flat_results.iter().map(zero).collect());
        let party = Party::caller(by_guest);
        instance.notes().reach(Rule::PostReturn, party);
        let returned = instance.post_return(&zeros.unwrap_or(flat_results.to_vec()));
        returned.inspect_err(|_| instance.notes().reach(Rule::PostReturnTraps, party))?;
    }
    let may_leave = !instance.notes().deviates(Deviation::MayLeaveNotRestored);
    instance.set_may_leave(may_leave);
    Ok(())
}

/// Spec: `lift_flat_values`. Where it traps for another guest, the other faults are explored.
fn lift(
    cx: &mut Cx,
    max_flat: usize,
    vi: &mut CoreValues,
    types: &[Type],
) -> Result<Vec<Value>, Trap> {
    let start = vi.clone();
    lift_flat_values(cx, max_flat, vi, types).map_err(|trap| {
        explore::lift(cx, max_flat, start, types, trap);
        named(cx, trap)
    })
}

/// Spec: `lower_flat_values`. Where it traps for another guest, nothing is left to explore; what was
/// passed by another guest is noted.
fn lower(
    cx: &mut Cx,
    max_flat: usize,
    values: &[Value],
    types: &[Type],
    out_param: Option<u64>,
) -> Result<Vec<Core>, Trap> {
    let lowered = lower_flat_values(cx, max_flat, values, types, out_param);
    if cx.peer.is_some() && lowered.is_ok() {
        let stage = cx.guest.notes().course.stage;
        let crossing = Crossing { stage, values: values.to_vec() };
        cx.guest.lowered().received.crossings.push(crossing);
    }
    lowered.map_err(|trap| {
        if cx.peer.is_some() {
            cx.guest.notes().fault(trap);
        }
        named(cx, trap)
    })
}

/// What the trap of a lift or lower shows.
fn named(cx: &mut Cx, trap: Trap) -> Trap {
    if cx.peer.is_some() { cx.guest.notes().between_guests(trap) } else { trap }
}

/// The options to lift or lower with: a slip may take the string encoding of the other side.
fn mistaken(
    guest: &mut dyn Guest,
    opts: LiftLowerOptions,
    peer: Option<LiftLowerOptions>,
    slip: Deviation,
) -> LiftLowerOptions {
    let string_encoding = peer.map_or(opts.string_encoding, |peer| peer.string_encoding);
    if string_encoding != opts.string_encoding && guest.notes().deviates(slip) {
        return LiftLowerOptions { string_encoding, ..opts };
    }
    opts
}

/// The options to lift and lower with for the host: a slip takes a memory of 64 bits for one of 32.
fn narrowed(
    guest: &mut dyn Guest,
    opts: LiftLowerOptions,
    peer: Option<LiftLowerOptions>,
    ft: &FuncType,
) -> LiftLowerOptions {
    let wide = peer.is_none() && opts.ptr_type == PtrType::I64 && uses_memory(ft);
    if wide && guest.notes().deviates(Deviation::HostMemoryIs32Bit) {
        return LiftLowerOptions { ptr_type: PtrType::I32, ..opts };
    }
    opts
}

/// Whether anything lies in memory: spilled, or in a list or string.
fn uses_memory(ft: &FuncType) -> bool {
    // Flat values are as many, whatever a pointer is.
    let spills = |types, max_flat| flatten_within(types, PtrType::I32, max_flat).is_none();
    let points = |ty: &Type| matches!(ty, Type::String | Type::List(_) | Type::Map(..));
    spills(&ft.params, MAX_FLAT_PARAMS)
        || spills(ft.results(), MAX_FLAT_RESULTS)
        || ft.params.iter().chain(&ft.result).any(|ty| ty.any(&mut |ty| points(ty)))
}

/// The same bits as values of these types, which only by a slip are others.
fn retyped(values: &[Core], types: &[CoreType]) -> Vec<Core> {
    let pairs = values.iter().zip(types);
    pairs.map(|(value, ty)| Core::from_bits(*ty, value.bits())).collect()
}

/// Spec: `canon_lower`. What it gives the callee has the spec's `on_start` and `on_resolve`; the
/// callee answers with what `on_resolve` did. `peer` has the options of the callee, if it is a guest.
pub fn canon_lower<I: Instance>(
    instance: &mut I,
    opts: LiftLowerOptions,
    peer: Option<LiftLowerOptions>,
    ft: &FuncType,
    flat_args: &[Core],
    callee: impl FnOnce(&mut I, &mut Subtask) -> Result<Vec<Core>, Trap>,
) -> Result<Vec<Core>, Trap> {
    let fused = peer.is_some() && ft.is_async;
    let leaves =
        instance.may_leave() || fused && instance.notes().deviates(Deviation::AsyncAdapterMayLeave);
    if !leaves {
        instance.notes().reach(Rule::LowerMayNotLeave, Party::of(peer));
        let trap = Trap::CannotLeaveComponent;
        return Err(if peer.is_some() { instance.notes().in_adapter(trap) } else { trap });
    }
    check_may_block(instance, peer.is_some(), ft)?;
    let flat_ft = flatten_functype(ft, opts.ptr_type, Context::Lower);
    assert!(types_match_values(&flat_ft.params, flat_args), "the component was validated");
    let opts = narrowed(instance, opts, peer, ft);
    let seen_ft = flatten_functype(ft, opts.ptr_type, Context::Lower);
    let seen_args = retyped(flat_args, &seen_ft.params);
    let mut subtask = Subtask { opts, peer, ft, flat_args: CoreValues::new(&seen_args) };
    let flat_results = callee(instance, &mut subtask)?;
    return_lent(instance, peer.is_some());
    assert!(types_match_values(&seen_ft.results, &flat_results), "we lower to what we flatten to");
    instance.notes().course.stage = Stage::Callee;
    Ok(retyped(&flat_results, &flat_ft.results))
}

/// Only a slip refuses calls of functions that may block, whether they do or not: the rule until May
/// 2026.
fn check_may_block(instance: &mut dyn Guest, by_guest: bool, ft: &FuncType) -> Result<(), Trap> {
    let slips = ft.is_async && instance.notes().deviations.contains(Deviation::AsyncCallsRefused);
    if slips && !may_block(instance) && instance.notes().deviates(Deviation::AsyncCallsRefused) {
        let trap = Trap::CannotBlockSyncTask;
        return Err(if by_guest { instance.notes().in_adapter(trap) } else { trap });
    }
    Ok(())
}

/// Spec: `Subtask`: a call that a lowered function makes.
pub struct Subtask<'a> {
    opts: LiftLowerOptions,
    peer: Option<LiftLowerOptions>,
    ft: &'a FuncType,
    flat_args: CoreValues<'a>,
}

impl Subtask<'_> {
    /// Spec: `canon_lower`, `on_start`: the arguments.
    pub fn on_start(&mut self, instance: &mut dyn Instance) -> Result<Vec<Value>, Trap> {
        instance.notes().course.stage = Stage::LiftParams;
        let slip = Deviation::ParamsReadInCalleesEncoding;
        let opts = mistaken(instance, self.opts, self.peer, slip);
        let mut cx = Cx { opts, peer: self.peer, guest: &mut *instance };
        let vi = &mut self.flat_args;
        let args = lift(&mut cx, MAX_FLAT_PARAMS, vi, &self.ft.params)?;
        if !vi.done() && cx.deviates(Deviation::OutPointerCheckedEarly) {
            let ptr = vi.clone().next(self.opts.ptr_type.core_type());
            check_out_param(&mut cx, self.ft, ptr)?;
        }
        Ok(args)
    }

    /// Spec: `canon_lower`, `on_resolve`: the core results.
    pub fn on_resolve(
        &mut self,
        instance: &mut dyn Instance,
        result: Option<&Value>,
    ) -> Result<Vec<Core>, Trap> {
        instance.notes().course.stage = Stage::LowerResult;
        let out_param = self.out_param();
        let results = result.map_or(&[][..], std::slice::from_ref);
        let slip = Deviation::ResultInCalleesEncoding;
        let opts = mistaken(instance, self.opts, self.peer, slip);
        let mut cx = Cx { opts, peer: self.peer, guest: instance };
        lower(&mut cx, MAX_FLAT_RESULTS, results, self.ft.results(), out_param)
    }

    /// Explores what lowering the result may meet, if lifting it trapped.
    pub fn explore_result(&mut self, instance: &mut dyn Instance) {
        let out_param = self.out_param();
        let mut cx = Cx { opts: self.opts, peer: self.peer, guest: instance };
        explore::lower(&mut cx, MAX_FLAT_RESULTS, self.ft.results(), out_param);
    }

    /// Where the result goes; it comes after the params.
    fn out_param(&mut self) -> Option<u64> {
        let vi = &mut self.flat_args;
        (!vi.done()).then(|| vi.next(self.opts.ptr_type.core_type()))
    }
}

/// Only a slip does this so early.
fn check_out_param(cx: &mut Cx, ft: &FuncType, ptr: u64) -> Result<(), Trap> {
    let tuple = cx.tuple_layout(ft.results());
    check_spilled(cx, ptr, &tuple, OUT_PARAM)
}

/// Spec: `types_match_values`.
fn types_match_values(types: &[CoreType], values: &[Core]) -> bool {
    types.iter().copied().eq(values.iter().map(|value| value.ty()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes_guest::ByteGuest;
    use crate::types::Label;
    use crate::{Handles, Lowered, Notes, StringEncoding};

    const OPTS: LiftLowerOptions =
        LiftLowerOptions { string_encoding: StringEncoding::Utf8, ptr_type: PtrType::I32 };

    /// A guest that returns what it is told to, and writes down what happens.
    struct Puppet {
        bytes: ByteGuest,
        results: Vec<Core>,
        wide: bool,
        may_leave: bool,
        log: Vec<String>,
    }

    impl Guest for Puppet {
        fn memory(&self) -> &[u8] {
            self.bytes.memory()
        }

        fn memory_mut(&mut self) -> &mut [u8] {
            self.bytes.memory_mut()
        }

        fn realloc(&mut self, old: u64, size: u64, align: u64, new: u64) -> Result<u64, Trap> {
            self.log.push("realloc".into());
            self.bytes.realloc(old, size, align, new)
        }

        fn notes(&mut self) -> &mut Notes {
            self.bytes.notes()
        }

        fn lowered(&mut self) -> &mut Lowered {
            self.bytes.lowered()
        }

        fn is_wide(&self) -> bool {
            self.wide
        }

        fn handles(&mut self) -> Option<Handles<'_>> {
            self.bytes.handles()
        }
    }

    impl Instance for Puppet {
        fn call(&mut self, args: &[Core]) -> Result<Vec<Core>, Trap> {
            self.log.push(format!("call {args:?}"));
            Ok(self.results.clone())
        }

        fn post_return(&mut self, results: &[Core]) -> Result<(), Trap> {
            self.log.push(format!("post-return {results:?}, may_leave {}", self.may_leave));
            Ok(())
        }

        fn may_leave(&self) -> bool {
            self.may_leave
        }

        fn set_may_leave(&mut self, may_leave: bool) {
            self.may_leave = may_leave;
        }
    }

    fn puppet(results: &[Core]) -> Puppet {
        let bytes = ByteGuest::new(vec![0; 64], 32);
        Puppet { bytes, results: results.to_vec(), wide: false, may_leave: true, log: Vec::new() }
    }

    /// Lowers an import of type `func(string) -> string`; its callee answers with its argument.
    #[track_caller]
    fn check_lower(may_leave: bool, flat_args: &[u32], log: &[&str], expected: Result<(), Trap>) {
        let mut puppet = puppet(&[]);
        puppet.may_leave = may_leave;
        let ft =
            FuncType { params: vec![Type::String], result: Some(Type::String), is_async: false };
        let flat_args: Vec<Core> = flat_args.iter().copied().map(Core::I32).collect();
        let echo = |puppet: &mut Puppet, subtask: &mut Subtask| {
            let args = subtask.on_start(puppet)?;
            puppet.log.push("callee".into());
            subtask.on_resolve(puppet, args.first())
        };
        let results = canon_lower(&mut puppet, OPTS, None, &ft, &flat_args, echo);
        assert_eq!(results, expected.map(|()| Vec::new()));
        assert_eq!(puppet.log, log);
    }

    #[test]
    fn lifting_lowers_calls_lifts_and_cleans_up() {
        let mut puppet = puppet(&[Core::I32(7)]);
        let ft = FuncType { params: vec![Type::String], result: Some(Type::U8), is_async: false };
        let args = [Value::string("hi")];
        let result = canon_lift(&mut puppet, OPTS, None, &ft, &args, |puppet, result| {
            puppet.log.push("resolved".into());
            Ok(result)
        });
        assert_eq!(result, Ok(Some(Value::U8(7))));
        let called = "call [I32(32), I32(2)]";
        let cleaned = "post-return [I32(7)], may_leave false";
        assert_eq!(puppet.log, ["realloc", called, "resolved", cleaned]);
        assert!(puppet.may_leave);
    }

    /// Passes a string to a guest with a memory of 64 bits that returns the string at 8: what the guest
    /// gets, and what the host.
    #[track_caller]
    fn check_wide(slips: &[Deviation], called: &[&str], expected: Result<&str, Trap>) {
        let mut puppet = Puppet { wide: true, ..puppet(&[Core::I64(8)]) };
        puppet.bytes.notes.deviations = slips.iter().copied().collect();
        puppet.bytes.memory[..2].copy_from_slice(b"hi");
        puppet.bytes.memory[16] = 2;
        let opts = LiftLowerOptions { ptr_type: PtrType::I64, ..OPTS };
        let ft =
            FuncType { params: vec![Type::String], result: Some(Type::String), is_async: false };
        let args = [Value::string("a")];
        let result = canon_lift(&mut puppet, opts, None, &ft, &args, |_, result| Ok(result));
        assert_eq!(result, expected.map(|text| Some(Value::string(text))));
        assert!(puppet.log.iter().take(called.len()).eq(called), "{:?}", puppet.log);
    }

    #[test]
    fn the_host_may_take_a_memory_of_64_bits_for_one_of_32() {
        let called = ["realloc", "call [I64(32), I64(1)]"];
        check_wide(&[], &called, Ok("hi"));
        check_wide(&[Deviation::HostMemoryIs32Bit], &called, Ok(""));
        let both = [Deviation::HostMemoryIs32Bit, Deviation::HostReallocOf64BitsCrashes];
        check_wide(&both, &[], Err(Trap::Crash));
    }

    #[test]
    fn a_trap_while_lifting_the_result_comes_before_post_return() {
        let mut puppet = puppet(&[Core::I32(0xd800)]);
        let ft = FuncType { result: Some(Type::Char), ..FuncType::default() };
        let result = canon_lift(&mut puppet, OPTS, None, &ft, &[], |_, result| Ok(result));
        assert_eq!(result, Err(Trap::InvalidChar));
        assert_eq!(puppet.log, ["call []"]);
    }

    #[test]
    fn the_out_pointer_is_checked_only_after_the_callee_ran() {
        check_lower(true, &[0, 1, 8], &["callee", "realloc"], Ok(()));
        check_lower(true, &[0, 1, 9], &["callee"], Err(Trap::UnalignedPointer));
        check_lower(true, &[60, 5, 9], &[], Err(Trap::StringOutOfBounds));
    }

    #[test]
    fn an_import_may_not_be_called_while_may_leave_is_false() {
        check_lower(false, &[0, 1, 8], &[], Err(Trap::CannotLeaveComponent));
    }

    /// Passes one param from guest to guest, out of a memory of 64 bytes that begins with these and
    /// into the same, whose free part begins at 32: what the callee gets, without the slip and with it.
    #[track_caller]
    fn check_slip(
        slip: Deviation,
        ty: &Type,
        (flat, memory): (&[u32], &[u8]),
        right: Result<&[u32], Trap>,
        slipped: Result<&[u32], Trap>,
    ) {
        let flat: Vec<Core> = flat.iter().copied().map(Core::I32).collect();
        let types = std::slice::from_ref(ty);
        let pass = |deviations: &[Deviation], peer| {
            let mut bytes = ByteGuest::new(memory.to_vec(), 32);
            bytes.memory.resize(64, 0);
            bytes.notes.deviations = deviations.iter().copied().collect();
            let cx = &mut Cx { opts: OPTS, peer, guest: &mut bytes };
            let lifted = lift(cx, MAX_FLAT_PARAMS, &mut CoreValues::new(&flat), types);
            let passed = lifted.and_then(|values| lower(cx, MAX_FLAT_PARAMS, &values, types, None));
            (passed, bytes.notes.taken.contains(slip), bytes.calls)
        };
        let cores = |flat: &[u32]| flat.iter().copied().map(Core::I32).collect::<Vec<_>>();
        let (passed, taken, _) = pass(&[], Some(OPTS));
        assert_eq!((passed, taken), (right.map(cores), false));
        let (passed, taken, _) = pass(&[slip], Some(OPTS));
        assert_eq!((passed, taken), (slipped.map(cores), true));
        let (passed, taken, _) = pass(&[slip], None);
        assert_eq!((passed, taken), (right.map(cores), false));
    }

    #[test]
    fn slips_in_values_between_guests() {
        let flags = Type::Flags(vec![Label::default(); 2]);
        let slip = Deviation::FusedFlagsUnmasked;
        check_slip(slip, &flags, (&[7], &[]), Ok(&[3]), Ok(&[7]));
        check_slip(Deviation::FusedBoolRaw, &Type::Bool, (&[6], &[]), Ok(&[1]), Ok(&[6]));
        let no_char = Err(Trap::InvalidChar);
        let slip = Deviation::FusedCharUnchecked;
        check_slip(slip, &Type::Char, (&[0xd800], &[]), no_char, Ok(&[0xd800]));
        let no_case = Err(Trap::InvalidDiscriminant);
        let slip = Deviation::FusedDiscriminantUnchecked;
        check_slip(slip, &Type::Result(None, None), (&[7], &[]), no_case, Ok(&[1]));
        let large = Type::Enum(vec![Label::default(); 1001]);
        let slip = Deviation::AdapterRecursesOnLargeTypes;
        check_slip(slip, &large, (&[7], &[]), Ok(&[7]), Err(Trap::Crash));
        let slip = Deviation::AdapterTrapsUnnamed;
        check_slip(slip, &Type::Char, (&[0xd800], &[]), no_char, Err(Trap::Guest));
    }

    #[test]
    fn a_list_of_a_guest_may_be_asked_for_by_its_length() {
        for (slips, size) in [(&[][..], 6), (&[Deviation::ListAllocatedByLength], 3)] {
            let mut bytes = ByteGuest::new(vec![0; 64], 32);
            bytes.notes.deviations = slips.iter().copied().collect();
            let cx = &mut Cx { opts: OPTS, peer: Some(OPTS), guest: &mut bytes };
            let (value, ty) = (Value::List(vec![Value::U16(7); 3]), Type::List(Type::U16.into()));
            lower(cx, MAX_FLAT_PARAMS, &[value], &[ty], None).unwrap();
            assert_eq!(bytes.calls[0].new_size, size);
        }
    }

    /// Lowers into the last bytes of a memory of 64, of which the tuple would take 24.
    #[track_caller]
    fn check_beyond(payload: Option<Value>, ptr: u64, expected: Result<(), Trap>) {
        let tuple = Type::Tuple(vec![Type::U8, Type::Option(Type::U64.into())]);
        let case_index = u32::from(payload.is_some());
        let option = Value::Variant(case_index, payload.map(Box::new));
        let value = [Value::Record(vec![Value::U8(7), option])];
        let store = |deviations: &[Deviation]| {
            let mut bytes = ByteGuest::new(vec![0; 64], 32);
            bytes.notes.deviations = deviations.iter().copied().collect();
            let mut cx = Cx { opts: OPTS, peer: Some(OPTS), guest: &mut bytes };
            let types = std::slice::from_ref(&tuple);
            let stored = lower(&mut cx, MAX_FLAT_RESULTS, &value, types, Some(ptr));
            let flat = [Core::I32(u32::try_from(ptr).unwrap())];
            let loaded = lift(&mut cx, MAX_FLAT_RESULTS, &mut CoreValues::new(&flat), types);
            (stored, loaded)
        };
        let outside = Trap::MemoryOutOfBounds;
        assert_eq!(store(&[]), (Err(outside), Err(outside)));
        let (stored, loaded) = store(&[Deviation::SpilledBoundsUnchecked]);
        assert_eq!(stored, expected.map(|()| Vec::new()));
        assert_eq!(loaded, expected.map(|()| value.to_vec()));
    }

    #[test]
    fn of_a_spilled_tuple_that_is_not_checked_only_what_is_used_is_outside() {
        check_beyond(None, 48, Ok(()));
        check_beyond(Some(Value::U64(1)), 48, Err(Trap::MemoryOutOfBounds));
        check_beyond(None, 56, Err(Trap::MemoryOutOfBounds));
    }
}
