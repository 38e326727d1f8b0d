//! What comes of a mistake of the host's: an engine has to answer it with an error.
//! Knows when it cannot be said how much the guests saw before that.

use super::{Ended, Run};
use crate::abi::{Course, Deviation, Notes, Stage, Trap};
use crate::case::Case;
use crate::case::check::ends;
use crate::case::misuse::{Mistake, Misuse};
use crate::component::Failure;
use crate::observation::HostEvent;
use crate::value::Value;

impl Run {
    /// Whether the call that the host is about to make is refused before the guests see anything of it.
    /// Then the host is told.
    pub(super) fn refuses(&mut self, case: &Case) -> bool {
        let misuse = self.instance.host().misuse;
        let Some(misuse) = misuse.filter(|misuse| !ends(&case.shape, *misuse)) else {
            return false;
        };
        let notes = self.instance.notes();
        if passes(notes, misuse) {
            // It is no mistake any more.
            self.instance.host().misuse = None;
            return false;
        }
        self.locked = match misuse {
            Misuse::Arg { .. } => notes.deviates(Deviation::WrongArgLocksInstance),
            Misuse::ArgMissing | Misuse::ArgExtra | Misuse::ResultMissing | Misuse::ResultExtra => {
                notes.deviates(Deviation::WrongCallLocksInstance)
            }
            Misuse::Answer { .. } | Misuse::Signature(_) => false,
        };
        self.instance.host().seen.push(HostEvent::Misused);
        true
    }

    /// Traps where a mistake has locked the instance, even for who wants to look into it.
    pub(super) fn check_unlocked(&mut self) -> Result<(), Failure> {
        if !self.locked {
            return Ok(());
        }
        let notes = self.instance.notes();
        Err(Failure::Trap(if notes.deviates(Deviation::LockedInstanceCrashes) {
            Trap::Crash
        } else if notes.deviates(Deviation::LockedInstanceDeadlocks) {
            Trap::Deadlock
        } else {
            Trap::CannotEnterComponent
        }))
    }

    /// What can be said of a call that was made as if there were no mistake: what the host saw before it
    /// was to make it, and how lowering fails that begins then. That is all an engine may do
    /// before it sees the mistake.
    pub(super) fn with_mistake(
        &mut self,
        result: Result<Option<Value>, Failure>,
    ) -> Result<Option<Value>, Ended> {
        let host = self.instance.host();
        let (Some(misuse), Some(due)) = (host.misuse, host.due) else {
            return Ok(result?);
        };
        if host.seen.contains(&HostEvent::Misused) || matches!(result, Err(Failure::Exhausted(_))) {
            return Ok(result?);
        }
        if passes(self.instance.notes(), misuse) {
            return Ok(result?);
        }
        self.instance.host().seen.truncate(due);
        let stage = match misuse {
            Misuse::Answer { .. } => Stage::LowerResult,
            Misuse::Arg { .. }
            | Misuse::ArgMissing
            | Misuse::ArgExtra
            | Misuse::ResultMissing
            | Misuse::ResultExtra
            | Misuse::Signature(_) => Stage::LowerParams,
        };
        end_at(self.instance.notes(), stage, result.err());
        Err(Ended::Misused)
    }
}

/// Leaves in the notes what happened until this stage of lowering what the host passes, and there.
fn end_at(notes: &mut Notes, stage: Stage, failure: Option<Failure>) {
    // Between guests there are faults already.
    let here = notes.course.stage == stage && notes.faults.is_empty();
    notes.faults.clear();
    if let Some(Failure::Trap(trap)) = failure.filter(|_| here) {
        notes.faults.insert(trap);
    }
    notes.unexplored = false;
    notes.course = Course { stage, ..Course::default() };
}

/// Whether a mistake passes for none, by a deviation.
fn passes(notes: &mut Notes, misuse: Misuse) -> bool {
    match misuse.mistake() {
        Some(Mistake::DuplicateFlag) => notes.deviates(Deviation::DuplicateFlagPasses),
        Some(Mistake::OtherStore) => notes.deviates(Deviation::ForeignHandlePasses),
        Some(_) | None => false,
    }
}
