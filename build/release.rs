//! Which release the subject is: its version in the lock file, and cfgs for what the adapter knows of
//! the releases up to it.
//! Knows nothing of what differs in them. `cargo metadata` would answer for another lock file where the
//! sources are linked into a folder of `scripts/subject`.

use std::fs;
use std::path::Path;

/// The releases at which an interface or a feature changed that the adapter knows about.
const STEPS: [u32; 8] = [41, 42, 43, 44, 45, 46, 47, 48];

/// Says the cfgs; answers with the version.
pub fn say(workspace: &Path) -> String {
    let lock = workspace.join("Cargo.lock");
    println!("cargo::rerun-if-changed={}", lock.display());
    let text = fs::read_to_string(&lock).expect("the workspace has a lock file");
    let version = locked(&text, "wasmtime").expect("the lock file names wasmtime");
    for step in STEPS {
        println!("cargo::rustc-check-cfg=cfg(wasmtime_{step})");
        if major(version) >= step {
            println!("cargo::rustc-cfg=wasmtime_{step}");
        }
    }
    version.to_string()
}

/// The first number of a version.
pub fn major(version: &str) -> u32 {
    version.split('.').next().and_then(|major| major.parse().ok()).expect("a version")
}

/// The version of a package in a lock file.
fn locked<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let entry = lock
        .split("[[package]]")
        .find(|entry| entry.lines().any(|line| line == format!("name = \"{package}\"")))?;
    entry.lines().find_map(|line| line.strip_prefix("version = \"")?.strip_suffix('"'))
}
