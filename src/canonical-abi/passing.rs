//! The steps of a call in `canon lift` and `canon lower`, and what is noted of each.
//! Knows no order of them.

use super::context::{Cx, Guest, Instance, set_stage};
use super::deviations::adapter;
use super::deviations::post_return::PostReturn;
use super::explore::{self, Step};
use super::handle;
use super::layout::Layout;
use super::lift::{CoreValues, lift_flat_values};
use super::lower::lower_flat_values;
use super::{Core, LiftLowerOptions, MAX_FLAT_RESULTS, Party, Rule, Stage, Stop};
use crate::types::FuncType;
use crate::value::Value;

/// Why a call did not come back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stopped {
    pub stop: Stop,
    /// What is left to explore of lowering, where lifting for another guest trapped and someone wants to
    /// know.
    pub unlowered: Option<Vec<Step>>,
}

impl From<Stop> for Stopped {
    fn from(stop: Stop) -> Stopped {
        Stopped { stop, unlowered: None }
    }
}

/// Does `lift_flat_values`. Where it traps for another guest, the other faults are explored.
pub fn lift(
    cx: &mut Cx,
    stage: Stage,
    max_flat: usize,
    vi: &mut CoreValues,
    types: &Layout,
) -> Result<Vec<Value>, Stopped> {
    set_stage(cx.guest, stage);
    let start = vi.clone();
    let lifted = lift_flat_values(cx, max_flat, vi, types);
    lifted.map_err(|stop| stopped(cx, max_flat, start, types, stop))
}

/// Spec: `Task.return_`. Where it traps for another guest, the faults of lifting are explored.
pub fn return_(cx: &mut Cx, vi: CoreValues, types: &Layout) -> Result<(), Stopped> {
    let party = cx.party();
    let returned = handle::return_(cx.guest, party);
    returned.map_err(|stop| stopped(cx, MAX_FLAT_RESULTS, vi, types, stop))
}

fn stopped(cx: &mut Cx, max_flat: usize, vi: CoreValues, types: &Layout, stop: Stop) -> Stopped {
    let unlowered = explore::lift(cx, max_flat, vi, types, stop);
    Stopped { stop: named(cx, stop), unlowered }
}

/// Does `lower_flat_values`. Where it traps for another guest, nothing is left to explore; what was
/// passed by another guest is noted.
pub fn lower(
    cx: &mut Cx,
    stage: Stage,
    max_flat: usize,
    values: &[Value],
    types: &Layout,
    out_param: Option<u64>,
) -> Result<Vec<Core>, Stop> {
    set_stage(cx.guest, stage);
    let lowered = lower_flat_values(cx, max_flat, values, types, out_param);
    note_passed(cx, values, lowered.as_ref().err().copied());
    lowered.map_err(|stop| named(cx, stop))
}

fn note_passed(cx: &mut Cx, values: &[Value], stop: Option<Stop>) {
    if cx.peer.is_none() {
        return;
    }
    match stop {
        None => {
            let instance = cx.guest.instance();
            cx.guest.watch().passed(instance, values);
        }
        Some(stop) => cx.fault(stop),
    }
}

/// What the end of a lift or lower shows.
fn named(cx: &mut Cx, stop: Stop) -> Stop {
    if cx.peer.is_some() { adapter::between_guests(cx.guest.watch(), stop) } else { stop }
}

/// Spec: `canon_lift`, its end. After a trap `may_leave` no longer matters.
pub fn post_return(
    instance: &mut dyn Instance,
    peer: Option<LiftLowerOptions>,
    ft: &FuncType,
    flat_results: &[Core],
) -> Result<(), Stop> {
    let how = PostReturn::begin(instance, peer, ft, flat_results);
    instance.set_may_leave(how.may_leave);
    if let Some(flat_results) = how.flat_results {
        call_post_return(instance, peer, &flat_results)?;
    }
    instance.set_may_leave(how.may_leave_after);
    Ok(())
}

fn call_post_return(
    instance: &mut dyn Instance,
    peer: Option<LiftLowerOptions>,
    flat_results: &[Core],
) -> Result<(), Stop> {
    let party = Party::of(peer);
    set_stage(instance, Stage::PostReturn);
    instance.watch().reach(Rule::PostReturn.into(), party);
    let returned = instance.post_return(flat_results);
    returned.inspect_err(|_| instance.watch().reach(Rule::PostReturnTraps.into(), party))
}

/// Spec: `Subtask.deliver_resolve`. What comes next is the function that called.
pub fn deliver_resolve(instance: &mut dyn Guest, peer: Option<LiftLowerOptions>) {
    handle::deliver_resolve(instance, Party::of(peer));
    set_stage(instance, Stage::Callee);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes_guest::ByteGuest;
    use crate::types::{Label, Type};
    use crate::{Deviation, Deviations, MAX_FLAT_PARAMS, PtrType, Recorder, StringEncoding, Trap};

    const OPTS: LiftLowerOptions =
        LiftLowerOptions { string_encoding: StringEncoding::Utf8, ptr_type: PtrType::I32 };

    /// A memory whose free part begins at 32, and who deviates so.
    fn bytes(memory: Vec<u8>, deviations: &[Deviation]) -> ByteGuest<Recorder> {
        let deviations: Deviations = deviations.iter().copied().collect();
        ByteGuest::watched(memory, 32, Recorder::deviating(deviations))
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
