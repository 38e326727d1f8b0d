//! Which functions are async, and what a case with such functions has to have.
//! Knows nothing of values, and of ways only which ones such functions need.

use arbitrary::{Result, Unstructured};

use super::draw::chance;
use super::weights;
use crate::case::allowed::Allowed;
use crate::case::check::Feature;
use crate::case::paths::Mode;
use crate::case::{Answer, Case, Shape};

/// Makes functions async, in some shapes: the host's mostly, and mostly all that wait for one that is.
pub fn asyncs(u: &mut Unstructured, shape: &mut Shape, allowed: &Allowed) -> Result<()> {
    if !allowed.features.contains(&Feature::AsyncFunction) || !chance(u, weights::ASYNC)? {
        return Ok(());
    }
    let (mut waits, mut is_last) = (false, true);
    for guest in shape.guests.iter_mut().rev() {
        if let Some(import) = &mut guest.import {
            // What the next guest exports was drawn before.
            waits = if is_last { chance(u, weights::ASYNC_CALLEE)? } else { waits };
            import.ty.is_async = waits;
        }
        let share = if waits { weights::ASYNC_CALLER } else { weights::ASYNC_CALLEE };
        guest.export.ty.is_async = chance(u, share)?;
        (waits, is_last) = (guest.export.ty.is_async, false);
    }
    Ok(())
}

/// Gives a case what its async functions need: a subject and a host that run concurrent calls. Such a
/// host does not call again.
pub fn settle(case: &mut Case) {
    case.tuning.concurrency |= case.shape.any_async();
    let paths = &mut case.paths;
    if case.shape.awaits_import() {
        paths.import.mode = Mode::Concurrent;
        if paths.call.mode == Mode::Sync {
            paths.call.mode = Mode::Async;
        }
        let scripts = case.calls.iter_mut().flat_map(|call| &mut call.scripts);
        scripts.flat_map(|script| script.import_calls_mut()).for_each(|call| {
            if let Answer::Reenter(value) = &mut call.answer {
                call.answer = Answer::Return(value.take());
            }
        });
    }
}
