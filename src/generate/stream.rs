//! Cases without end, from a seed.
//! Knows that a shape costs more than a case.

use std::collections::BTreeSet;

use arbitrary::Unstructured;

use super::draw::{chance, entropy};
use super::{options, weights};
use crate::case::check::Feature;
use crate::case::paths::Paths;
use crate::case::{Case, CaseKind, Limits, Shape, Tuning};

/// The same seed gives the same cases on every machine.
pub struct Stream {
    rng: fastrand::Rng,
    kind: CaseKind,
    allowed: BTreeSet<Feature>,
    limits: Limits,
    shape: Shape,
    tuning: Tuning,
    /// Cases that this shape is kept for.
    left: u32,
    /// The last case of a shape with another tuning.
    flipped: Option<Case>,
}

impl Stream {
    pub fn new(seed: u64, kind: CaseKind, allowed: BTreeSet<Feature>, limits: Limits) -> Stream {
        let shape = super::no_shape(kind, &limits);
        let rng = fastrand::Rng::with_seed(seed);
        Stream { rng, kind, allowed, limits, shape, tuning: Tuning::PLAIN, left: 0, flipped: None }
    }

    pub fn next_case(&mut self) -> Case {
        if let Some(flipped) = self.flipped.take() {
            return flipped;
        }
        if self.left == 0 {
            self.next_shape();
        }
        self.left -= 1;
        let count = self.entropy();
        let bytes = entropy(&mut self.rng, count);
        let calls = super::calls(&mut Unstructured::new(&bytes), &self.shape, &self.limits);
        let calls = calls.expect("no choice is empty");
        let case =
            Case { tuning: self.tuning, paths: Paths::PLAIN, shape: self.shape.clone(), calls };
        if self.left == 0 {
            self.flip(&case);
        }
        case
    }

    /// Keeps a case to come again under another tuning, sometimes.
    fn flip(&mut self, case: &Case) {
        let bytes = entropy(&mut self.rng, weights::FLIP_ENTROPY);
        let mut u = Unstructured::new(&bytes);
        if chance(&mut u, weights::FLIPPED).expect("no choice is empty") {
            let tuning = *u.choose(&case.tuning.flipped()).expect("no choice is empty");
            self.flipped = Some(Case { tuning, ..case.clone() });
        }
    }

    /// Bytes for one shape or the calls of one case.
    fn entropy(&self) -> usize {
        match self.kind {
            CaseKind::LiftLower => weights::ENTROPY,
            CaseKind::Adapter => weights::CHAIN_ENTROPY,
        }
    }

    fn next_shape(&mut self) {
        let count = self.entropy();
        let bytes = entropy(&mut self.rng, count);
        let mut u = Unstructured::new(&bytes);
        self.shape = super::shape(&mut u, self.kind, &self.allowed, &self.limits)
            .expect("no choice is empty");
        self.tuning = options::tuning(&mut u).expect("no choice is empty");
        self.left = weights::CASES_PER_SHAPE;
    }
}
