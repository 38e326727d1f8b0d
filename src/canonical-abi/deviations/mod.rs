//! What becomes of lifting and lowering where a deviation is in force: for each place that asks, a function.
//! The places themselves say only that it may be so, in one line.

pub mod adapter;
pub mod calls;
pub mod canon;
pub mod handle;
pub mod layout;
pub mod memory;
pub mod moved;
pub mod post_return;
pub mod string;
pub mod values;

use super::point::{Answer, Party, Point, Rule};
use super::{Change, Deviation, Watch};

/// The deviations that leave out the checks of some rules, whoever is at the other end.
const WAIVERS: &[(Deviation, &[Rule])] = &[
    (Deviation::StringLengthUnlimited, &[Rule::StringTooLong]),
    (Deviation::UnpairedSurrogateReplaced, &[Rule::InvalidUtf16]),
    (Deviation::SurrogateReplaced, &[Rule::Surrogate]),
    (Deviation::DiscriminantInMemoryUnchecked, &[Rule::LoadNoCase]),
    (Deviation::LiftedTypeUnchecked, &[Rule::LiftOwnOtherType, Rule::LiftBorrowOtherType]),
    (Deviation::LentOwnLifted, &[Rule::LiftOwnLent]),
    (Deviation::BorrowLiftedAsOwn, &[Rule::LiftOwnBorrowed]),
    (Deviation::RepTypeUnchecked, &[Rule::RepOtherType]),
    (Deviation::DroppedTypeUnchecked, &[Rule::DropOtherType]),
    (Deviation::ResourceBuiltInsMayLeave, &[Rule::NewMayNotLeave, Rule::DropMayNotLeave]),
    (Deviation::BorrowsMayRemain, &[Rule::BorrowsRemain]),
    (Deviation::BorrowsCheckedLate, &[Rule::BorrowsRemain]),
    // Guests call one another in no circle, so where one is refused the host was let in before.
    (Deviation::HostReentry, &[Rule::MayNotEnter]),
    (Deviation::BlockingUnchecked, &[Rule::MayNotBlock]),
];

/// Those that do so where the host is there.
const HOST_WAIVERS: &[(Deviation, &[Rule])] =
    &[(Deviation::StringAlignmentUnchecked, &[Rule::StringMisaligned])];

/// Those that do so between guests.
const FUSED_WAIVERS: &[(Deviation, &[Rule])] = &[
    (
        Deviation::SpilledBoundsUnchecked,
        &[
            Rule::LiftSpilledOutOfBounds,
            Rule::LowerSpilledOutOfBounds,
            Rule::LowerOutParamOutOfBounds,
        ],
    ),
    (Deviation::FusedDiscriminantUnchecked, &[Rule::LiftNoCase]),
    (Deviation::FusedBorrowsMayRemain, &[Rule::BorrowsRemain]),
];

/// Whether the check that a rule demands is left out here, where it would trap.
pub(crate) fn waives(watch: &mut dyn Watch, party: Party, point: Point) -> bool {
    match point {
        Point::Rule(rule) => waives_rule(watch, party, rule),
        Point::Block { change: Change::Shrunk, answer: Answer::Misaligned, .. } => {
            party == Party::Guest && watch.deviates(Deviation::FusedShrinkAlignmentUnchecked)
        }
        Point::Block { change: Change::Shrunk, answer: Answer::OutOfBounds, .. } => {
            party == Party::Guest && watch.deviates(Deviation::FusedShrinkBoundsUnchecked)
        }
        Point::Block { .. } | Point::Value(..) | Point::Async(_) => false,
    }
}

fn waives_rule(watch: &mut dyn Watch, party: Party, rule: Rule) -> bool {
    let more = match party {
        Party::Host => HOST_WAIVERS,
        Party::Guest => FUSED_WAIVERS,
        Party::Itself => &[],
    };
    let mut waivers = WAIVERS.iter().chain(more).filter(|(_, rules)| rules.contains(&rule));
    waivers.any(|(deviation, _)| watch.deviates(*deviation))
}
