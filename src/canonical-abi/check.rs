//! How a rule is checked: whoever watches is told of a trap, and may let it pass.
//! Knows no rule in particular.

use super::context::Cx;
use super::deviations::adapter;
use super::point::{Party, Point};
use super::{AsyncRule, Miss, Stop, Watch};

/// Spec: `trap_if`, with the rule that says so. Whoever watches is told, and may let it pass.
pub fn trap_if(
    watch: &mut dyn Watch,
    party: Party,
    rule: impl Into<Point>,
    condition: bool,
) -> Result<(), Stop> {
    let point = rule.into();
    if condition && is_reached(watch, party, point) {
        return Err(point.trap().into());
    }
    Ok(())
}

/// Spec: `Table.get`, its checks.
pub(super) fn check_there(
    watch: &mut dyn Watch,
    party: Party,
    miss: Option<Miss>,
) -> Result<(), Stop> {
    if let Some(miss) = miss {
        watch.misses(miss);
    }
    trap_if(watch, party, AsyncRule::NothingThere, miss.is_some())
}

/// Whether a check is made where it would trap. Then that is noted.
fn is_reached(watch: &mut dyn Watch, party: Party, point: Point) -> bool {
    let waived = watch.waives(point, party);
    if !waived {
        watch.reach(point, party);
    }
    !waived
}

impl Cx<'_> {
    /// Spec: `trap_if`, with the rule that says so.
    pub fn trap_if(&mut self, rule: impl Into<Point>, condition: bool) -> Result<(), Stop> {
        let party = self.party();
        trap_if(self.guest.watch(), party, rule, condition)
    }

    /// Whether the check that a rule demands is left out. Ask only where it would trap.
    pub fn waives(&mut self, rule: impl Into<Point>) -> bool {
        let party = self.party();
        self.guest.watch().waives(rule.into(), party)
    }

    /// Adds to what a call between guests may end in.
    pub fn fault(&mut self, stop: impl Into<Stop>) {
        let watch = self.guest.watch();
        let stop = adapter::between_guests(watch, stop.into());
        watch.fault(stop);
    }
}
