//! A plain round trip of what is drawn from the bytes, with a component for each.
#![no_main]

use std::cell::OnceCell;

use arbitrary::Unstructured;
use canonfuzz::case::{CaseKind, Limits};
use canonfuzz::engine::wasmtime::allowed;
use canonfuzz::generate;
use canonfuzz_benches::round_trip;
use libfuzzer_sys::fuzz_target;

thread_local! {
    static ENGINE: OnceCell<wasmtime::Engine> = const { OnceCell::new() };
}

fuzz_target!(|data: &[u8]| {
    let mut u = Unstructured::new(data);
    let case = generate::case(&mut u, CaseKind::LiftLower, &allowed(), &Limits::CASE);
    let case = case.expect("no choice is empty");
    ENGINE.with(|engine| {
        let engine = engine.get_or_init(|| round_trip::engine().expect("it is configured right"));
        round_trip::check(engine, &case).expect("a value comes back as it was");
    });
});
