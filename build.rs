//! Reads the version of the subject from the lock file and says it as cfgs and an environment
//! variable; another says how to run this program again, which `scripts/subject` leaves in a file. `cargo metadata` would answer for another lock file where the sources are linked
//! into a folder of `scripts/subject`. Also writes the part of the signatures with Rust types that is
//! drawn.

#[path = "build/signatures.rs"]
mod signatures;

use std::path::Path;
use std::{env, fs};

/// The releases at which an interface or a feature changed that the adapter knows about.
const STEPS: [u32; 8] = [41, 42, 43, 44, 45, 46, 47, 48];

fn main() {
    let root = env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let lock = Path::new(&root).join("Cargo.lock");
    println!("cargo::rerun-if-changed={}", lock.display());
    let text = fs::read_to_string(&lock).expect("the workspace has a lock file");
    let version = locked(&text, "wasmtime").expect("the lock file names wasmtime");
    println!("cargo::rustc-env=CANONFUZZ_WASMTIME={version}");
    let command = Path::new(&root).join("COMMAND");
    if command.exists() {
        println!("cargo::rerun-if-changed={}", command.display());
    }
    let command = fs::read_to_string(&command).unwrap_or_else(|_| "cargo run --".to_string());
    println!("cargo::rustc-env=CANONFUZZ_COMMAND={}", command.trim_end());
    let major: u32 =
        version.split('.').next().and_then(|major| major.parse().ok()).expect("a version");
    for step in STEPS {
        println!("cargo::rustc-check-cfg=cfg(wasmtime_{step})");
        if major >= step {
            println!("cargo::rustc-cfg=wasmtime_{step}");
        }
    }
    write_signatures();
}

fn write_signatures() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=build/signatures.rs");
    let folder = env::var("OUT_DIR").expect("cargo sets it");
    for (name, text) in [("wide", signatures::wide()), ("random", signatures::random())] {
        let path = Path::new(&folder).join(name).with_extension("rs");
        fs::write(path, text).expect("the folder is writable");
    }
}

/// The version of a package in a lock file.
fn locked<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let entry = lock
        .split("[[package]]")
        .find(|entry| entry.lines().any(|line| line == format!("name = \"{package}\"")))?;
    entry.lines().find_map(|line| line.strip_prefix("version = \"")?.strip_suffix('"'))
}
