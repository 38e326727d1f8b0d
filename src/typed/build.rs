//! Says which release the subject is, and writes the part of the signatures that is drawn.

#[path = "../../build/release.rs"]
mod release;
#[path = "build/signatures.rs"]
mod signatures;

use std::path::Path;
use std::{env, fs};

fn main() {
    let here = env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let workspace = Path::new(&here).ancestors().nth(2).expect("it is two folders deep");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=build/signatures.rs");
    println!("cargo::rerun-if-changed=../../build/release.rs");
    let major = release::major(&release::say(workspace));
    let folder = env::var("OUT_DIR").expect("cargo sets it");
    for (name, text) in [("wide", signatures::wide(major)), ("random", signatures::random())] {
        let path = Path::new(&folder).join(name).with_extension("rs");
        fs::write(path, text).expect("the folder is writable");
    }
}
