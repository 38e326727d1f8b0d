//! Mutates the bytes of the same encoding, as libFuzzer does by itself.
#![no_main]

use canonfuzz::fuzz;
use libfuzzer_sys::fuzz_target;

// Nothing is rejected: a first case has to be found by way of inputs that are none.
fuzz_target!(|data: &[u8]| {
    fuzz::planted(data);
});
