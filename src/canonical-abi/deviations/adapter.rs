//! What deviations make of traps between guests, and of values that have to pass there.
//! Knows nothing of how they came about.

use crate::context::Cx;
use crate::despecialize::Despecialized;
use crate::{Deviation, Party, Stop, Trap, Watch, end_if};

/// How many members a type may have that adapters can pass, where they cannot pass all.
const LARGE: usize = 1000;

/// What the end of lifting or lowering between guests is taken for.
pub fn between_guests(watch: &mut dyn Watch, stop: Stop) -> Stop {
    if stop.trap().is_some_and(Trap::is_of_values) { unnamed(watch, stop) } else { stop }
}

/// What a trap is taken for that this party meets, if it is a guest: whatever is between the two checks for it.
pub fn in_adapter(watch: &mut dyn Watch, party: Party, stop: Stop) -> Stop {
    let trapped = stop.trap().is_some();
    if trapped && party == Party::Guest { unnamed(watch, stop) } else { stop }
}

fn unnamed(watch: &mut dyn Watch, stop: Stop) -> Stop {
    if watch.deviates(Deviation::AdapterTrapsUnnamed) { Trap::Guest.into() } else { stop }
}

/// Ends where a value of so large a type cannot pass.
pub(crate) fn check_members<T>(cx: &mut Cx, shape: &Despecialized<T>) -> Result<(), Stop> {
    let large = shape.members() > LARGE;
    let crashes = large && cx.deviates_fused(Deviation::AdapterRecursesOnLargeTypes);
    end_if(crashes, Stop::Crash)
}
