//! Every way to make a case smaller by one cut, in order, and none of it drawn.
//! Knows nothing of why a case is wanted.

mod acts;
mod aim;
mod carry;
mod noise;
mod numbers;
mod recast;
mod setup;
mod signatures;
mod types;
mod values;

use std::ops::Range;
use std::rc::Rc;

use arbitrary::Unstructured;

use super::repair::repair;
use super::size::size;
use super::valid;
use crate::case::allowed::Allowed;
use crate::case::{Case, Limits};
use aim::{Aim, any_patch, move_patches};

/// A change that may make a case smaller. What no longer fits is repaired after it.
#[derive(Clone)]
pub struct Cut {
    change: Rc<dyn Fn(&mut Case)>,
    /// What becomes of damage to data that moves.
    aim: Aim,
    /// So many scripted actions of each `realloc` are for calls that are not made any more.
    skip: usize,
}

/// All cuts of one sort of a case, the largest first, and of those that are equal the last: what comes
/// later depends on what comes before.
#[derive(Clone, Copy)]
pub enum Pass {
    /// Less of what the case has.
    Of(fn(&Case) -> Vec<Cut>),
    /// Something else of what cases may have.
    Among(fn(&Case, &Allowed) -> Vec<Cut>),
}

/// What a case consists of most comes first: fewer types make all else smaller, too.
pub const PASSES: [Pass; 19] = [
    Pass::Of(acts::calls),
    Pass::Of(setup::guests),
    Pass::Of(noise::noise),
    Pass::Among(signatures::signatures),
    Pass::Of(types::roots),
    Pass::Of(types::parts),
    Pass::Of(types::members),
    Pass::Of(setup::resources),
    Pass::Of(types::labels),
    Pass::Of(acts::scripts),
    Pass::Of(acts::passed),
    Pass::Of(acts::patches),
    Pass::Of(values::values),
    Pass::Of(values::bytes),
    Pass::Of(setup::options),
    Pass::Of(setup::tuning),
    Pass::Of(setup::paths),
    Pass::Of(types::plainer),
    Pass::Of(numbers::numbers),
];

impl Pass {
    /// Its cuts of this case. Each comes again with damage and actions of `realloc` that follow the data,
    /// where there are any.
    pub fn cuts(self, case: &Case, allowed: &Allowed) -> Vec<Cut> {
        let aims = if any_patch(case) { &AIMS[..] } else { &AIMS[..1] };
        let scripts = case.calls.iter().flat_map(|call| &call.scripts);
        let actions = scripts.map(|script| script.realloc.len()).max().unwrap_or_default();
        let varied = |cut: Cut| {
            let aimed: Vec<Cut> = aims.iter().map(|aim| Cut { aim: *aim, ..cut.clone() }).collect();
            let skips = 1..=actions.min(MOST_SKIPPED);
            aimed.into_iter().chain(skips.map(move |skip| Cut { skip, ..cut.clone() }))
        };
        let cuts = match self {
            Pass::Of(cuts) => cuts(case),
            Pass::Among(cuts) => cuts(case, allowed),
        };
        cuts.into_iter().flat_map(varied).collect()
    }
}

const AIMS: [Aim; 3] = [Aim::Stay, Aim::FromFirst, Aim::FromLast];

/// What goes at once is one string or list mostly, and that takes three calls of `realloc` at most.
const MOST_SKIPPED: usize = 3;

impl Cut {
    fn new(change: impl Fn(&mut Case) + 'static) -> Cut {
        Cut { change: Rc::new(change), aim: Aim::Stay, skip: 0 }
    }

    /// The case after it, if that is valid and smaller.
    pub fn of(&self, case: &Case, allowed: &Allowed, limits: &Limits) -> Option<Case> {
        let mut next = case.clone();
        (self.change)(&mut next);
        for script in next.calls.iter_mut().flat_map(|call| &mut call.scripts) {
            script.realloc.drain(..self.skip.min(script.realloc.len()));
        }
        // Without bytes, all that repair draws is the least.
        repair(&mut Unstructured::new(&[]), &mut next, allowed, limits).ok()?;
        if self.aim != Aim::Stay {
            move_patches(case, &mut next, self.aim);
        }
        (size(&next) < size(case) && valid(&next, limits)).then_some(next)
    }
}

/// What can be taken away of so many: all, then halves, quarters and so on down to each alone; of those of
/// one length the last first.
fn ranges(count: usize) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let mut length = count;
    while length > 0 {
        let starts = (0..count).step_by(length).collect::<Vec<_>>();
        let of_length = starts.into_iter().rev().map(|start| start..count.min(start + length));
        ranges.extend(of_length);
        length /= 2;
    }
    ranges
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::case::CaseKind;
    use crate::case::check::Feature;
    use crate::generate::Stream;

    /// Every cut of generated cases of this kind can be made.
    #[track_caller]
    fn check(kind: CaseKind) {
        let allowed = Allowed::dynamic(BTreeSet::from([
            Feature::Map,
            Feature::FixedLengthList,
            Feature::Memory64,
            Feature::AsyncFunction,
        ]));
        let mut stream = Stream::new(1, kind, allowed.clone(), Limits::CASE);
        let mut made = 0;
        for _ in 0..20 {
            let case = stream.next_case();
            for pass in PASSES {
                let cuts = pass.cuts(&case, &allowed);
                let smaller = cuts
                    .iter()
                    .step_by(1 + cuts.len() / 20)
                    .filter_map(|cut| cut.of(&case, &allowed, &Limits::CASE));
                made += smaller.inspect(|smaller| assert!(size(smaller) < size(&case))).count();
            }
        }
        assert!(made > 300, "{made}");
    }

    #[test]
    fn any_cut_can_be_made() {
        check(CaseKind::LiftLower);
        check(CaseKind::Adapter);
    }

    #[test]
    fn all_goes_first_and_then_less() {
        assert_eq!(ranges(0), []);
        assert_eq!(ranges(2), [0..2, 1..2, 0..1]);
        assert_eq!(ranges(3), [0..3, 2..3, 1..2, 0..1]);
        assert_eq!(ranges(4), [0..4, 2..4, 0..2, 3..4, 2..3, 1..2, 0..1]);
    }
}
