//! What a case is about, as a whole.
//! Knows nothing of how cases of a kind are made.

use super::Case;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaseKind {
    /// One guest, and the host.
    LiftLower,
    /// A chain of guests that call one another, for which a subject may have adapters.
    Adapter,
}

impl CaseKind {
    pub const ALL: [CaseKind; 2] = [CaseKind::LiftLower, CaseKind::Adapter];

    /// The name of the fuzz target for it, too.
    pub fn name(self) -> &'static str {
        match self {
            CaseKind::LiftLower => "lift_lower",
            CaseKind::Adapter => "adapter",
        }
    }

    pub fn named(name: &str) -> Option<CaseKind> {
        CaseKind::ALL.into_iter().find(|kind| kind.name() == name)
    }

    pub fn of(case: &Case) -> CaseKind {
        if case.shape.guests.len() == 1 { CaseKind::LiftLower } else { CaseKind::Adapter }
    }
}
