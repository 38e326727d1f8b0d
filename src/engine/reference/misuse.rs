//! What comes of a mistake of the host's: an engine has to answer it with an error.
//! Knows when it cannot be said how much the guests saw before that.

use super::{Ended, Failure, Run};
use crate::abi::{Course, Deviated, Deviation, Faults, Recorder, Stage, Trap, Watch as _};
use crate::case::Case;
use crate::case::check::ends;
use crate::case::misuse::{Mistake, Misuse};
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
        let recorder = self.recorder();
        if passes(recorder, misuse) {
            // It is no mistake any more.
            self.instance.host().misuse = None;
            return false;
        }
        self.locked = match misuse {
            Misuse::Arg { .. } => recorder.deviates(Deviation::WrongArgLocksInstance),
            Misuse::ArgMissing | Misuse::ArgExtra | Misuse::ResultMissing | Misuse::ResultExtra => {
                recorder.deviates(Deviation::WrongCallLocksInstance)
            }
            Misuse::Answer { .. } | Misuse::Signature(_) => false,
        };
        self.instance.host().seen.push(HostEvent::Misused);
        true
    }

    /// Traps where a mistake has locked the instance, even for who wants to look into it.
    pub(super) fn check_unlocked(&mut self) -> Result<(), Ended> {
        if !self.locked {
            return Ok(());
        }
        let recorder = self.recorder();
        Err(if recorder.deviates(Deviation::LockedInstanceCrashes) {
            Ended::Failed(Failure::Crash(Deviated))
        } else if recorder.deviates(Deviation::LockedInstanceDeadlocks) {
            Ended::Deadlocked
        } else {
            Ended::Failed(Failure::Trap(Trap::CannotEnterComponent))
        })
    }

    /// What can be said of a call that was made as if there were no mistake: what the host saw before it
    /// was to make it, and how lowering fails that begins then. That is all an engine may do
    /// before it sees the mistake.
    pub(super) fn with_mistake(
        &mut self,
        result: Result<Option<Value>, Ended>,
    ) -> Result<Option<Value>, Ended> {
        let host = self.instance.host();
        let (Some(misuse), Some(due)) = (host.misuse, host.due) else {
            return result;
        };
        let limited =
            matches!(result, Err(Ended::Failed(Failure::Exhausted(_) | Failure::Deadlock)));
        if limited || host.seen.contains(&HostEvent::Misused) {
            return result;
        }
        if passes(self.recorder(), misuse) {
            return result;
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
        end_at(self.recorder(), stage, &result);
        Err(Ended::Misused)
    }
}

/// Leaves written down what happened until this stage of lowering what the host passes, and there.
fn end_at(recorder: &mut Recorder, stage: Stage, result: &Result<Option<Value>, Ended>) {
    // Between guests there are faults already.
    let here = recorder.course.stage == stage && recorder.faults.is_empty();
    recorder.faults = match result {
        Err(Ended::Failed(Failure::Trap(trap))) if here => Faults::from_iter([*trap]),
        Err(Ended::Failed(Failure::Crash(Deviated))) if here => {
            Faults { crash: true, ..Faults::default() }
        }
        Ok(_) | Err(_) => Faults::default(),
    };
    recorder.unexplored = false;
    recorder.course = Course { stage, ..Course::default() };
}

/// Whether a mistake passes for none, by a deviation.
fn passes(recorder: &mut Recorder, misuse: Misuse) -> bool {
    match misuse.mistake() {
        Some(Mistake::DuplicateFlag) => recorder.deviates(Deviation::DuplicateFlagPasses),
        Some(Mistake::OtherStore) => recorder.deviates(Deviation::ForeignHandlePasses),
        Some(_) | None => false,
    }
}
