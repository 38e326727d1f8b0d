//! The built-ins on error contexts.
//! Knows nothing of how they are passed.

use super::{add, check_place, cx, get_as, nothing, one, remove};
use crate::async_rule::AsyncRule;
use crate::machine::Defined;
use crate::memory::store_int;
use crate::string::{load_string_from_range, store_string_into_range};
use crate::table::Entry;
use crate::value::{Str, StringSource};
use crate::world::{Choice, Outcome, World};
use crate::{Core, Stop, end_if, wrap};

/// What we can bear.
const MAX_ERROR_CONTEXTS: usize = 1 << 20;
const TOO_MANY: Stop = Stop::Exhausted("more error contexts than we can hold");

/// Spec: `canon_error_context_new`.
pub fn new<W: World>(world: &mut W, d: &Defined, args: &[Core]) -> Result<Outcome, Stop> {
    let message = match world.choices().choose(Choice::Message) {
        0 => Str { text: String::new(), source: StringSource::Utf8 },
        _ => {
            let mut guest = world.guest(&d.opts, &d.resources);
            load_string_from_range(&mut cx(d, &mut guest), args[0].bits(), args[1].bits())?
        }
    };
    let machine = world.machine();
    end_if(machine.error_contexts.len() >= MAX_ERROR_CONTEXTS, TOO_MANY)?;
    let number = u32::try_from(machine.error_contexts.len()).expect("there are not that many");
    machine.error_contexts.push(message);
    add(&mut world.guest(&d.opts, &d.resources), Entry::ErrorContext(number)).map(one)
}

/// The error context of this index, by the rule that it is one.
fn error_context<W: World>(
    world: &mut W,
    d: &Defined,
    i: u32,
    rule: AsyncRule,
) -> Result<usize, Stop> {
    let number = get_as(world, d.opts.instance, i, Entry::error_context, rule)?;
    Ok(usize::try_from(number).expect("an index fits"))
}

/// Spec: `canon_error_context_debug_message`. Differs from the spec: that only asserts where pointer and length are to
/// lie.
pub fn debug_message<W: World>(world: &mut W, d: &Defined, args: &[Core]) -> Result<Outcome, Stop> {
    let (i, ptr) = (wrap(args[0].bits()), args[1].bits());
    let number = error_context(world, d, i, AsyncRule::MessageNoErrorContext)?;
    let message = world.machine().error_contexts[number].clone();
    let size = d.opts.lift_lower.ptr_type.size();
    let mut guest = world.guest(&d.opts, &d.resources);
    let cx = &mut cx(d, &mut guest);
    let rules = [AsyncRule::MessageMisaligned, AsyncRule::MessageOutOfBounds];
    check_place(cx, (ptr, size, 2 * size), rules)?;
    let (begin, tagged_code_units) = store_string_into_range(cx, &message)?;
    store_int(cx, begin, ptr, size);
    store_int(cx, tagged_code_units, ptr + size, size);
    Ok(nothing())
}

/// Spec: `canon_error_context_drop`.
pub fn drop<W: World>(world: &mut W, d: &Defined, i: u32) -> Result<Outcome, Stop> {
    error_context(world, d, i, AsyncRule::DropNoErrorContext)?;
    remove(world, d.opts.instance, i);
    Ok(nothing())
}
