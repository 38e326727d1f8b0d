//! The bodies of the fuzz targets.
//! Knows no fuzzer: bytes in, a verdict or a panic out.

mod place;

use std::cell::RefCell;

use crate::case::allowed::Allowed;
use crate::case::{Case, CaseKind, Limits, bytes};
use crate::engine::{reference, wasmtime};
use crate::generate;
use crate::oracle::Verdict;
use crate::planted::{self, InReference};
use crate::report;
use crate::session::Session;

/// How many offers to cross there are for one that is taken.
const CROSS_ONE_IN: u32 = 4;

thread_local! {
    static SESSION: RefCell<Option<Session>> = const { RefCell::new(None) };
    static HUNT: RefCell<Hunt> = RefCell::new(Hunt {
        executions: 0,
        planted: planted::all(CaseKind::LiftLower),
    });
}

/// Planted faults, and how many inputs there were so far.
struct Hunt {
    executions: u64,
    planted: Vec<InReference>,
}

/// Whether an input is worth keeping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    Keep,
    Reject,
}

/// The target of this kind: an encoded case of it, checked. Where the two disagree, panics with the kind of
/// the disagreement and a report, at a place that other kinds do not have.
pub fn target(kind: CaseKind, data: &[u8]) -> Input {
    match bytes::decode(data) {
        Ok(case) if CaseKind::of(&case) == kind => with_session(|session| check(session, &case)),
        Ok(_) | Err(_) => Input::Reject,
    }
}

/// The targets that mutators are measured by: that of `lift_lower`, with a line for each planted fault that
/// an input shows first.
pub fn planted(data: &[u8]) -> Input {
    let input = target(CaseKind::LiftLower, data);
    HUNT.with_borrow_mut(|Hunt { executions, planted }| {
        *executions += 1;
        if let (Input::Keep, Ok(case)) = (input, bytes::decode(data)) {
            let open =
                |planted: &[InReference]| planted.iter().filter(|one| one.found.is_none()).count();
            let before = open(planted);
            let looked =
                with_session(|session| planted::look(session, &case, *executions, planted));
            if looked.is_ok() && open(planted) < before {
                let found = planted.len() - open(planted);
                eprintln!("planted faults: {found} found after {executions} executions");
            }
        }
    });
    input
}

fn with_session<R>(run: impl FnOnce(&mut Session) -> R) -> R {
    SESSION.with_borrow_mut(|session| {
        run(session.get_or_insert_with(|| {
            assert!(reference::bears_long_loops(), "wasmi cannot run long loops in this build");
            Session::importing().expect("the register that was built in is valid")
        }))
    })
}

fn check(session: &mut Session, case: &Case) -> Input {
    let Ok(checked) = session.check(case) else {
        return Input::Reject;
    };
    match &checked.verdict {
        Verdict::Agree | Verdict::Accepted(_) => Input::Keep,
        Verdict::Inconclusive(_) | Verdict::Unsupported(_) => Input::Reject,
        Verdict::Disagree(difference) => {
            let replay = report::replay_command("ARTIFACT (libFuzzer names it below)");
            let name = CaseKind::of(case).name();
            let report = report::disagreement(name, case, &checked, difference, &replay);
            place::panic_at(difference, &format!("{}\n{report}", report::class(difference)));
        }
    }
}

/// Mutates the encoded case in the first `size` bytes of `data` and answers with its new size. What
/// is no case, or stays too large, is replaced by a fresh one of this kind.
pub fn mutate(kind: CaseKind, data: &mut [u8], size: usize, max_size: usize, seed: u32) -> usize {
    let room = max_size.min(data.len());
    let allowed = wasmtime::allowed();
    let seed = u64::from(seed);
    let mutated = bytes::decode(&data[..size]).ok().and_then(|case| {
        // Smaller, where what it is or becomes does not fit.
        let ways = [generate::mutate, generate::shrink];
        ways[usize::from(size > room)..].iter().find_map(|change| {
            let mut case = case.clone();
            change(&mut case, seed, &allowed, &Limits::CASE);
            // A chain of which one guest is left is a case for another target.
            let of_kind = CaseKind::of(&case) == kind;
            of_kind.then(|| bytes::encode(&case)).filter(|bytes| bytes.len() <= room)
        })
    });
    let mutated = mutated.or_else(|| fresh(kind, seed, room, &allowed));
    let Some(mutated) = mutated else {
        return size.min(room);
    };
    data[..mutated.len()].copy_from_slice(&mutated);
    mutated.len()
}

/// Crosses two encoded cases and answers with the size of the result in `out`; 0 where nothing came
/// of it, or this time mutation shall have its turn: libFuzzer would cross as often as mutate.
pub fn cross(a: &[u8], b: &[u8], out: &mut [u8], seed: u32) -> usize {
    if !seed.is_multiple_of(CROSS_ONE_IN) {
        return 0;
    }
    let (Ok(a), Ok(b)) = (bytes::decode(a), bytes::decode(b)) else {
        return 0;
    };
    let crossed = generate::crossover(&a, &b, &wasmtime::allowed(), u64::from(seed / CROSS_ONE_IN));
    let crossed = bytes::encode(&crossed);
    let Some(room) = out.get_mut(..crossed.len()) else {
        return 0;
    };
    room.copy_from_slice(&crossed);
    crossed.len()
}

/// A fresh case that fits.
fn fresh(kind: CaseKind, seed: u64, room: usize, allowed: &Allowed) -> Option<Vec<u8>> {
    (0..16).find_map(|attempt| {
        let seed = seed.wrapping_mul(16).wrapping_add(attempt);
        let mut stream = generate::Stream::new(seed, kind, allowed.clone(), Limits::CASE);
        Some(bytes::encode(&stream.next_case())).filter(|bytes| bytes.len() <= room)
    })
}
