//! What deviations make of the call of `post-return`.
//! Knows nothing of when that is.

use crate::context::Guest;
use crate::types::FuncType;
use crate::{Core, Deviation, LiftLowerOptions};

/// How `post-return` is called.
pub(crate) struct PostReturn {
    /// Whether it may call imports.
    pub may_leave: bool,
    /// What it is called with; nothing where it is not called.
    pub flat_results: Option<Vec<Core>>,
    /// Whether what comes after it may call imports.
    pub may_leave_after: bool,
}

impl PostReturn {
    pub fn begin(
        guest: &mut dyn Guest,
        peer: Option<LiftLowerOptions>,
        ft: &FuncType,
        flat_results: &[Core],
    ) -> PostReturn {
        let (watch, by_guest) = (guest.watch(), peer.is_some());
        let fused = match ft.is_async {
            true => Deviation::AsyncPostReturnMayLeave,
            false => Deviation::FusedPostReturnMayLeave,
        };
        let may_leave =
            watch.deviates(Deviation::PostReturnMayLeave) || by_guest && watch.deviates(fused);
        let skipped = watch.deviates(Deviation::PostReturnSkipped)
            || by_guest && watch.deviates(Deviation::FusedPostReturnSkipped);
        let zeros = by_guest && watch.deviates(Deviation::FusedPostReturnGetsZeros);
        let zero = |core: &Core| Core::from_bits(core.ty(), 0);
        let flat_results =
            if zeros { flat_results.iter().map(zero).collect() } else { flat_results.to_vec() };
        let may_leave_after = !watch.deviates(Deviation::MayLeaveNotRestored);
        PostReturn { may_leave, flat_results: (!skipped).then_some(flat_results), may_leave_after }
    }
}
