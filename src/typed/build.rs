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
    let major = release::say(&[Path::new(&here), Path::new(&folder)]);
    for (name, text) in [("wide", signatures::wide(major)), ("random", signatures::random())] {
        let path = Path::new(&folder).join(name).with_extension("rs");
        fs::write(path, text).expect("the folder is writable");
    }
}
