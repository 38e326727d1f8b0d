//! The counts behind a summary.
//! Knows what was judged; prints nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

use crate::abi::Deviation;
use crate::corpus::Unwritten;
use crate::drift::Drift;
use crate::generate::Size;
use crate::mix::{Mix, SpecCoverage};
use crate::oracle::Verdict;
use crate::plain;
use crate::releases::Word;
use crate::report::{self, Explained};
use crate::session::Timings;

/// What all jobs have counted so far.
#[derive(Default)]
pub(super) struct Tally {
    /// Compared calls of the export.
    pub calls: u64,
    /// Of how many components: each is kept for some cases.
    pub components: u64,
    /// The most cases of one job.
    pub most: u64,
    pub counts: BTreeMap<Word, u64>,
    /// All verdicts but that both sides agree, by what they say.
    pub kinds: BTreeMap<String, Kind>,
    /// How the reference's runs ended.
    pub outcomes: BTreeMap<String, u64>,
    pub timings: Timings,
    pub drift: Option<Drift>,
    /// The tables, by the names of their shapes.
    pub mix: BTreeMap<&'static str, Mix>,
    pub spec_coverage: Option<SpecCoverage>,
    pub over_time: Vec<Sample>,
}

/// Verdicts that say the same.
#[derive(Serialize)]
pub(super) struct Kind {
    pub verdict: Word,
    pub says: String,
    pub count: u64,
    pub first: First,
    /// The smallest case that was written, of findings.
    #[serde(flatten)]
    pub kept: Option<Kept>,
    /// The smallest that could not be written.
    #[serde(rename = "not_written", skip_serializing_if = "Option::is_none")]
    pub lost: Option<Lost>,
    /// What the register has of it.
    #[serde(skip)]
    pub deviations: Vec<Deviation>,
    /// Whether the register does not have it.
    #[serde(skip)]
    pub is_finding: bool,
}

/// Which case was the first of its kind.
#[derive(Clone, Copy, Serialize)]
pub(super) struct First {
    /// After how many seconds it came.
    pub seconds: f64,
    pub shape: &'static str,
    pub job: u64,
    /// Among all cases of its job.
    pub number: u64,
}

/// Which of all cases of a run it is: of two of one size, whatever the jobs' pace, the same one is kept.
pub(super) type Rank = (Size, u64, u64);

/// A case in its file.
#[derive(Serialize)]
pub(super) struct Kept {
    #[serde(skip)]
    pub rank: Rank,
    #[serde(rename = "case", serialize_with = "named")]
    pub path: PathBuf,
    /// What was written there.
    #[serde(skip)]
    pub text: String,
    /// All that there is to tell of it, if it is this run's.
    #[serde(skip)]
    pub explained: Option<Box<Explained>>,
}

/// A case that could not be written.
#[derive(Serialize)]
pub(super) struct Lost {
    #[serde(skip)]
    pub rank: Rank,
    #[serde(flatten)]
    pub case: Unwritten,
}

fn named<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&plain::name(path))
}

/// What had been done at some time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Sample {
    pub seconds: f64,
    pub cases: u64,
    pub calls: u64,
    /// Cells of all tables that were reached.
    pub cells: u64,
    /// Kinds of verdicts but that both sides agree.
    pub kinds: u64,
}

/// Samples that are kept: a longer run has them less often.
const SAMPLES: usize = 600;

impl Tally {
    /// Counts a verdict, and answers with its kind.
    pub fn count(&mut self, verdict: &Verdict, first: First) -> Option<&mut Kind> {
        let word = Word::of(verdict);
        *self.counts.entry(word).or_default() += 1;
        if *verdict == Verdict::Agree {
            return None;
        }
        let says = report::verdict(verdict);
        let is_finding = matches!(verdict, Verdict::Disagree(_));
        let kind = self.kinds.entry(says.clone());
        let kind = kind.or_insert_with(|| Kind {
            verdict: word,
            says,
            count: 0,
            first,
            kept: None,
            lost: None,
            deviations: deviations(verdict),
            is_finding,
        });
        kind.count += 1;
        Some(kind)
    }

    pub fn findings(&self) -> impl Iterator<Item = &Kind> {
        self.kinds.values().filter(|kind| kind.is_finding)
    }

    /// Adds what one job has counted since it did so last.
    pub fn add_tables(&mut self, shape: &'static str, mix: Mix) {
        match self.mix.get_mut(shape) {
            Some(all) => all.merge(&mix),
            None => drop(self.mix.insert(shape, mix)),
        }
    }

    /// How many of all cells that can be reached were.
    pub fn cells(&self) -> (u64, u64) {
        let cells = self.mix.values().map(Mix::cells);
        cells.fold((0, 0), |(reached, all), (more, others)| (reached + more, all + others))
    }

    /// Notes what has been done by now, unless that was done just before.
    pub fn sample(&mut self, seconds: f64, cases: u64) {
        let last = self.over_time.last().map_or(0.0, |last| last.seconds);
        // As many as there are mean that each stands for as long.
        let first = self.over_time.first().map_or(0.0, |first| first.seconds);
        if seconds - last < first.max(1.0) {
            return;
        }
        self.push_sample(seconds, cases);
        if self.over_time.len() > SAMPLES {
            let mut number = 0;
            self.over_time.retain(|_| {
                number += 1;
                number % 2 == 0
            });
        }
    }

    /// The same at the end.
    pub fn push_sample(&mut self, seconds: f64, cases: u64) {
        let (cells, _) = self.cells();
        let kinds = u64::try_from(self.kinds.len()).unwrap_or(u64::MAX);
        self.over_time.push(Sample { seconds, cases, calls: self.calls, cells, kinds });
    }
}

/// The deviations that a verdict accepts.
fn deviations(verdict: &Verdict) -> Vec<Deviation> {
    match verdict {
        Verdict::Accepted(deviations) => deviations.clone(),
        Verdict::Agree
        | Verdict::Inconclusive(_)
        | Verdict::Unsupported(_)
        | Verdict::Disagree(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_longer_run_is_sampled_less_often() {
        let mut tally = Tally::default();
        let mut seconds = 0.0;
        for _ in 0..5_000 {
            seconds += 0.5;
            tally.sample(seconds, 7);
        }
        let times: Vec<f64> = tally.over_time.iter().map(|sample| sample.seconds).collect();
        assert!(times.len() <= SAMPLES && times.len() > SAMPLES / 3, "{}", times.len());
        assert!(times.is_sorted());
        let gaps = times.windows(2).map(|pair| pair[1] - pair[0]);
        assert!(gaps.clone().all(|gap| gap <= 2.0 * times[0]), "{times:?}");
        assert_eq!(tally.over_time[0].cases, 7);
    }
}
