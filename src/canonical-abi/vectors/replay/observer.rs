//! Who watches a replay: it says by which rule all ended.
//! Knows nothing of traces.

use super::numbers::numbers;
use crate::point::Party;
use crate::{BuiltIn, Deviated, Deviation, Miss, Point, Recorder, Rule, Stage, Watch};

/// A recorder that also says by which check the last trap was.
pub struct Observer {
    recorder: Recorder,
    trapped: Option<Point>,
    /// Why what was looked up last in vain was not there.
    miss: Option<Miss>,
}

impl Observer {
    pub fn new(recorder: Recorder) -> Observer {
        Observer { recorder, trapped: None, miss: None }
    }

    /// The numbers that the last trap may have, where this was called last, and its name.
    pub fn numbers(&self, called: Option<BuiltIn>) -> (Vec<u32>, String) {
        match self.trapped {
            Some(point) => (numbers(point, called, self.miss), point.name()),
            None => (Vec::new(), "by no rule".to_string()),
        }
    }
}

impl Watch for Observer {
    type Deviated = Deviated;

    fn deviated(&self) -> Deviated {
        Deviated
    }

    fn deviates(&mut self, deviation: Deviation) -> bool {
        self.recorder.deviates(deviation)
    }

    fn has(&self, deviation: Deviation) -> bool {
        self.recorder.has(deviation)
    }

    fn waives(&mut self, point: Point, party: Party) -> bool {
        self.recorder.waives(point, party)
    }

    fn omits(&self, rule: Rule) -> bool {
        self.recorder.omits(rule)
    }

    fn reach(&mut self, point: Point, party: Party) {
        if point.check().is_some() {
            self.trapped = Some(point);
        }
        self.recorder.reach(point, party);
    }

    fn misses(&mut self, miss: Miss) {
        self.miss = Some(miss);
    }

    fn stage(&self) -> Stage {
        self.recorder.stage()
    }

    fn set_stage(&mut self, stage: Stage) {
        self.recorder.set_stage(stage);
    }
}
