//! The checks of the reference, each left out in turn: which generated cases show it, and how many.
//! Knows of what no case shows only why that is so.

use anyhow::Result;

use super::{Found, differs, each_case, expected};
use crate::abi::point::Answer;
use crate::abi::{Change, Party, Point, Recorder, StringEncoding};
use crate::case::{Case, CaseKind};
use crate::mix::spec;
use crate::session::{BadCase, Session};
use crate::value::StringSource;

/// A check that is left out.
pub struct Unchecked {
    pub check: Point,
    /// How many cases show it.
    pub shown: u64,
    /// The first of them.
    pub found: Option<Found>,
    /// Why none can.
    pub why_not: Option<&'static str>,
}

/// Checks without which an engine traps for the same at another place, and why.
const EQUIVALENT: [(Point, &str); 1] = [(
    Point::Block {
        source: StringSource::Utf16,
        to: StringEncoding::Latin1OrUtf16,
        change: Change::Grown,
        answer: Answer::OutOfBounds,
    },
    "what is written fills the block, and core code traps for the same",
)];

/// Every check, not found to be left out yet. There are none for kinds of cases that are about something else.
pub fn all(kind: CaseKind) -> Vec<Unchecked> {
    let parties = match kind {
        CaseKind::LiftLower => &[Party::Host, Party::Itself][..],
        CaseKind::Adapter => Party::ALL,
        CaseKind::Typed | CaseKind::Misuse | CaseKind::Noisy => return Vec::new(),
    };
    let unchecked = |check| {
        let equivalent = EQUIVALENT.iter().find(|(other, _)| *other == check);
        let why_not = spec::unreachable(check, parties).or(equivalent.map(|(_, why)| *why));
        Unchecked { check, shown: 0, found: None, why_not }
    };
    Point::sync_checks().into_iter().map(unchecked).collect()
}

/// Generates cases, and runs each without the check that it traps by, until there are so many or `goes_on` says
/// no, which is told after each how many there were.
pub fn hunt(
    kind: CaseKind,
    seed: u64,
    cases: u64,
    goes_on: &mut dyn FnMut(u64, &[Unchecked]) -> bool,
) -> Result<Vec<Unchecked>> {
    let mut all = all(kind);
    each_case(kind, seed, cases, &mut |session, case, number| {
        look(session, case, number, &mut all)?;
        Ok(goes_on(number, &all))
    })?;
    Ok(all)
}

/// Looks which checks one more case shows to be left out. A check changes nothing but where it traps, so that no
/// others have to be tried.
pub fn look(
    session: &mut Session,
    case: &Case,
    number: u64,
    all: &mut [Unchecked],
) -> Result<(), BadCase> {
    let expected = expected(session, case)?;
    let reached = |check| Party::ALL.iter().any(|party| expected.points.contains(check, *party));
    for one in all.iter_mut().filter(|one| reached(one.check)) {
        let without = Recorder::unchecked([one.check]);
        if let Some(class) = differs(session, case, &expected, &without)? {
            one.shown += 1;
            one.found.get_or_insert_with(|| Found { number, class, case: case.clone() });
        }
    }
    Ok(())
}

/// What a check is called, all of which trap.
pub fn name(check: Point) -> String {
    check.name().replace("traps, ", "")
}

impl Unchecked {
    /// Whether a case could show it, and none did.
    pub fn is_missed(&self) -> bool {
        self.found.is_none() && self.why_not.is_none()
    }
}
