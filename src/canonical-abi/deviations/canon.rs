//! What deviations make of a call: which options are taken for whose, and what comes before what.
//! Knows no value.

use std::sync::Arc;

use super::calls::may_block;
use super::handle::{add_thread, remove_thread};
use crate::context::{Cx, Instance, set_stage};
use crate::flatten::flatten_within;
use crate::handle::holds_borrows;
use crate::lift::{CoreValues, lift_flat_values};
use crate::machine::{Lowered, Machine};
use crate::passing::post_return;
use crate::signature::{FuncLayout, Signature};
use crate::spill::check_out_param as check;
use crate::types::{FuncType, Type};
use crate::value::Value;
use crate::{Core, CoreFuncType, CoreType, Deviation, LiftLowerOptions, MAX_FLAT_PARAMS};
use crate::{MAX_FLAT_RESULTS, Party, PtrType, Stage, Stop, Trap, Watch, end_if};

/// A call of a lifted function, as whoever lifts and lowers sees it.
#[derive(Clone, Debug)]
pub struct Lifting {
    /// The options to lower the params with.
    pub(crate) param_opts: LiftLowerOptions,
    /// The options to lift the result with.
    pub(crate) opts: LiftLowerOptions,
    pub(crate) peer: Option<LiftLowerOptions>,
    ft: Arc<Signature>,
    /// Whether the core function is taken for one of another type.
    narrow: bool,
    thread: Option<u32>,
    cleaned_up: bool,
}

impl Lifting {
    pub(crate) fn begin(
        instance: &mut dyn Instance,
        opts: LiftLowerOptions,
        peer: Option<LiftLowerOptions>,
        ft: &Arc<Signature>,
    ) -> Result<Lifting, Stop> {
        let (opts, narrow) = narrow(instance.watch(), opts, peer, ft.ty());
        let thread = if peer.is_some() { None } else { add_thread(instance)? };
        let deviation = Deviation::ParamsInCallersEncoding;
        let param_opts = mistake(instance.watch(), opts, peer, deviation);
        let (ft, cleaned_up) = (ft.clone(), false);
        Ok(Lifting { param_opts, opts, peer, ft, narrow, thread, cleaned_up })
    }

    /// How values are passed.
    pub(crate) fn types(&self) -> &FuncLayout {
        self.ft.layout(self.opts.ptr_type)
    }

    /// The params that the core function is called with.
    pub(crate) fn flat_args(&self, flat_args: Vec<Core>, flat_ft: &CoreFuncType) -> Vec<Core> {
        widened(self.narrowed(), flat_args, &flat_ft.params, |narrowed| &narrowed.params)
    }

    fn narrowed(&self) -> Option<&CoreFuncType> {
        self.narrow.then(|| &self.types().lifted)
    }

    /// The core function has returned: its results as they are lifted. Ends as who looks for borrows now.
    pub(crate) fn flat_results(
        &mut self,
        instance: &mut dyn Instance,
        flat_results: &[Core],
    ) -> Result<Vec<Core>, Stop> {
        remove_thread(instance, self.thread);
        if instance.watch().deviates(Deviation::PostReturnBeforeLift) {
            self.cleaned_up = true;
            post_return(instance, self.peer, self.ft.ty(), flat_results)?;
        }
        set_stage(instance, Stage::LiftResult);
        let too_early = holds_borrows(instance)
            && instance.watch().deviates(Deviation::BorrowsCheckedEarly)
            && !self.may_hold_borrows(instance);
        end_if(too_early, Trap::BorrowsRemain)?;
        Ok(self.seen(flat_results))
    }

    /// The result was lifted: what it is where it is read once more.
    pub(crate) fn result(
        &mut self,
        instance: &mut dyn Instance,
        result: Option<Value>,
        flat_results: &[Core],
    ) -> Result<Option<Value>, Stop> {
        let asked = instance.watch().has(Deviation::ResultReadAfterPostReturn);
        let (ft, first) = (self.ft.clone(), self.peer.is_none() && !self.cleaned_up);
        let rereads = asked && first && reads_memory(ft.ty()) && no_handles(ft.ty().results());
        if !rereads || !instance.watch().deviates(Deviation::ResultReadAfterPostReturn) {
            return Ok(result);
        }
        self.cleaned_up = true;
        post_return(instance, self.peer, ft.ty(), flat_results)?;
        let seen = self.seen(flat_results);
        let mut cx = Cx { opts: self.opts, peer: self.peer, guest: instance };
        let vi = &mut CoreValues::new(&seen);
        Ok(lift_flat_values(&mut cx, MAX_FLAT_RESULTS, vi, &self.types().results)?.pop())
    }

    /// Cleans up, if that is not done. Ends as who looks for borrows only then.
    pub(crate) fn post_return(
        &self,
        instance: &mut dyn Instance,
        flat_results: &[Core],
    ) -> Result<(), Stop> {
        if !self.cleaned_up {
            post_return(instance, self.peer, self.ft.ty(), flat_results)?;
        }
        let too_late = holds_borrows(instance)
            && instance.watch().has(Deviation::BorrowsCheckedLate)
            && !self.may_hold_borrows(instance);
        end_if(too_late, Trap::BorrowsRemain)
    }

    fn may_hold_borrows(&self, instance: &mut dyn Instance) -> bool {
        let watch = instance.watch();
        watch.deviates(Deviation::BorrowsMayRemain)
            || self.peer.is_some() && watch.deviates(Deviation::FusedBorrowsMayRemain)
    }

    fn seen(&self, flat_results: &[Core]) -> Vec<Core> {
        match self.narrowed() {
            None => flat_results.to_vec(),
            Some(narrowed) => retyped(flat_results, &narrowed.results),
        }
    }
}

/// A call of a lowered function, as whoever lifts and lowers sees it.
#[derive(Clone, Debug)]
pub struct Lowering {
    pub(crate) lowered: Arc<Lowered>,
    pub(crate) opts: LiftLowerOptions,
    /// The options to lift the params with, which may be taken for those of the callee.
    pub(crate) param_opts: LiftLowerOptions,
    /// The options to lower the result with, which may be taken for those of the callee.
    pub(crate) result_opts: LiftLowerOptions,
    /// The params as they are lifted.
    pub(crate) flat_args: Vec<Core>,
    /// Where the result goes, if not to core values; it comes after the params.
    pub(crate) out_param: Option<u64>,
    /// Whether the core function is taken for one of another type.
    narrow: bool,
}

impl Lowering {
    /// Ends as who refuses calls of functions that may block, whether they do or not: the rule until May
    /// 2026.
    pub(crate) fn begin(
        machine: &Machine,
        watch: &mut dyn Watch,
        lowered: &Arc<Lowered>,
        flat_args: Vec<Core>,
    ) -> Result<Lowering, Stop> {
        let (opts, peer) = (lowered.opts.lift_lower, lowered.callee.lift_lower());
        let ft = lowered.callee.signature();
        let waits = ft.ty().is_async && !lowered.opts.is_async;
        let asked = waits && watch.has(Deviation::AsyncCallsRefused);
        if asked && !may_block(machine, watch) && watch.deviates(Deviation::AsyncCallsRefused) {
            let (party, stop) = (Party::of(peer), Trap::CannotBlockSyncTask.into());
            return Err(super::adapter::in_adapter(watch, party, stop));
        }
        let (opts, narrow) = narrow(watch, opts, peer, ft.ty());
        let param_opts = mistake(watch, opts, peer, Deviation::ParamsReadInCalleesEncoding);
        let result_opts = mistake(watch, opts, peer, Deviation::ResultInCalleesEncoding);
        let flat_args = match narrow {
            false => flat_args,
            true => retyped(&flat_args, &ft.layout(opts.ptr_type).lowered.params),
        };
        let (lowered, out_param) = (lowered.clone(), None);
        Ok(Lowering { lowered, opts, param_opts, result_opts, flat_args, out_param, narrow })
    }

    /// The results that the core function returns.
    pub(crate) fn flat_results(
        &self,
        flat_results: Vec<Core>,
        flat_ft: &CoreFuncType,
    ) -> Vec<Core> {
        let narrowed = self.narrow.then(|| &self.types().lowered);
        widened(narrowed, flat_results, &flat_ft.results, |narrowed| &narrowed.results)
    }

    /// How values are passed.
    pub(crate) fn types(&self) -> &FuncLayout {
        self.lowered.callee.signature().layout(self.opts.ptr_type)
    }
}

/// Whether a call of this function may be made although imports may not be called.
pub(crate) fn leaves_anyway(
    watch: &mut dyn Watch,
    peer: Option<LiftLowerOptions>,
    ft: &FuncType,
) -> bool {
    let fused = peer.is_some() && ft.is_async;
    fused && watch.deviates(Deviation::AsyncAdapterMayLeave)
}

/// Traps where the out-pointer, which follows the params, is bad and is looked at before the callee runs.
pub(crate) fn check_out_param(
    cx: &mut Cx,
    opts: LiftLowerOptions,
    types: &FuncLayout,
    rest: &CoreValues,
) -> Result<(), Stop> {
    if rest.done() || !cx.deviates(Deviation::OutPointerCheckedEarly) {
        return Ok(());
    }
    let ptr = rest.clone().next(opts.ptr_type.core_type());
    check(cx, ptr, &types.results)
}

/// The options with the string encoding of the other side.
fn mistake(
    watch: &mut dyn Watch,
    opts: LiftLowerOptions,
    peer: Option<LiftLowerOptions>,
    deviation: Deviation,
) -> LiftLowerOptions {
    let string_encoding = peer.map_or(opts.string_encoding, |peer| peer.string_encoding);
    if string_encoding != opts.string_encoding && watch.deviates(deviation) {
        return LiftLowerOptions { string_encoding, ..opts };
    }
    opts
}

/// The options, and whether they are narrow since the host takes a memory of 64 bits for one of 32.
fn narrow(
    watch: &mut dyn Watch,
    opts: LiftLowerOptions,
    peer: Option<LiftLowerOptions>,
    ft: &FuncType,
) -> (LiftLowerOptions, bool) {
    let wide = peer.is_none() && opts.ptr_type == PtrType::I64 && uses_memory(ft);
    if !wide || !watch.deviates(Deviation::HostMemoryIs32Bit) {
        return (opts, false);
    }
    (LiftLowerOptions { ptr_type: PtrType::I32, ..opts }, true)
}

/// What was lowered to narrow types, of the types that there are.
fn widened(
    narrowed: Option<&CoreFuncType>,
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
