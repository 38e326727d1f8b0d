//! What becomes of lifting and lowering where a deviation is in force: for each place that asks, a function.
//! The places themselves say only that it may be so, in one line.

pub mod adapter;
pub mod canon;
pub mod handle;
pub mod layout;
pub mod memory;
pub mod post_return;
pub mod string;
pub mod values;

use super::point::{Answer, Party, Point, Rule};
use super::{Change, Deviation, Watch};

/// Whether the check that a rule demands is left out here, where it would trap.
pub fn waives(watch: &mut dyn Watch, party: Party, point: Point) -> bool {
    match point {
        Point::Rule(rule) => {
            let mut waivers = rule_waivers(rule, party).iter();
            waivers.any(|deviation| watch.deviates(*deviation))
        }
        Point::Block { change: Change::Shrunk, answer: Answer::Misaligned, .. } => {
            party == Party::Guest && watch.deviates(Deviation::FusedShrinkAlignmentUnchecked)
        }
        Point::Block { change: Change::Shrunk, answer: Answer::OutOfBounds, .. } => {
            party == Party::Guest && watch.deviates(Deviation::FusedShrinkBoundsUnchecked)
        }
        Point::Block { .. } | Point::Value(..) => false,
    }
}

/// The deviations that leave out the check of a rule for this party.
fn rule_waivers(rule: Rule, party: Party) -> &'static [Deviation] {
    match (rule, party) {
        (Rule::StringTooLong, _) => &[Deviation::StringLengthUnlimited],
        (Rule::StringMisaligned, Party::Host) => &[Deviation::StringAlignmentUnchecked],
        (Rule::InvalidUtf16, _) => &[Deviation::UnpairedSurrogateReplaced],
        (Rule::Surrogate, _) => &[Deviation::SurrogateReplaced],
        (
            Rule::LiftSpilledOutOfBounds
            | Rule::LowerSpilledOutOfBounds
            | Rule::LowerOutParamOutOfBounds,
            Party::Guest,
        ) => &[Deviation::SpilledBoundsUnchecked],
        (Rule::LoadNoCase, _) => &[Deviation::DiscriminantInMemoryUnchecked],
        (Rule::LiftNoCase, Party::Guest) => &[Deviation::FusedDiscriminantUnchecked],
        (Rule::LiftOwnOtherType | Rule::LiftBorrowOtherType, _) => {
            &[Deviation::LiftedTypeUnchecked]
        }
        (Rule::LiftOwnLent, _) => &[Deviation::LentOwnLifted],
        (Rule::LiftOwnBorrowed, _) => &[Deviation::BorrowLiftedAsOwn],
        (Rule::RepOtherType, _) => &[Deviation::RepTypeUnchecked],
        (Rule::DropOtherType, _) => &[Deviation::DroppedTypeUnchecked],
        (Rule::NewMayNotLeave | Rule::DropMayNotLeave, _) => &[Deviation::ResourceBuiltInsMayLeave],
        (Rule::BorrowsRemain, Party::Guest) => &[
            Deviation::BorrowsMayRemain,
            Deviation::FusedBorrowsMayRemain,
            Deviation::BorrowsCheckedLate,
        ],
        (Rule::BorrowsRemain, _) => &[Deviation::BorrowsMayRemain, Deviation::BorrowsCheckedLate],
        // Guests call one another in no circle, so where one is refused the host was let in before.
        (Rule::MayNotEnter, _) => &[Deviation::HostReentry],
        (Rule::MayNotBlock, _) => &[Deviation::BlockingUnchecked],
        (_, Party::Host | Party::Guest | Party::Itself) => &[],
    }
}
