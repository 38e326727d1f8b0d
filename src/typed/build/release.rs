//! Which release the subject is: its version in the lock file, and cfgs for what the adapter knows of
//! the releases up to it.
//! Knows nothing of what differs in them. `cargo metadata` would answer for another lock file where the
//! sources are linked into a folder of `scripts/subject`.

use std::fs;
use std::path::Path;

/// The releases at which an interface or a feature changed that the adapter knows about.
const STEPS: [u32; 8] = [41, 42, 43, 44, 45, 46, 47, 48];

/// Says the cfgs and the version, here and to the build script of whoever depends on this crate, which
/// cargo gives them as `DEP_CANONFUZZ_TYPED_…`. Answers with the first number of the version. The lock file
/// lies above one of these folders: in a checkout above the sources, and where those are unpacked from a
/// package above what is built.
pub fn say(folders: &[&Path]) -> u32 {
    let version = (folders.iter().flat_map(|folder| folder.ancestors()))
        .find_map(|folder| locked_in(&folder.join("Cargo.lock")))
        .expect("a lock file names wasmtime: build in a checkout or in an unpacked package");
    let numbers: Vec<u32> = version.split('.').map_while(|number| number.parse().ok()).collect();
    let major = *numbers.first().expect("a version");
    let steps = STEPS.map(|step| (step.to_string(), major >= step));
    let all = steps.into_iter().chain([(HOSTCALL_FUEL.to_string(), has_hostcall_fuel(&numbers))]);
    let (reached, beyond): (Vec<_>, Vec<_>) = all.partition(|(_, reached)| *reached);
    for (step, _) in reached.iter().chain(&beyond) {
        println!("cargo::rustc-check-cfg=cfg(wasmtime_{step})");
    }
    for (step, _) in &reached {
        println!("cargo::rustc-cfg=wasmtime_{step}");
    }
    println!("cargo::metadata=VERSION={version}");
    println!("cargo::metadata=REACHED={}", words(&reached));
    println!("cargo::metadata=BEYOND={}", words(&beyond));
    major
}

/// What guests may pass to the host was limited in three lines of releases at once.
const HOSTCALL_FUEL: &str = "hostcall_fuel";

fn has_hostcall_fuel(version: &[u32]) -> bool {
    let from = |first: &[u32]| version >= first;
    from(&[42]) || from(&[41, 0, 4]) || from(&[40, 0, 4]) && !from(&[41])
}

fn words(steps: &[(String, bool)]) -> String {
    steps.iter().map(|(step, _)| step.as_str()).collect::<Vec<_>>().join(" ")
}

/// The version of Wasmtime in this lock file, if it is one and names it.
fn locked_in(lock: &Path) -> Option<String> {
    let text = fs::read_to_string(lock).ok()?;
    let entry = text
        .split("[[package]]")
        .find(|entry| entry.lines().any(|line| line == "name = \"wasmtime\""))?;
    println!("cargo::rerun-if-changed={}", lock.display());
    let version =
        entry.lines().find_map(|line| line.strip_prefix("version = \"")?.strip_suffix('"'));
    version.map(str::to_string)
}
