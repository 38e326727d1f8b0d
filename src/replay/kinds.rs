//! What many cases gave, by kind.
//! Knows files by their names and their age.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::Replayed;
use crate::generate::Size;
use crate::oracle::Verdict;
use crate::{plain, report};

/// All cases of one kind.
struct Kind {
    count: u64,
    smallest: Size,
    /// The file that has it.
    file: PathBuf,
    /// When the first of their files was written, as far as the file system tells.
    first: Option<SystemTime>,
}

/// The kinds of verdicts on cases where the two sides differ.
#[derive(Default)]
pub struct Kinds(BTreeMap<String, Kind>);

impl Kinds {
    pub fn add(&mut self, replayed: &Replayed) {
        if !is_listed(&replayed.verdict) {
            return;
        }
        let written = written(&replayed.path);
        let (smallest, file) = (replayed.size, replayed.path.clone());
        let kind = self.0.entry(report::verdict(&replayed.verdict));
        let kind = kind.or_insert(Kind { count: 0, smallest, file, first: written });
        kind.count += 1;
        kind.first = kind.first.into_iter().chain(written).min();
        if replayed.size < kind.smallest {
            kind.smallest = replayed.size;
            kind.file.clone_from(&replayed.path);
        }
    }

    /// A line for each kind, those with the most cases first.
    pub fn lines(&self) -> Vec<String> {
        let mut kinds: Vec<_> = self.0.iter().collect();
        kinds.sort_by_key(|(_, kind)| std::cmp::Reverse(kind.count));
        kinds.into_iter().map(|(name, kind)| line(name, kind)).collect()
    }
}

fn is_listed(verdict: &Verdict) -> bool {
    match verdict {
        Verdict::Disagree(_) | Verdict::Accepted(_) => true,
        Verdict::Agree | Verdict::Inconclusive(_) | Verdict::Unsupported(_) => false,
    }
}

fn line(name: &str, Kind { count, file, first, .. }: &Kind) -> String {
    let first = first.map(|time| format!(", first written {}", utc(time))).unwrap_or_default();
    format!("  {count:>5}  {name}{first}, smallest {}", plain::name(file))
}

fn written(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).and_then(|file| file.modified()).ok()
}

/// A time as people write it.
fn utc(time: SystemTime) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let (year, month, day) = date(seconds / 86_400);
    let [hour, minute] = [seconds / 3600 % 24, seconds / 60 % 60];
    format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02} UTC")
}

/// Year, month and day of a day counted from the first of 1970.
fn date(mut days: u64) -> (u64, u64, u64) {
    let mut year = 1970;
    while days >= year_length(year) {
        days -= year_length(year);
        year += 1;
    }
    let february = year_length(year) - 337;
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    (year, month, days + 1)
}

fn year_length(year: u64) -> u64 {
    let divides = |number: u64| year.is_multiple_of(number);
    if divides(4) && (!divides(100) || divides(400)) { 366 } else { 365 }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::abi::{Deviation, Points};

    #[test]
    fn times_are_written_as_dates() {
        let rows = [
            (0, "1970-01-01 00:00 UTC"),
            (951_782_399, "2000-02-28 23:59 UTC"),
            (951_825_600, "2000-02-29 12:00 UTC"),
            (1_735_689_600, "2025-01-01 00:00 UTC"),
            (4_107_542_399, "2100-02-28 23:59 UTC"),
            (4_107_542_400, "2100-03-01 00:00 UTC"),
        ];
        for (seconds, written) in rows {
            assert_eq!(utc(UNIX_EPOCH + Duration::from_secs(seconds)), written);
        }
    }

    #[test]
    fn the_smallest_of_each_kind_is_named_and_the_most_frequent_comes_first() {
        let mut kinds = Kinds::default();
        let mut add = |path: &str, types, deviation| {
            kinds.add(&Replayed {
                path: PathBuf::from(path),
                size: Size { types, ..Size::default() },
                verdict: Verdict::Accepted(vec![deviation]),
                points: Points::default(),
                complaints: Vec::new(),
                report: None,
            })
        };
        add("a", 2, Deviation::HostReentry);
        add("b", 3, Deviation::FlagsBeyondLabelsCrash);
        add("c", 1, Deviation::FlagsBeyondLabelsCrash);
        let lines = kinds.lines();
        let expected = [
            "      2  accepted (flags-beyond-labels-crash), smallest c",
            "      1  accepted (host-reentry), smallest a",
        ];
        assert_eq!(lines, expected);
    }
}
