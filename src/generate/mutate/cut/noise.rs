//! Less core code that nobody scripted.
//! Knows no values.

use super::one::{Cut, ranges};
use crate::case::Case;
use crate::generate::noise::{all, without};

/// All of a guest's code, an export, a body, or some instructions of one.
pub fn noise(case: &Case) -> Vec<Cut> {
    let mut cuts = Vec::new();
    for (number, guest) in case.shape.guests.iter().enumerate() {
        let Some(code) = &guest.noise else { continue };
        cuts.push(Cut::new(move |case| case.shape.guests[number].noise = None));
        for leave in all(code, ranges) {
            cuts.push(Cut::new(move |case| {
                let noise = &mut case.shape.guests[number].noise;
                let smaller = noise.as_ref().and_then(|code| without(code, leave.clone()));
                *noise = smaller.or(noise.take());
            }));
        }
    }
    cuts
}
