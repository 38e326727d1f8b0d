//! How a rule is checked: whoever watches is told of a trap, and may let it pass.
//! Knows no rule in particular.

use super::context::Cx;
use super::deviations::{self, adapter};
use super::point::{Party, Point};
use super::{Stop, Watch};

/// Spec: `trap_if`, with the rule that says so. Whoever watches is told, and may let it pass.
pub fn trap_if(
    watch: &mut dyn Watch,
    party: Party,
    rule: impl Into<Point>,
    condition: bool,
) -> Result<(), Stop> {
    let point = rule.into();
    if !condition || deviations::waives(watch, party, point) {
        return Ok(());
    }
    watch.reach(point, party);
    Err(point.trap().into())
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
        deviations::waives(self.guest.watch(), party, rule.into())
    }

    /// Adds to what a call between guests may end in.
    pub fn fault(&mut self, stop: impl Into<Stop>) {
        let watch = self.guest.watch();
        let stop = adapter::between_guests(watch, stop.into());
        watch.fault(stop);
    }
}
