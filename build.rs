//! Says which release the subject is, and how to run this program again, which `scripts/subject` leaves
//! in a file.

#[path = "build/release.rs"]
mod release;

use std::path::Path;
use std::{env, fs};

fn main() {
    let root = env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let root = Path::new(&root);
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=build/release.rs");
    println!("cargo::rustc-env=CANONFUZZ_WASMTIME={}", release::say(root));
    let command = root.join("COMMAND");
    if command.exists() {
        println!("cargo::rerun-if-changed={}", command.display());
    }
    let command = fs::read_to_string(&command).unwrap_or_else(|_| "cargo run --".to_string());
    println!("cargo::rustc-env=CANONFUZZ_COMMAND={}", command.trim_end());
}
