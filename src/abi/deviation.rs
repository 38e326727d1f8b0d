//! Named slips of the reference: how it would behave if it were wrong in one place.
//! Knows the places in `abi/` and `component/` that consult it, not who registered a slip or why.

use std::fmt;

/// One slip. Each is consulted at one line of `abi/` or `component/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Deviation {
    /// Lifting a list checks its bounds before its alignment.
    ListBoundsBeforeAlignment,
    /// Lifting a utf16 or latin1+utf16 string accepts an odd pointer.
    StringAlignmentUnchecked,
    /// Lifting a string has no limit but the memory, so a misaligned pointer is noticed first.
    StringLengthUnlimited,
    /// The host may call an export while an import that the same instance called is running.
    HostReentry,
}

/// A set of slips.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Deviations(u64);

impl Deviation {
    /// Every slip, in the order of declaration.
    pub const ALL: [Deviation; 4] = [
        Deviation::ListBoundsBeforeAlignment,
        Deviation::StringAlignmentUnchecked,
        Deviation::StringLengthUnlimited,
        Deviation::HostReentry,
    ];

    /// The name that the register and the reports use.
    pub fn name(self) -> &'static str {
        match self {
            Deviation::ListBoundsBeforeAlignment => "list-bounds-before-alignment",
            Deviation::StringAlignmentUnchecked => "string-alignment-unchecked",
            Deviation::StringLengthUnlimited => "string-length-unlimited",
            Deviation::HostReentry => "host-reentry",
        }
    }

    /// The slip of this name.
    pub fn named(name: &str) -> Option<Deviation> {
        Deviation::ALL.into_iter().find(|deviation| deviation.name() == name)
    }

    fn bit(self) -> u64 {
        1 << u8::from(self)
    }
}

impl From<Deviation> for u8 {
    #[expect(clippy::as_conversions, reason = "the discriminant of a `repr(u8)` enum")]
    fn from(deviation: Deviation) -> u8 {
        deviation as u8
    }
}

impl fmt::Display for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Deviations {
    /// No slip: the spec as it stands.
    pub const NONE: Deviations = Deviations(0);

    /// Adds a slip.
    pub fn insert(&mut self, deviation: Deviation) {
        self.0 |= deviation.bit();
    }

    pub fn contains(self, deviation: Deviation) -> bool {
        self.0 & deviation.bit() != 0
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The slips in the set, in the order of declaration.
    pub fn iter(self) -> impl Iterator<Item = Deviation> {
        Deviation::ALL.into_iter().filter(move |deviation| self.contains(*deviation))
    }
}

impl FromIterator<Deviation> for Deviations {
    fn from_iter<I: IntoIterator<Item = Deviation>>(deviations: I) -> Deviations {
        let mut set = Deviations::NONE;
        deviations.into_iter().for_each(|deviation| set.insert(deviation));
        set
    }
}
