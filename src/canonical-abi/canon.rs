//! The canonical definitions: a core function as a component function, and the reverse.
//! Knows neither components nor who may enter whom.

use super::check::trap_if;
use super::context::{Cx, Instance};
use super::deviations::adapter;
use super::deviations::canon::{self as deviations, Lifted, Lowered};
use super::explore::{self, Step};
use super::lift::CoreValues;
use super::passing::{Stopped, call, deliver_resolve, lift, lower, return_};
use super::signature::{FuncLayout, Signature};
use super::{Core, CoreType, LiftLowerOptions, Party, Rule, Stage, Stop};
use super::{MAX_FLAT_PARAMS, MAX_FLAT_RESULTS};
use crate::types::FuncType;
use crate::value::Value;

/// Spec: `canon_lift`. What `on_resolve` makes of the result is the answer. `peer` has the options of
/// the guest that calls, if it is one.
pub fn canon_lift<I: Instance, R>(
    instance: &mut I,
    opts: LiftLowerOptions,
    peer: Option<LiftLowerOptions>,
    ft: &Signature,
    args: &[Value],
    on_resolve: impl FnOnce(&mut I, Option<Value>) -> Result<R, Stop>,
) -> Result<R, Stopped> {
    let flat_ft = &ft.layout(opts.ptr_type).lifted;
    let (mut seen, types) = Lifted::begin(instance, opts, peer, ft)?;
    let mut cx = Cx { opts: seen.param_opts, peer, guest: &mut *instance };
    let flat_args = lower(&mut cx, Stage::LowerParams, MAX_FLAT_PARAMS, args, &types.params, None)?;
    let flat_args = seen.flat_args(flat_args, flat_ft);
    assert!(types_match_values(&flat_ft.params, &flat_args), "we lower to the types we flatten to");
    let flat_results = call(instance, peer, &flat_args)?;
    assert!(types_match_values(&flat_ft.results, &flat_results), "the component was validated");
    let seen_results = seen.flat_results(instance, &flat_results)?;
    let mut cx = Cx { opts: seen.opts, peer, guest: &mut *instance };
    let vi = &mut CoreValues::new(&seen_results);
    let result = lift(&mut cx, Stage::LiftResult, MAX_FLAT_RESULTS, vi, &types.results)?.pop();
    return_(&mut cx, CoreValues::new(&seen_results), &types.results)?;
    let result = seen.result(instance, result, &flat_results)?;
    let resolved = on_resolve(instance, result)?;
    seen.post_return(instance, &flat_results)?;
    Ok(resolved)
}

/// Spec: `canon_lower`. What it gives the callee has the spec's `on_start` and `on_resolve`; the
/// callee answers with what `on_resolve` did. `peer` has the options of the callee, if it is a guest.
pub fn canon_lower<I: Instance>(
    instance: &mut I,
    opts: LiftLowerOptions,
    peer: Option<LiftLowerOptions>,
    ft: &Signature,
    flat_args: &[Core],
    callee: impl FnOnce(&mut I, &mut Subtask) -> Result<Vec<Core>, Stop>,
) -> Result<Vec<Core>, Stop> {
    check_may_leave(instance, peer, ft.ty())?;
    let flat_ft = &ft.layout(opts.ptr_type).lowered;
    assert!(types_match_values(&flat_ft.params, flat_args), "the component was validated");
    let seen = Lowered::begin(instance, opts, peer, ft)?;
    let flat_args = seen.flat_args(flat_args);
    let flat_args = CoreValues::new(&flat_args);
    let Lowered { opts, param_opts, result_opts, .. } = seen;
    let types = ft.layout(opts.ptr_type);
    let mut subtask = Subtask { opts, param_opts, result_opts, peer, types, flat_args };
    let flat_results = callee(instance, &mut subtask)?;
    deliver_resolve(instance, peer);
    let flat_results = seen.flat_results(flat_results, flat_ft);
    assert!(types_match_values(&flat_ft.results, &flat_results), "we lower to what we flatten to");
    Ok(flat_results)
}

/// Spec: `canon_lower`, its beginning.
fn check_may_leave(
    instance: &mut impl Instance,
    peer: Option<LiftLowerOptions>,
    ft: &FuncType,
) -> Result<(), Stop> {
    let party = Party::of(peer);
    let stays = !may_leave(instance, peer, ft);
    let left = trap_if(instance.watch(), party, Rule::LowerMayNotLeave, stays);
    left.map_err(|stop| adapter::in_adapter(instance.watch(), party, stop))
}

fn may_leave(instance: &mut impl Instance, peer: Option<LiftLowerOptions>, ft: &FuncType) -> bool {
    instance.may_leave() || deviations::leaves_anyway(instance, peer, ft)
}

/// Spec: `Subtask`: a call that a lowered function makes.
pub struct Subtask<'a> {
    opts: LiftLowerOptions,
    /// Those to lift the params with, and to lower the result with.
    param_opts: LiftLowerOptions,
    result_opts: LiftLowerOptions,
    peer: Option<LiftLowerOptions>,
    types: &'a FuncLayout,
    flat_args: CoreValues<'a>,
}

impl Subtask<'_> {
    /// Spec: `canon_lower`, `on_start`: the arguments.
    pub fn on_start(&mut self, instance: &mut dyn Instance) -> Result<Vec<Value>, Stopped> {
        let mut cx = Cx { opts: self.param_opts, peer: self.peer, guest: instance };
        let vi = &mut self.flat_args;
        let args = lift(&mut cx, Stage::LiftParams, MAX_FLAT_PARAMS, vi, &self.types.params)?;
        deviations::check_out_param(&mut cx, self.opts, self.types, vi)?;
        Ok(args)
    }

    /// Spec: `canon_lower`, `on_resolve`: the core results.
    pub fn on_resolve(
        &mut self,
        instance: &mut dyn Instance,
        result: Option<&Value>,
    ) -> Result<Vec<Core>, Stop> {
        let out_param = self.out_param();
        let results = result.map_or(&[][..], std::slice::from_ref);
        let mut cx = Cx { opts: self.result_opts, peer: self.peer, guest: instance };
        let types = &self.types.results;
        lower(&mut cx, Stage::LowerResult, MAX_FLAT_RESULTS, results, types, out_param)
    }

    /// Explores what lowering the result may meet, where lifting it left this.
    pub fn explore_result(&mut self, instance: &mut dyn Instance, unlowered: &[Step]) {
        let out_param = self.out_param();
        let mut cx = Cx { opts: self.opts, peer: self.peer, guest: instance };
        explore::lower(&mut cx, MAX_FLAT_RESULTS, &self.types.results, out_param, unlowered);
    }

    /// Where the result goes; it comes after the params.
    fn out_param(&mut self) -> Option<u64> {
        let vi = &mut self.flat_args;
        (!vi.done()).then(|| vi.next(self.opts.ptr_type.core_type()))
    }
}

/// Spec: `types_match_values`.
fn types_match_values(types: &[CoreType], values: &[Core]) -> bool {
    types.iter().copied().eq(values.iter().map(|value| value.ty()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes_guest::ByteGuest;
    use crate::layout::Layout;
    use crate::types::{Label, Type};
    use crate::{Deviation, Deviations, Guest, PtrType, Recorder, StringEncoding, Trap, Watch};

    const OPTS: LiftLowerOptions =
        LiftLowerOptions { string_encoding: StringEncoding::Utf8, ptr_type: PtrType::I32 };

    /// A guest that returns what it is told to, and writes down what happens.
    struct Puppet {
        bytes: ByteGuest<Recorder>,
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

        fn realloc(&mut self, old: u64, size: u64, align: u64, new: u64) -> Result<u64, Stop> {
            self.log.push("realloc".into());
            self.bytes.realloc(old, size, align, new)
        }

        fn lifted(&mut self) -> &mut u64 {
            self.bytes.lifted()
        }

        fn watch(&mut self) -> &mut dyn Watch {
            self.bytes.watch()
        }

        fn is_wide(&self) -> bool {
            self.wide
        }
    }

    impl Instance for Puppet {
        fn call(&mut self, args: &[Core]) -> Result<Vec<Core>, Stop> {
            self.log.push(format!("call {args:?}"));
            Ok(self.results.clone())
        }

        fn post_return(&mut self, results: &[Core]) -> Result<(), Stop> {
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

    /// A memory whose free part begins at 32, and who deviates so.
    fn bytes(memory: Vec<u8>, deviations: &[Deviation]) -> ByteGuest<Recorder> {
        let deviations: Deviations = deviations.iter().copied().collect();
        ByteGuest::watched(memory, 32, Recorder::deviating(deviations))
    }

    fn puppet(results: &[Core]) -> Puppet {
        let bytes = bytes(vec![0; 64], &[]);
        Puppet { bytes, results: results.to_vec(), wide: false, may_leave: true, log: Vec::new() }
    }

    /// Lowers an import of type `func(string) -> string`; its callee answers with its argument.
    #[track_caller]
    fn check_lower(may_leave: bool, flat_args: &[u32], log: &[&str], expected: Result<(), Stop>) {
        let mut puppet = puppet(&[]);
        puppet.may_leave = may_leave;
        let ft =
            FuncType { params: vec![Type::String], result: Some(Type::String), is_async: false };
        let ft = Signature::from(ft);
        let flat_args: Vec<Core> = flat_args.iter().copied().map(Core::I32).collect();
        let echo = |puppet: &mut Puppet, subtask: &mut Subtask| {
            let args = subtask.on_start(puppet).map_err(|stopped| stopped.stop)?;
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
        let ft = Signature::from(ft);
        let args = [Value::string("hi")];
        let result = canon_lift(&mut puppet, OPTS, None, &ft, &args, |puppet, result| {
            puppet.log.push("resolved".into());
            Ok(result)
        });
        assert_eq!(result.map_err(|stopped| stopped.stop), Ok(Some(Value::U8(7))));
        let called = "call [I32(32), I32(2)]";
        let cleaned = "post-return [I32(7)], may_leave false";
        assert_eq!(puppet.log, ["realloc", called, "resolved", cleaned]);
        assert!(puppet.may_leave);
    }

    /// Passes a string to a guest with a memory of 64 bits that returns the string at 8: what the guest
    /// gets, and what the host.
    #[track_caller]
    fn check_wide(deviations: &[Deviation], called: &[&str], expected: Result<&str, Stop>) {
        let mut puppet = Puppet { wide: true, ..puppet(&[Core::I64(8)]) };
        puppet.bytes.watch.deviations = deviations.iter().copied().collect();
        puppet.bytes.memory[..2].copy_from_slice(b"hi");
        puppet.bytes.memory[16] = 2;
        let opts = LiftLowerOptions { ptr_type: PtrType::I64, ..OPTS };
        let ft =
            FuncType { params: vec![Type::String], result: Some(Type::String), is_async: false };
        let ft = Signature::from(ft);
        let args = [Value::string("a")];
        let result = canon_lift(&mut puppet, opts, None, &ft, &args, |_, result| Ok(result));
        let result = result.map_err(|stopped| stopped.stop);
        assert_eq!(result, expected.map(|text| Some(Value::string(text))));
        assert!(puppet.log.iter().take(called.len()).eq(called), "{:?}", puppet.log);
    }

    #[test]
    fn the_host_may_take_a_memory_of_64_bits_for_one_of_32() {
        let called = ["realloc", "call [I64(32), I64(1)]"];
        check_wide(&[], &called, Ok("hi"));
        check_wide(&[Deviation::HostMemoryIs32Bit], &called, Ok(""));
        let both = [Deviation::HostMemoryIs32Bit, Deviation::HostReallocOf64BitsCrashes];
        check_wide(&both, &[], Err(Stop::Crash));
    }

    #[test]
    fn a_trap_while_lifting_the_result_comes_before_post_return() {
        let mut puppet = puppet(&[Core::I32(0xd800)]);
        let ft = Signature::from(FuncType { result: Some(Type::Char), ..FuncType::default() });
        let result = canon_lift(&mut puppet, OPTS, None, &ft, &[], |_, result| Ok(result));
        assert_eq!(result.map_err(|stopped| stopped.stop), Err(Trap::InvalidChar.into()));
        assert_eq!(puppet.log, ["call []"]);
    }

    #[test]
    fn the_out_pointer_is_checked_only_after_the_callee_ran() {
        check_lower(true, &[0, 1, 8], &["callee", "realloc"], Ok(()));
        check_lower(true, &[0, 1, 9], &["callee"], Err(Trap::UnalignedPointer.into()));
        check_lower(true, &[60, 5, 9], &[], Err(Trap::StringOutOfBounds.into()));
    }

    #[test]
    fn an_import_may_not_be_called_while_may_leave_is_false() {
        check_lower(false, &[0, 1, 8], &[], Err(Trap::CannotLeaveComponent.into()));
    }

    /// Passes one param from guest to guest, out of a memory of 64 bytes that begins with these and
    /// into the same, whose free part begins at 32: what the callee gets, without the deviation and with it.
    #[track_caller]
    fn check_deviation(
        deviation: Deviation,
        ty: &Type,
        (flat, memory): (&[u32], &[u8]),
        right: Result<&[u32], Stop>,
        deviated: Result<&[u32], Stop>,
    ) {
        let flat: Vec<Core> = flat.iter().copied().map(Core::I32).collect();
        let types = &Layout::of_tuple(std::slice::from_ref(ty), OPTS.ptr_type);
        let pass = |deviations: &[Deviation], peer| {
            let mut bytes = bytes(memory.to_vec(), deviations);
            bytes.memory.resize(64, 0);
            let cx = &mut Cx { opts: OPTS, peer, guest: &mut bytes };
            let vi = &mut CoreValues::new(&flat);
            let lifted = lift(cx, Stage::LiftParams, MAX_FLAT_PARAMS, vi, types);
            let lifted = lifted.map_err(|stopped| stopped.stop);
            let stage = Stage::LowerParams;
            let passed =
                lifted.and_then(|values| lower(cx, stage, MAX_FLAT_PARAMS, &values, types, None));
            (passed, bytes.watch.taken.contains(deviation), bytes.calls)
        };
        let cores = |flat: &[u32]| flat.iter().copied().map(Core::I32).collect::<Vec<_>>();
        let (passed, taken, _) = pass(&[], Some(OPTS));
        assert_eq!((passed, taken), (right.map(cores), false));
        let (passed, taken, _) = pass(&[deviation], Some(OPTS));
        assert_eq!((passed, taken), (deviated.map(cores), true));
        let (passed, taken, _) = pass(&[deviation], None);
        assert_eq!((passed, taken), (right.map(cores), false));
    }

    #[test]
    fn deviations_in_values_between_guests() {
        let flags = Type::Flags(vec![Label::default(); 2]);
        let deviation = Deviation::FusedFlagsUnmasked;
        check_deviation(deviation, &flags, (&[7], &[]), Ok(&[3]), Ok(&[7]));
        check_deviation(Deviation::FusedBoolRaw, &Type::Bool, (&[6], &[]), Ok(&[1]), Ok(&[6]));
        let no_char = Err(Trap::InvalidChar.into());
        let deviation = Deviation::FusedCharUnchecked;
        check_deviation(deviation, &Type::Char, (&[0xd800], &[]), no_char, Ok(&[0xd800]));
        let no_case = Err(Trap::InvalidDiscriminant.into());
        let deviation = Deviation::FusedDiscriminantUnchecked;
        check_deviation(deviation, &Type::Result(None, None), (&[7], &[]), no_case, Ok(&[1]));
        let large = Type::Enum(vec![Label::default(); 1001]);
        let deviation = Deviation::AdapterRecursesOnLargeTypes;
        check_deviation(deviation, &large, (&[7], &[]), Ok(&[7]), Err(Stop::Crash));
        let deviation = Deviation::AdapterTrapsUnnamed;
        check_deviation(deviation, &Type::Char, (&[0xd800], &[]), no_char, Err(Trap::Guest.into()));
    }

    #[test]
    fn a_list_of_a_guest_may_be_asked_for_by_its_length() {
        for (deviations, size) in [(&[][..], 6), (&[Deviation::ListAllocatedByLength], 3)] {
            let mut bytes = bytes(vec![0; 64], deviations);
            let cx = &mut Cx { opts: OPTS, peer: Some(OPTS), guest: &mut bytes };
            let (value, ty) = (Value::List(vec![Value::U16(7); 3]), Type::List(Type::U16.into()));
            let types = Layout::of_tuple(&[ty], OPTS.ptr_type);
            lower(cx, Stage::LowerParams, MAX_FLAT_PARAMS, &[value], &types, None).unwrap();
            assert_eq!(bytes.calls[0].new_size, size);
        }
    }

    /// Lowers into the last bytes of a memory of 64, of which the tuple would take 24.
    #[track_caller]
    fn check_beyond(payload: Option<Value>, ptr: u64, expected: Result<(), Stop>) {
        let tuple = Type::Tuple(vec![Type::U8, Type::Option(Type::U64.into())]);
        let case_index = u32::from(payload.is_some());
        let option = Value::Variant(case_index, payload.map(Box::new));
        let value = [Value::Record(vec![Value::U8(7), option])];
        let store = |deviations: &[Deviation]| {
            let mut bytes = bytes(vec![0; 64], deviations);
            let mut cx = Cx { opts: OPTS, peer: Some(OPTS), guest: &mut bytes };
            let types = &Layout::of_tuple(std::slice::from_ref(&tuple), OPTS.ptr_type);
            let stage = Stage::LowerResult;
            let stored = lower(&mut cx, stage, MAX_FLAT_RESULTS, &value, types, Some(ptr));
            let flat = [Core::I32(u32::try_from(ptr).unwrap())];
            let vi = &mut CoreValues::new(&flat);
            let loaded = lift(&mut cx, Stage::LiftResult, MAX_FLAT_RESULTS, vi, types);
            (stored, loaded.map_err(|stopped| stopped.stop))
        };
        let outside = Stop::Trap(Trap::MemoryOutOfBounds);
        assert_eq!(store(&[]), (Err(outside), Err(outside)));
        let (stored, loaded) = store(&[Deviation::SpilledBoundsUnchecked]);
        assert_eq!(stored, expected.map(|()| Vec::new()));
        assert_eq!(loaded, expected.map(|()| value.to_vec()));
    }

    #[test]
    fn of_a_spilled_tuple_that_is_not_checked_only_what_is_used_is_outside() {
        check_beyond(None, 48, Ok(()));
        check_beyond(Some(Value::U64(1)), 48, Err(Trap::MemoryOutOfBounds.into()));
        check_beyond(None, 56, Err(Trap::MemoryOutOfBounds.into()));
    }
}
