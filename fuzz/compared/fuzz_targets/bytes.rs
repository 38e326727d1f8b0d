//! The target `lift_lower`, but for its mutator: libFuzzer's own changes the bytes.
#![no_main]

use canonfuzz::case::CaseKind::LiftLower;
use canonfuzz::fuzz;
use libfuzzer_sys::fuzz_target;

// Nothing is rejected: a first case has to be found by way of inputs that are none.
fuzz_target!(|data: &[u8]| {
    fuzz::target(LiftLower, data);
});
