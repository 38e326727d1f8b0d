//! Where params and results lie that are too many to be flat: `lift_flat_values` and `lower_flat_values`
//! make one tuple of them.
//! Knows nothing of values.

use std::borrow::Cow;

use super::context::Cx;
use super::deviations;
use super::layout::Layout;
use super::memory::Checked;
use super::point::Rule;
use super::{Block, REALLOC_I32_MAX, Stop, Trap, end_if};

const SPILLED: Checked = Checked::loaded(Rule::LiftSpilledMisaligned, Rule::LiftSpilledOutOfBounds);
const NEW_BLOCK: Checked =
    Checked::stored(Rule::LowerSpilledMisaligned, Rule::LowerSpilledOutOfBounds);
const OUT_PARAM: Checked =
    Checked::stored(Rule::LowerOutParamMisaligned, Rule::LowerOutParamOutOfBounds);

/// Spec: `lift_flat_values`, its checks of where the tuple lies.
pub(super) fn find_spilled<'a>(
    cx: &mut Cx,
    ptr: u64,
    types: &'a Layout,
) -> Result<Cow<'a, Layout>, Stop> {
    let tuple = cx.layout(types);
    cx.check_range(ptr, tuple.alignment, tuple.elem_size, SPILLED)?;
    deviations::memory::check_end(cx, ptr, &tuple)?;
    Ok(tuple)
}

/// Spec: `lower_flat_values`, where it finds a place for the tuple.
pub(super) fn place_spilled<'a>(
    cx: &mut Cx,
    types: &'a Layout,
    out_param: Option<u64>,
) -> Result<(u64, Cow<'a, Layout>), Stop> {
    let tuple = cx.layout(types);
    // Differs from the spec: it would pass such a size to a `realloc` that cannot take it.
    end_if(tuple.elem_size > REALLOC_I32_MAX, Trap::MemoryOutOfBounds)?;
    let (ptr, what) = match out_param {
        Some(ptr) => (ptr, OUT_PARAM),
        None => (allocate_spilled(cx, &tuple)?, NEW_BLOCK),
    };
    cx.check_range(ptr, tuple.alignment, tuple.elem_size, what)?;
    cx.reach(if out_param.is_some() { Rule::LowerOutParam } else { Rule::LowerSpilled });
    Ok((ptr, tuple))
}

fn allocate_spilled(cx: &mut Cx, tuple: &Layout) -> Result<u64, Stop> {
    let (alignment, elem_size) = deviations::memory::spilled_block(cx, tuple);
    cx.allocate(Block::Tuple, alignment, elem_size)
}

/// The checks of where a result is to lie.
pub(super) fn check_out_param(cx: &mut Cx, ptr: u64, types: &Layout) -> Result<(), Stop> {
    let tuple = cx.layout(types);
    cx.check_range(ptr, tuple.alignment, tuple.elem_size, OUT_PARAM)
}
