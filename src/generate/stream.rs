//! Cases without end, from a seed.
//! Knows that a shape costs more than a case, and a tuning more than a shape.

use arbitrary::Unstructured;

use super::draw::{chance, entropy, position};
use super::fresh::{case_of, no_shape, shape};
use super::{options, weights};
use crate::case::allowed::Allowed;
use crate::case::check::check;
use crate::case::{Case, CaseKind, Limits, Shape, Tuning};

/// The same seed gives the same cases on every machine.
pub struct Stream {
    rng: fastrand::Rng,
    kind: CaseKind,
    allowed: Allowed,
    limits: Limits,
    shape: Shape,
    tuning: Tuning,
    /// The tuning but for one choice.
    other_tuning: Tuning,
    /// Cases that this shape is kept for.
    left: u32,
    /// How many shapes there were.
    pub shapes: u64,
    /// The last case of a shape, flipped.
    flipped: Option<Case>,
}

impl Stream {
    pub fn new(seed: u64, kind: CaseKind, allowed: Allowed, limits: Limits) -> Stream {
        let shape = no_shape(kind, &limits);
        let rng = fastrand::Rng::with_seed(seed);
        let [tuning, other_tuning] = [Tuning::PLAIN; 2];
        let (left, shapes, flipped) = (0, 0, None);
        Stream { rng, kind, allowed, limits, shape, tuning, other_tuning, left, shapes, flipped }
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
        let mut u = Unstructured::new(&bytes);
        let Stream { kind, allowed, limits, .. } = &*self;
        let case = case_of(&mut u, *kind, (&self.shape, self.tuning), allowed, limits);
        let case = case.expect("no choice is empty");
        if self.left == 0 {
            self.flip(&case);
        }
        case
    }

    /// Keeps a case to come again under another tuning or by another way, sometimes.
    fn flip(&mut self, case: &Case) {
        let bytes = entropy(&mut self.rng, weights::FLIP_ENTROPY);
        let mut u = Unstructured::new(&bytes);
        if chance(&mut u, weights::FLIPPED).expect("no choice is empty") {
            let others = case.paths.others(case.tuning);
            let of_tuning = others.is_empty()
                || chance(&mut u, weights::TUNING_FLIPPED).expect("no choice is empty");
            let mut flips: Vec<Case> = if of_tuning {
                vec![Case { tuning: self.other_tuning, ..case.clone() }]
            } else {
                others.into_iter().map(|paths| Case { paths, ..case.clone() }).collect()
            };
            flips.retain(|flip| {
                self.allowed.has(&flip.shape, flip.paths) && check(flip, &self.limits).is_ok()
            });
            let chosen = position(&mut u, flips.len()).expect("no choice is empty");
            self.flipped = chosen.map(|chosen| flips.swap_remove(chosen));
        }
    }

    /// Bytes for one shape or the calls of one case.
    fn entropy(&self) -> usize {
        match self.kind {
            CaseKind::LiftLower | CaseKind::Typed | CaseKind::Misuse => weights::ENTROPY,
            CaseKind::Adapter | CaseKind::Noisy => weights::CHAIN_ENTROPY,
        }
    }

    fn next_shape(&mut self) {
        let count = self.entropy();
        let bytes = entropy(&mut self.rng, count);
        let mut u = Unstructured::new(&bytes);
        self.shape =
            shape(&mut u, self.kind, &self.allowed, &self.limits).expect("no choice is empty");
        if self.shapes.is_multiple_of(weights::SHAPES_PER_TUNING) {
            self.tuning = options::tuning(&mut u).expect("no choice is empty");
            self.other_tuning = *u.choose(&self.tuning.flipped()).expect("no choice is empty");
        }
        self.left = weights::CASES_PER_SHAPE;
        self.shapes += 1;
    }
}
