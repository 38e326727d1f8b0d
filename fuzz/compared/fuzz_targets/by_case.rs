//! Mutates cases, as `lift_lower` does.
#![no_main]

use canonfuzz::case::CaseKind::LiftLower;
use canonfuzz::fuzz::{self, Input};
use libfuzzer_sys::{Corpus, fuzz_crossover, fuzz_mutator, fuzz_target};

fuzz_target!(|data: &[u8]| -> Corpus {
    match fuzz::planted(data) {
        Input::Keep => Corpus::Keep,
        Input::Reject => Corpus::Reject,
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    fuzz::mutate(LiftLower, data, size, max_size, seed)
});

fuzz_crossover!(|a: &[u8], b: &[u8], out: &mut [u8], seed: u32| { fuzz::cross(a, b, out, seed) });
