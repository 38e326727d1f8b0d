//! Says which release the subject is, which it has from `src/typed`, and how to run this program again,
//! which `scripts/subject` leaves in a file.

use std::path::Path;
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-env=CANONFUZZ_WASMTIME={}", release("VERSION"));
    for step in release("REACHED").split_whitespace() {
        println!("cargo::rustc-check-cfg=cfg(wasmtime_{step})");
        println!("cargo::rustc-cfg=wasmtime_{step}");
    }
    for step in release("BEYOND").split_whitespace() {
        println!("cargo::rustc-check-cfg=cfg(wasmtime_{step})");
    }
    let root = env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let command = Path::new(&root).join("COMMAND");
    if command.exists() {
        println!("cargo::rerun-if-changed={}", command.display());
    }
    let command = fs::read_to_string(&command).unwrap_or_else(|_| "cargo run --".to_string());
    println!("cargo::rustc-env=CANONFUZZ_COMMAND={}", command.trim_end());
}

/// What the build script of `src/typed` says of the release.
fn release(what: &str) -> String {
    env::var(format!("DEP_CANONFUZZ_TYPED_{what}")).expect("src/typed says it")
}
