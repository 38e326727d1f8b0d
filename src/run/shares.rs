//! Which shapes a run draws by turns, and how much of each.
//! Knows names and numbers, and nothing of cases.

use std::fmt;
use std::str::FromStr;

use crate::case::CaseKind;

/// Cases of one shape before it is the next one's turn: a component is kept for some cases.
const TURN: u64 = 6;

/// The most turns that a shape may have in a round.
const MOST: u64 = 1_000;

/// The shapes of a round, each with its turns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shares(Vec<(CaseKind, u64)>);

impl Shares {
    /// One turn for each shape.
    pub fn all() -> Shares {
        Shares(CaseKind::ALL.map(|kind| (kind, 1)).to_vec())
    }

    /// This shape alone.
    pub fn of(kind: CaseKind) -> Shares {
        Shares(vec![(kind, 1)])
    }

    pub fn kinds(&self) -> impl Iterator<Item = CaseKind> {
        self.0.iter().map(|(kind, _)| *kind)
    }

    /// The shape of the case with this number.
    pub fn kind(&self, number: u64) -> CaseKind {
        let round: u64 = self.0.iter().map(|(_, turns)| turns).sum();
        let mut turn = number / TURN % round;
        for (kind, turns) in &self.0 {
            if turn < *turns {
                return *kind;
            }
            turn -= turns;
        }
        unreachable!("a turn is one of its round")
    }

    fn part(text: &str) -> Result<(CaseKind, u64), String> {
        let (name, turns) = text.split_once('=').unwrap_or((text, "1"));
        let names = CaseKind::ALL.map(CaseKind::name).join(", ");
        let kind = CaseKind::named(name)
            .ok_or_else(|| format!("`{name}` is no shape: use all, or some of {names}"))?;
        let turns = turns.parse().ok().filter(|turns| (1..=MOST).contains(turns));
        let turns =
            turns.ok_or_else(|| format!("the share of {name} is no number from 1 to {MOST}"))?;
        Ok((kind, turns))
    }
}

impl FromStr for Shares {
    type Err = String;

    fn from_str(text: &str) -> Result<Shares, String> {
        if text == "all" {
            return Ok(Shares::all());
        }
        let parts = text.split(',').map(Shares::part).collect::<Result<Vec<_>, _>>()?;
        let named = |kind| parts.iter().filter(|(other, _)| *other == kind).count();
        match CaseKind::ALL.into_iter().find(|kind| named(*kind) > 1) {
            Some(kind) => Err(format!("{} is named twice", kind.name())),
            None => Ok(Shares(parts)),
        }
    }
}

impl fmt::Display for Shares {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Shares::all() {
            return f.write_str("all");
        }
        let part = |(kind, turns): &(CaseKind, u64)| match turns {
            1 => kind.name().to_string(),
            turns => format!("{}={turns}", kind.name()),
        };
        f.write_str(&self.0.iter().map(part).collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the shares are printed as, and the shapes of so many turns.
    #[track_caller]
    fn check(text: &str, printed: &str, turns: &[&str]) {
        let shares: Shares = text.parse().unwrap();
        assert_eq!(shares.to_string(), printed);
        let numbers = (0..).step_by(6).take(turns.len());
        let drawn: Vec<_> = numbers.map(|number| shares.kind(number).name()).collect();
        assert_eq!(drawn, turns);
    }

    #[test]
    fn shapes_come_by_turns_as_often_as_their_shares_say() {
        let all = ["lift_lower", "adapter", "typed", "misuse", "noisy", "lift_lower"];
        check("all", "all", &all);
        check("lift_lower,adapter,typed,misuse,noisy", "all", &all);
        check("typed", "typed", &["typed", "typed"]);
        let turns = ["noisy", "noisy", "adapter", "noisy", "noisy", "adapter"];
        check("noisy=2,adapter=1", "noisy=2,adapter", &turns);
    }

    #[test]
    fn what_is_no_share_is_told() {
        let rows = [
            ("", "`` is no shape: use all, or some of lift_lower, adapter, typed, misuse, noisy"),
            ("all,typed", "`all` is no shape"),
            ("typed=0", "the share of typed is no number from 1 to 1000"),
            ("typed=", "the share of typed"),
            ("noisy,typed,noisy=3", "noisy is named twice"),
        ];
        for (text, says) in rows {
            let error = text.parse::<Shares>().unwrap_err();
            assert!(error.starts_with(says), "{text}: {error}");
        }
    }
}
