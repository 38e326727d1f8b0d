//! Says which release the subject is, to the crate that uses this one, too, and writes the part of the
//! signatures that is drawn.

#[path = "build/release.rs"]
mod release;
#[path = "build/signatures.rs"]
mod signatures;

use std::path::Path;
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=build/signatures.rs");
    println!("cargo::rerun-if-changed=build/release.rs");
    let folder = env::var("OUT_DIR").expect("cargo sets it");
    let here = env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    // A package has a lock file of its own, which is not the one that it is built by.
    let above = Path::new(&here).parent().expect("it is in a folder");
    let major = release::say(&[above, Path::new(&folder)]);
    for (name, text) in [("wide", signatures::wide(major)), ("random", signatures::random())] {
        let path = Path::new(&folder).join(name).with_extension("rs");
        fs::write(path, text).expect("the folder is writable");
    }
}
