//! Where a finding panics: services that collect crashes tell them apart by the functions that were running.
//! Knows what both sides of a difference are, and nothing of cases.

use crate::abi::Trap;
use crate::observation::{GuestEvent, HostEvent, Outcome};
use crate::oracle::{Difference, Observed};

/// Panics at a line that all differences have on which the subject shows the same sort of thing, called from
/// one that all have of which the reference expects the same sort.
pub fn panic_at(difference: &Difference, message: &str) -> ! {
    if difference.core.is_some() {
        core_engines::expected(core_engines::observed, message);
    }
    let (expected, _) = place(&difference.expected);
    let (_, observed) = place(&difference.observed);
    expected(observed, message)
}

type Expected = fn(Observing, &str) -> !;
type Observing = fn(&str) -> !;

/// The functions of one sort of thing. The number of the line keeps the compiler from making one of functions
/// that do the same.
macro_rules! sort {
    ($name:ident) => {
        mod $name {
            #[inline(never)]
            pub fn expected(observed: super::Observing, message: &str) -> ! {
                std::hint::black_box(line!());
                observed(message)
            }

            #[inline(never)]
            pub fn observed(message: &str) -> ! {
                panic!("{message}")
            }
        }
    };
}

sort!(returned);
sort!(trapped);
sort!(misused);
sort!(refused);
sort!(unsupported);
sort!(exhausted);
sort!(crashed);
sort!(trap_unaligned_pointer);
sort!(trap_memory_out_of_bounds);
sort!(trap_string_too_long);
sort!(trap_string_out_of_bounds);
sort!(trap_list_too_long);
sort!(trap_list_out_of_bounds);
sort!(trap_invalid_utf8);
sort!(trap_invalid_utf16);
sort!(trap_invalid_char);
sort!(trap_invalid_discriminant);
sort!(trap_unknown_handle);
sort!(trap_handle_of_other_type);
sort!(trap_handle_lent);
sort!(trap_handle_not_owned);
sort!(trap_too_many_handles);
sort!(trap_borrows_remain);
sort!(trap_cannot_enter_component);
sort!(trap_cannot_leave_component);
sort!(trap_cannot_block_sync_task);
sort!(trap_guest);
sort!(trap_host);
sort!(trap_crash);
sort!(trap_deadlock);
sort!(trap_exhausted);
sort!(called);
sort!(realloc);
sort!(reallocated);
sort!(import_returned);
sort!(post_return);
sort!(resource_new);
sort!(resource_rep);
sort!(resource_drop);
sort!(guest_destructor);
sort!(host_called);
sort!(host_destructor);
sort!(not_held);
sort!(first_returned);
sort!(host_misused);
sort!(result);
sort!(memory_size);
sort!(memory);
sort!(no_event);
sort!(core_engines);

/// The two functions of this sort of thing.
fn place(observed: &Observed) -> (Expected, Observing) {
    match observed {
        Observed::Outcome(outcome) => ending(outcome),
        Observed::HostEvent(event) => host_event(event),
        Observed::GuestEvent(event) => guest_event(event),
        Observed::Result(_) => (result::expected, result::observed),
        Observed::MemorySize(_) => (memory_size::expected, memory_size::observed),
        Observed::Memory(_) => (memory::expected, memory::observed),
        Observed::Nothing => (no_event::expected, no_event::observed),
    }
}

fn ending(outcome: &Outcome) -> (Expected, Observing) {
    match outcome {
        Outcome::Returned => (returned::expected, returned::observed),
        Outcome::Trapped(Some(trap), _) => trapped(*trap),
        Outcome::Trapped(None, _) => (self::trapped::expected, self::trapped::observed),
        Outcome::Misused(_) => (misused::expected, misused::observed),
        Outcome::Refused(_) => (refused::expected, refused::observed),
        Outcome::Unsupported(_) => (unsupported::expected, unsupported::observed),
        Outcome::Exhausted(_) => (exhausted::expected, exhausted::observed),
        Outcome::Crashed(_) => (crashed::expected, crashed::observed),
    }
}

fn trapped(trap: Trap) -> (Expected, Observing) {
    match trap {
        Trap::UnalignedPointer => {
            (trap_unaligned_pointer::expected, trap_unaligned_pointer::observed)
        }
        Trap::MemoryOutOfBounds => {
            (trap_memory_out_of_bounds::expected, trap_memory_out_of_bounds::observed)
        }
        Trap::StringTooLong => (trap_string_too_long::expected, trap_string_too_long::observed),
        Trap::StringOutOfBounds => {
            (trap_string_out_of_bounds::expected, trap_string_out_of_bounds::observed)
        }
        Trap::ListTooLong => (trap_list_too_long::expected, trap_list_too_long::observed),
        Trap::ListOutOfBounds => {
            (trap_list_out_of_bounds::expected, trap_list_out_of_bounds::observed)
        }
        Trap::InvalidUtf8 => (trap_invalid_utf8::expected, trap_invalid_utf8::observed),
        Trap::InvalidUtf16 => (trap_invalid_utf16::expected, trap_invalid_utf16::observed),
        Trap::InvalidChar => (trap_invalid_char::expected, trap_invalid_char::observed),
        Trap::InvalidDiscriminant => {
            (trap_invalid_discriminant::expected, trap_invalid_discriminant::observed)
        }
        Trap::UnknownHandle => (trap_unknown_handle::expected, trap_unknown_handle::observed),
        Trap::HandleOfOtherType => {
            (trap_handle_of_other_type::expected, trap_handle_of_other_type::observed)
        }
        Trap::HandleLent => (trap_handle_lent::expected, trap_handle_lent::observed),
        Trap::HandleNotOwned => (trap_handle_not_owned::expected, trap_handle_not_owned::observed),
        Trap::TooManyHandles => (trap_too_many_handles::expected, trap_too_many_handles::observed),
        Trap::BorrowsRemain => (trap_borrows_remain::expected, trap_borrows_remain::observed),
        Trap::CannotEnterComponent => {
            (trap_cannot_enter_component::expected, trap_cannot_enter_component::observed)
        }
        Trap::CannotLeaveComponent => {
            (trap_cannot_leave_component::expected, trap_cannot_leave_component::observed)
        }
        Trap::CannotBlockSyncTask => {
            (trap_cannot_block_sync_task::expected, trap_cannot_block_sync_task::observed)
        }
        Trap::Guest => (trap_guest::expected, trap_guest::observed),
        Trap::Host => (trap_host::expected, trap_host::observed),
        Trap::Crash => (trap_crash::expected, trap_crash::observed),
        Trap::Deadlock => (trap_deadlock::expected, trap_deadlock::observed),
        Trap::Exhausted => (trap_exhausted::expected, trap_exhausted::observed),
    }
}

fn host_event(event: &HostEvent) -> (Expected, Observing) {
    match event {
        HostEvent::Called(_) => (host_called::expected, host_called::observed),
        HostEvent::Destructor { .. } => (host_destructor::expected, host_destructor::observed),
        HostEvent::NotCalled(_) | HostEvent::NotDropped(_) => {
            (not_held::expected, not_held::observed)
        }
        HostEvent::FirstReturned(_) => (first_returned::expected, first_returned::observed),
        HostEvent::Misused => (host_misused::expected, host_misused::observed),
    }
}

fn guest_event(event: &GuestEvent) -> (Expected, Observing) {
    match event {
        GuestEvent::Called(_) => (called::expected, called::observed),
        GuestEvent::Realloc { .. } => (realloc::expected, realloc::observed),
        GuestEvent::Reallocated(_) => (reallocated::expected, reallocated::observed),
        GuestEvent::ImportReturned(_) => (import_returned::expected, import_returned::observed),
        GuestEvent::PostReturn(_) => (post_return::expected, post_return::observed),
        GuestEvent::ResourceNew { .. } => (resource_new::expected, resource_new::observed),
        GuestEvent::ResourceRep { .. } => (resource_rep::expected, resource_rep::observed),
        GuestEvent::ResourceDrop { .. } => (resource_drop::expected, resource_drop::observed),
        GuestEvent::Destructor { .. } => (guest_destructor::expected, guest_destructor::observed),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::BTreeSet;
    use std::panic::{catch_unwind, set_hook, take_hook};

    use super::*;
    use crate::oracle::Where;

    thread_local! {
        /// Where this thread panicked last.
        static LINE: RefCell<Option<u32>> = const { RefCell::new(None) };
    }

    /// Some of each sort.
    fn all() -> Vec<Observed> {
        let words = String::new;
        let traps =
            [Trap::InvalidChar, Trap::Guest].map(|trap| Outcome::Trapped(Some(trap), words()));
        let failures = [Outcome::Misused, Outcome::Refused, Outcome::Crashed].map(|of| of(words()));
        let endings = [Outcome::Returned, Outcome::Trapped(None, words())].into_iter();
        let endings = endings.chain(traps).chain(failures).map(Observed::Outcome);
        let host = [HostEvent::Called(vec![]), HostEvent::Misused, HostEvent::NotCalled(0)];
        let guest = [GuestEvent::Called(vec![]), GuestEvent::Reallocated(0)];
        let events = host.map(Observed::HostEvent).into_iter();
        let events = events.chain(guest.map(Observed::GuestEvent));
        let rest = [Observed::Result(None), Observed::MemorySize(0), Observed::Memory(vec![])];
        endings.chain(events).chain(rest).chain([Observed::Nothing]).collect()
    }

    /// The line at which this difference panics.
    fn line(expected: &Observed, observed: &Observed) -> u32 {
        let (expected, observed) = (expected.clone(), observed.clone());
        let difference = Difference { call: 0, at: Where::Outcome, expected, observed, core: None };
        let said = catch_unwind(|| panic_at(&difference, "kind of it")).unwrap_err();
        assert_eq!(said.downcast_ref::<String>().unwrap(), "kind of it");
        LINE.take().unwrap()
    }

    #[test]
    fn what_is_of_another_sort_panics_at_another_line() {
        let outer = take_hook();
        set_hook(Box::new(move |info| {
            let place = info.location().filter(|place| place.file().ends_with("fuzz/place.rs"));
            match place {
                Some(place) => LINE.set(Some(place.line())),
                None => outer(info),
            }
        }));
        let all = all();
        let lines: BTreeSet<u32> = all.iter().map(|observed| line(&all[0], observed)).collect();
        assert_eq!(lines.len(), all.len());
        // What was expected is in the function before it.
        let caller = |one: &Observed| format!("{:p}", place(one).0);
        let callers: BTreeSet<String> = all.iter().map(caller).collect();
        assert_eq!(callers.len(), all.len());
    }
}
