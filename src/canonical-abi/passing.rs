//! The steps of a call in `canon lift` and `canon lower`, and what is noted of each.
//! Knows no order of them.

use super::context::{Cx, Instance};
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
    cx.guest.watch().set_stage(stage);
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
    cx.guest.watch().set_stage(stage);
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

/// Calls the core function under `canon lift`.
pub fn call(
    instance: &mut impl Instance,
    peer: Option<LiftLowerOptions>,
    flat_args: &[Core],
) -> Result<Vec<Core>, Stop> {
    instance.watch().set_stage(Stage::Callee);
    let called = instance.call(flat_args);
    called.inspect_err(|_| instance.watch().reach(Rule::CalleeTraps.into(), Party::of(peer)))
}

/// Spec: `canon_lift`, its end. After a trap `may_leave` no longer matters.
pub fn post_return(
    instance: &mut impl Instance,
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
    instance: &mut impl Instance,
    peer: Option<LiftLowerOptions>,
    flat_results: &[Core],
) -> Result<(), Stop> {
    let party = Party::of(peer);
    instance.watch().set_stage(Stage::PostReturn);
    instance.watch().reach(Rule::PostReturn.into(), party);
    let returned = instance.post_return(flat_results);
    returned.inspect_err(|_| instance.watch().reach(Rule::PostReturnTraps.into(), party))
}

/// Spec: `Subtask.deliver_resolve`. What comes next is the function that called.
pub fn deliver_resolve(instance: &mut dyn Instance, peer: Option<LiftLowerOptions>) {
    handle::deliver_resolve(instance, Party::of(peer));
    instance.watch().set_stage(Stage::Callee);
}
