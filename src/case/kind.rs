//! What a case is about, as a whole.
//! Knows nothing of how cases of a kind are made.

use super::{Call, Case, Manner};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaseKind {
    /// One guest and the host, which pass values that say what they are.
    LiftLower,
    /// A chain of guests that call one another, for which a subject may have adapters.
    Adapter,
    /// One guest and the host, for whom values have static types.
    Typed,
    /// A host that misuses the interface.
    Misuse,
    /// One guest or a chain, of which some do what nobody scripted.
    Noisy,
}

impl CaseKind {
    pub const ALL: [CaseKind; 5] = [
        CaseKind::LiftLower,
        CaseKind::Adapter,
        CaseKind::Typed,
        CaseKind::Misuse,
        CaseKind::Noisy,
    ];

    pub fn name(self) -> &'static str {
        match self {
            CaseKind::LiftLower => "lift_lower",
            CaseKind::Adapter => "adapter",
            CaseKind::Typed => "typed",
            CaseKind::Misuse => "misuse",
            CaseKind::Noisy => "noisy",
        }
    }

    /// The fuzz target for it.
    pub fn target(self) -> &'static str {
        match self {
            CaseKind::LiftLower | CaseKind::Adapter | CaseKind::Typed | CaseKind::Misuse => {
                self.name()
            }
            CaseKind::Noisy => "noisy_guest",
        }
    }

    pub fn named(name: &str) -> Option<CaseKind> {
        CaseKind::ALL.into_iter().find(|kind| kind.name() == name)
    }

    pub fn of(case: &Case) -> CaseKind {
        if case.shape.is_noisy() {
            CaseKind::Noisy
        } else if case.calls.iter().any(is_misused) {
            CaseKind::Misuse
        } else if case.shape.guests.len() > 1 {
            CaseKind::Adapter
        } else if case.paths.call.api.is_typed() || case.paths.import.api.is_typed() {
            CaseKind::Typed
        } else {
            CaseKind::LiftLower
        }
    }
}

fn is_misused(call: &Call) -> bool {
    match call.manner {
        Manner::Misused(_) => true,
        Manner::Once | Manner::Twice => false,
    }
}
