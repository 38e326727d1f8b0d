//! What many cases gave, by kind.
//! Knows files by their names.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::Replayed;
use crate::oracle::Verdict;
use crate::releases::{Kind, Word};
use crate::{plain, report};

/// All kinds of verdicts but that both sides agree, those with the most cases first; each with its smallest case.
pub fn kinds(all: &[Replayed]) -> Vec<Kind> {
    let mut kinds: BTreeMap<String, Vec<&Replayed>> = BTreeMap::new();
    for replayed in all.iter().filter(|replayed| replayed.verdict != Verdict::Agree) {
        kinds.entry(report::verdict(&replayed.verdict)).or_default().push(replayed);
    }
    let kind = |(says, cases): (String, Vec<&Replayed>)| {
        let smallest = cases.iter().min_by_key(|replayed| replayed.size).expect("there is one");
        let case = Some(plain::name(&smallest.path));
        Kind { verdict: Word::of(&smallest.verdict), says, count: cases.len(), case }
    };
    let mut kinds: Vec<_> = kinds.into_iter().map(kind).collect();
    kinds.sort_by_key(|kind| Reverse(kind.count));
    kinds
}

/// How many cases have which sort of verdict.
pub fn counted(all: &[Replayed]) -> String {
    let mut counts = [("agree", 0), ("known divergences", 0), ("findings", 0), ("not decided", 0)];
    for replayed in all {
        let place = match replayed.verdict {
            Verdict::Agree => 0,
            Verdict::Accepted(_) => 1,
            Verdict::Disagree(_) => 2,
            Verdict::Inconclusive(_) | Verdict::Unsupported(_) => 3,
        };
        counts[place].1 += 1;
    }
    let counts = counts.iter().filter(|(_, count)| *count > 0);
    let said = counts.map(|(name, count)| match (count, name.strip_suffix('s')) {
        (1, Some(one)) => format!("1 {one}"),
        (_, _) => format!("{count} {name}"),
    });
    let said: Vec<_> = said.collect();
    if said.is_empty() { "no case".to_string() } else { said.join(", ") }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::abi::{Deviation, Points};
    use crate::generate::Size;

    fn replayed(path: &str, types: u64, verdict: Verdict) -> Replayed {
        Replayed {
            path: PathBuf::from(path),
            size: Size { types, ..Size::default() },
            verdict,
            points: Points::default(),
            complaints: Vec::new(),
            report: None,
        }
    }

    #[test]
    fn the_smallest_of_each_kind_is_named_and_the_most_frequent_comes_first() {
        let accepted = |deviation| Verdict::Accepted(vec![deviation]);
        let all = [
            replayed("a", 2, accepted(Deviation::HostReentry)),
            replayed("b", 3, accepted(Deviation::FlagsBeyondLabelsCrash)),
            replayed("c", 1, accepted(Deviation::FlagsBeyondLabelsCrash)),
            replayed("d", 1, Verdict::Agree),
            replayed("e", 1, Verdict::Unsupported("maps".to_string())),
        ];
        let lines: Vec<_> = kinds(&all).iter().map(Kind::line).collect();
        let expected = [
            "      2  accepted (flags-beyond-labels-crash), smallest c",
            "      1  accepted (host-reentry), smallest a",
            "      1  unsupported (maps), smallest e",
        ];
        assert_eq!(lines, expected);
        assert_eq!(counted(&all), "1 agree, 3 known divergences, 1 not decided");
        assert_eq!(counted(&[]), "no case");
    }
}
