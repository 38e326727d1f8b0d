//! What deviations make of a call: which options are taken for whose, and what comes before what.
//! Knows no value.

use super::handle::{add_thread, may_block, remove_thread};
use crate::context::{Cx, Guest, Instance};
use crate::flatten::{Context, flatten_functype, flatten_within};
use crate::handle::holds_borrows;
use crate::lift::{CoreValues, lift_flat_values};
use crate::passing::post_return;
use crate::spill::check_out_param as check;
use crate::types::{FuncType, Type};
use crate::value::Value;
use crate::{Core, CoreFuncType, CoreType, Deviation, LiftLowerOptions, MAX_FLAT_PARAMS};
use crate::{MAX_FLAT_RESULTS, Party, PtrType, Stage, Stop, Trap, end_if};

/// A call of a lifted function, as whoever lifts and lowers sees it.
pub(crate) struct Lifted<'a> {
    /// The options to lower the params with.
    pub param_opts: LiftLowerOptions,
    /// The options to lift the result with.
    pub opts: LiftLowerOptions,
    peer: Option<LiftLowerOptions>,
    ft: &'a FuncType,
    /// The core type that it is taken for, where that is another.
    narrowed: Option<CoreFuncType>,
    thread: Option<u32>,
    cleaned_up: bool,
}

impl<'a> Lifted<'a> {
    pub fn begin(
        instance: &mut impl Instance,
        opts: LiftLowerOptions,
        peer: Option<LiftLowerOptions>,
        ft: &'a FuncType,
    ) -> Result<Lifted<'a>, Stop> {
        let (opts, narrowed) = narrow(instance, opts, peer, ft, Context::Lift);
        let thread = if peer.is_some() { None } else { add_thread(instance)? };
        let param_opts = mistake(instance, opts, peer, Deviation::ParamsInCallersEncoding);
        Ok(Lifted { param_opts, opts, peer, ft, narrowed, thread, cleaned_up: false })
    }

    /// The params that the core function is called with.
    pub fn flat_args(&self, flat_args: Vec<Core>, flat_ft: &CoreFuncType) -> Vec<Core> {
        widened(&self.narrowed, flat_args, &flat_ft.params, |narrowed| &narrowed.params)
    }

    /// The core function has returned: its results as they are lifted. Ends as who looks for borrows now.
    pub fn flat_results(
        &mut self,
        instance: &mut impl Instance,
        flat_results: &[Core],
    ) -> Result<Vec<Core>, Stop> {
        remove_thread(instance, self.thread);
        if instance.watch().deviates(Deviation::PostReturnBeforeLift) {
            self.cleaned_up = true;
            post_return(instance, self.peer, self.ft, flat_results)?;
        }
        instance.watch().set_stage(Stage::LiftResult);
        let too_early = holds_borrows(instance)
            && instance.watch().deviates(Deviation::BorrowsCheckedEarly)
            && !self.may_hold_borrows(instance);
        end_if(too_early, Trap::BorrowsRemain)?;
        Ok(self.seen(flat_results))
    }

    /// The result was lifted: what it is where it is read once more.
    pub fn result(
        &mut self,
        instance: &mut impl Instance,
        result: Option<Value>,
        flat_results: &[Core],
    ) -> Result<Option<Value>, Stop> {
        let results = self.ft.results();
        let rereads = self.peer.is_none() && !self.cleaned_up && reads_memory(self.ft);
        let rereads = rereads && no_handles(results);
        if !rereads || !instance.watch().deviates(Deviation::ResultReadAfterPostReturn) {
            return Ok(result);
        }
        self.cleaned_up = true;
        post_return(instance, self.peer, self.ft, flat_results)?;
        let seen = self.seen(flat_results);
        let mut cx = Cx { opts: self.opts, peer: self.peer, guest: instance };
        let vi = &mut CoreValues::new(&seen);
        Ok(lift_flat_values(&mut cx, MAX_FLAT_RESULTS, vi, results)?.pop())
    }

    /// Cleans up, if that is not done. Ends as who looks for borrows only then.
    pub fn post_return(
        &self,
        instance: &mut impl Instance,
        flat_results: &[Core],
    ) -> Result<(), Stop> {
        if !self.cleaned_up {
            post_return(instance, self.peer, self.ft, flat_results)?;
        }
        let too_late = holds_borrows(instance)
            && instance.watch().has(Deviation::BorrowsCheckedLate)
            && !self.may_hold_borrows(instance);
        end_if(too_late, Trap::BorrowsRemain)
    }

    fn may_hold_borrows(&self, instance: &mut impl Instance) -> bool {
        let watch = instance.watch();
        watch.deviates(Deviation::BorrowsMayRemain)
            || self.peer.is_some() && watch.deviates(Deviation::FusedBorrowsMayRemain)
    }

    fn seen(&self, flat_results: &[Core]) -> Vec<Core> {
        match &self.narrowed {
            None => flat_results.to_vec(),
            Some(narrowed) => retyped(flat_results, &narrowed.results),
        }
    }
}

/// A call of a lowered function, as whoever lifts and lowers sees it.
pub(crate) struct Lowered {
    pub opts: LiftLowerOptions,
    /// The options to lift the params with, which may be taken for those of the callee.
    pub param_opts: LiftLowerOptions,
    /// The options to lower the result with, which may be taken for those of the callee.
    pub result_opts: LiftLowerOptions,
    narrowed: Option<CoreFuncType>,
}

impl Lowered {
    /// Ends as who refuses calls of functions that may block, whether they do or not: the rule until May
    /// 2026.
    pub fn begin(
        instance: &mut impl Instance,
        opts: LiftLowerOptions,
        peer: Option<LiftLowerOptions>,
        ft: &FuncType,
    ) -> Result<Lowered, Stop> {
        let asked = ft.is_async && instance.watch().has(Deviation::AsyncCallsRefused);
        if asked && !may_block(instance) && instance.watch().deviates(Deviation::AsyncCallsRefused)
        {
            let (party, stop) = (Party::of(peer), Trap::CannotBlockSyncTask.into());
            return Err(super::adapter::in_adapter(instance.watch(), party, stop));
        }
        let (opts, narrowed) = narrow(instance, opts, peer, ft, Context::Lower);
        let param_opts = mistake(instance, opts, peer, Deviation::ParamsReadInCalleesEncoding);
        let result_opts = mistake(instance, opts, peer, Deviation::ResultInCalleesEncoding);
        Ok(Lowered { opts, param_opts, result_opts, narrowed })
    }

    /// The params as they are lifted.
    pub fn flat_args(&self, flat_args: &[Core]) -> Vec<Core> {
        match &self.narrowed {
            None => flat_args.to_vec(),
            Some(narrowed) => retyped(flat_args, &narrowed.params),
        }
    }

    /// The results that the core function returns.
    pub fn flat_results(&self, flat_results: Vec<Core>, flat_ft: &CoreFuncType) -> Vec<Core> {
        widened(&self.narrowed, flat_results, &flat_ft.results, |narrowed| &narrowed.results)
    }
}

/// Whether a call of this function may be made although imports may not be called.
pub(crate) fn leaves_anyway(
    guest: &mut dyn Guest,
    peer: Option<LiftLowerOptions>,
    ft: &FuncType,
) -> bool {
    let fused = peer.is_some() && ft.is_async;
    fused && guest.watch().deviates(Deviation::AsyncAdapterMayLeave)
}

/// Traps where the out-pointer, which follows the params, is bad and is looked at before the callee runs.
pub(crate) fn check_out_param(
    cx: &mut Cx,
    opts: LiftLowerOptions,
    ft: &FuncType,
    rest: &CoreValues,
) -> Result<(), Stop> {
    if rest.done() || !cx.deviates(Deviation::OutPointerCheckedEarly) {
        return Ok(());
    }
    let ptr = rest.clone().next(opts.ptr_type.core_type());
    check(cx, ptr, ft.results())
}

/// The options with the string encoding of the other side.
fn mistake(
    guest: &mut dyn Guest,
    opts: LiftLowerOptions,
    peer: Option<LiftLowerOptions>,
    deviation: Deviation,
) -> LiftLowerOptions {
    let string_encoding = peer.map_or(opts.string_encoding, |peer| peer.string_encoding);
    if string_encoding != opts.string_encoding && guest.watch().deviates(deviation) {
        return LiftLowerOptions { string_encoding, ..opts };
    }
    opts
}

/// The options and the core type where the host takes a memory of 64 bits for one of 32.
fn narrow(
    guest: &mut dyn Guest,
    opts: LiftLowerOptions,
    peer: Option<LiftLowerOptions>,
    ft: &FuncType,
    context: Context,
) -> (LiftLowerOptions, Option<CoreFuncType>) {
    let wide = peer.is_none() && opts.ptr_type == PtrType::I64 && uses_memory(ft);
    if !wide || !guest.watch().deviates(Deviation::HostMemoryIs32Bit) {
        return (opts, None);
    }
    let opts = LiftLowerOptions { ptr_type: PtrType::I32, ..opts };
    (opts, Some(flatten_functype(ft, opts.ptr_type, context)))
}

/// What was lowered to narrow types, of the types that there are.
fn widened(
    narrowed: &Option<CoreFuncType>,
    values: Vec<Core>,
    types: &[CoreType],
    seen: impl Fn(&CoreFuncType) -> &Vec<CoreType>,
) -> Vec<Core> {
    let Some(narrowed) = narrowed else { return values };
    let matching = seen(narrowed).iter().copied().eq(values.iter().map(|value| value.ty()));
    assert!(matching, "we lower to the types we flatten to");
    retyped(&values, types)
}

/// The same bits as values of these types.
fn retyped(values: &[Core], types: &[CoreType]) -> Vec<Core> {
    let pairs = values.iter().zip(types);
    pairs.map(|(value, ty)| Core::from_bits(*ty, value.bits())).collect()
}

/// Whether the result lies in memory, or points there.
fn reads_memory(ft: &FuncType) -> bool {
    points(ft.results()) || spills(ft.results(), MAX_FLAT_RESULTS)
}

/// Whether anything lies in memory: spilled, or in a list or string.
fn uses_memory(ft: &FuncType) -> bool {
    points(&ft.params) || spills(&ft.params, MAX_FLAT_PARAMS) || reads_memory(ft)
}

fn points(types: &[Type]) -> bool {
    let pointer = |ty: &Type| matches!(ty, Type::String | Type::List(_) | Type::Map(..));
    types.iter().any(|ty| ty.any(&mut |ty| pointer(ty)))
}

/// Flat values are as many, whatever a pointer is.
fn spills(types: &[Type], max_flat: usize) -> bool {
    flatten_within(types, PtrType::I32, max_flat).is_none()
}

/// What has handles is lifted only once.
fn no_handles(types: &[Type]) -> bool {
    types.iter().all(|ty| ty.handles().is_empty())
}
