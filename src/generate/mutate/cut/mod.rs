//! Every way to make a case smaller by one cut, in order, and none of it drawn.
//! Knows nothing of why a case is wanted.

mod acts;
mod aim;
mod carry;
mod noise;
mod numbers;
mod one;
mod recast;
mod setup;
mod signatures;
mod types;
mod values;

use crate::case::Case;
use crate::case::allowed::Allowed;
use aim::{Aim, any_patch};
pub use one::Cut;

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
            let aimed: Vec<Cut> = aims.iter().map(|aim| cut.aimed(*aim)).collect();
            let skips = 1..=actions.min(MOST_SKIPPED);
            aimed.into_iter().chain(skips.map(move |skip| cut.skipping(skip)))
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::case::check::Feature;
    use crate::case::{CaseKind, Limits};
    use crate::generate::{Stream, size};

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
}
