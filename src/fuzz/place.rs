//! Where a finding panics: services that collect crashes tell them apart by the functions that were running.
//! Knows what both sides of a difference are, and nothing of cases.

use crate::abi::Trap;
use crate::abi::built_in::Operand;
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
sort!(deadlocked);
sort!(misused);
sort!(refused);
sort!(unsupported);
sort!(exhausted);
sort!(crashed);
sort!(not_observed);
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
sort!(trap_async);
sort!(called);
sort!(realloc);
sort!(reallocated);
sort!(import_returned);
sort!(post_return);
sort!(handle_made);
sort!(built_in_answered);
sort!(representation);
sort!(handle_dropped);
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

/// Both functions of one module.
macro_rules! at {
    ($name:ident) => {
        ($name::expected, $name::observed)
    };
}

/// The two functions of this sort of thing.
fn place(observed: &Observed) -> (Expected, Observing) {
    match observed {
        Observed::Outcome(outcome) => ending(outcome),
        Observed::HostEvent(event) => host_event(event),
        Observed::GuestEvent(event) => guest_event(event),
        Observed::Result(_) => at!(result),
        Observed::MemorySize(_) => at!(memory_size),
        Observed::Memory(_) => at!(memory),
        Observed::Nothing => at!(no_event),
    }
}

fn ending(outcome: &Outcome) -> (Expected, Observing) {
    match outcome {
        Outcome::Returned => at!(returned),
        Outcome::Trapped(Some(trap), _) => trapped(*trap),
        Outcome::Trapped(None, _) => at!(trapped),
        Outcome::Deadlocked(_) => at!(deadlocked),
        Outcome::Misused(_) => at!(misused),
        Outcome::Refused(_) => at!(refused),
        Outcome::Unsupported(_) => at!(unsupported),
        Outcome::Exhausted(_) => at!(exhausted),
        Outcome::Crashed(_) => at!(crashed),
        Outcome::NotObserved(_) => at!(not_observed),
    }
}

fn trapped(trap: Trap) -> (Expected, Observing) {
    match trap {
        Trap::UnalignedPointer => at!(trap_unaligned_pointer),
        Trap::MemoryOutOfBounds => at!(trap_memory_out_of_bounds),
        Trap::StringTooLong => at!(trap_string_too_long),
        Trap::StringOutOfBounds => at!(trap_string_out_of_bounds),
        Trap::ListTooLong => at!(trap_list_too_long),
        Trap::ListOutOfBounds => at!(trap_list_out_of_bounds),
        Trap::InvalidUtf8 => at!(trap_invalid_utf8),
        Trap::InvalidUtf16 => at!(trap_invalid_utf16),
        Trap::InvalidChar => at!(trap_invalid_char),
        Trap::InvalidDiscriminant => at!(trap_invalid_discriminant),
        Trap::UnknownHandle => at!(trap_unknown_handle),
        Trap::HandleOfOtherType => at!(trap_handle_of_other_type),
        Trap::HandleLent => at!(trap_handle_lent),
        Trap::HandleNotOwned => at!(trap_handle_not_owned),
        Trap::TooManyHandles => at!(trap_too_many_handles),
        Trap::BorrowsRemain => at!(trap_borrows_remain),
        Trap::CannotEnterComponent => at!(trap_cannot_enter_component),
        Trap::CannotLeaveComponent => at!(trap_cannot_leave_component),
        Trap::CannotBlockSyncTask => at!(trap_cannot_block_sync_task),
        Trap::Guest => at!(trap_guest),
        Trap::Host => at!(trap_host),
        Trap::Async(_) => at!(trap_async),
    }
}

fn host_event(event: &HostEvent) -> (Expected, Observing) {
    match event {
        HostEvent::Called(_) => at!(host_called),
        HostEvent::Destructor { .. } => at!(host_destructor),
        HostEvent::NotCalled(_) | HostEvent::NotDropped(_) => at!(not_held),
        HostEvent::FirstReturned(_) => at!(first_returned),
        HostEvent::Misused => at!(host_misused),
    }
}

fn guest_event(event: &GuestEvent) -> (Expected, Observing) {
    match event {
        GuestEvent::Called(_) => at!(called),
        GuestEvent::Realloc { .. } => at!(realloc),
        GuestEvent::Reallocated(_) => at!(reallocated),
        GuestEvent::ImportReturned(_) => at!(import_returned),
        GuestEvent::PostReturn(_) => at!(post_return),
        GuestEvent::BuiltIn { which, .. } => match which.row().result {
            Some(Operand::Handle) => at!(handle_made),
            Some(Operand::Rep) => at!(representation),
            None => at!(handle_dropped),
            Some(_) => at!(built_in_answered),
        },
        GuestEvent::Destructor { .. } => at!(guest_destructor),
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
