//! Values and choices for a component from anywhere.
//! Knows its types; what its handles mean, whoever holds some knows.

use arbitrary::Unstructured;

use super::draw::entropy;
use super::values::{Room, values};
use super::weights;
use crate::types::Type;
use crate::value::Value;

/// The same seed draws the same on every machine.
pub struct Draws {
    rng: fastrand::Rng,
}

impl Draws {
    pub fn new(seed: u64) -> Draws {
        Draws { rng: fastrand::Rng::with_seed(seed) }
    }

    /// A value of each type. Handles have any number.
    pub fn values(&mut self, types: &[Type]) -> Vec<Value> {
        let bytes = entropy(&mut self.rng, weights::ENTROPY);
        let mut u = Unstructured::new(&bytes);
        let values = Room::draw(&mut u, &weights::ALONE)
            .and_then(|mut room| values(&mut u, types, &mut room));
        values.expect("no choice is empty")
    }

    /// One of these, if there are any.
    pub fn choose(&mut self, from: &[u32]) -> Option<u32> {
        (!from.is_empty()).then(|| from[self.rng.usize(..from.len())])
    }
}
