//! What a run gave, for people and for programs.
//! Knows what was counted; a page of it is `report`'s.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, bail};
use indicatif::HumanCount;
use serde::Serialize;

use super::Plan;
use super::tally::{Kind, Sample, Tally};
use crate::corpus::Unwritten;
use crate::drift;
use crate::mix::{Mix, SpecCoverage};
use crate::releases::{SCHEMA, Word};
use crate::{plain, report};

/// What a run gave.
#[derive(Serialize)]
pub struct Summary {
    schema: u32,
    command: &'static str,
    pub subject: String,
    /// Whether nothing was found that the register does not say.
    clean: bool,
    /// The shapes, with their shares.
    pub shape: String,
    pub seed: u64,
    pub jobs: u64,
    pub cases: u64,
    /// Compared calls of the export.
    pub calls: u64,
    /// Different components, each kept for some cases.
    pub(super) components: u64,
    pub seconds: f64,
    /// Compared calls per second.
    pub rate: f64,
    counts: BTreeMap<Word, u64>,
    pub(super) kinds: Vec<Kind>,
    /// How the reference's runs ended.
    outcomes: BTreeMap<String, u64>,
    /// Seconds of all jobs together, by step.
    pub time: BTreeMap<&'static str, f64>,
    pub over_time: Vec<Sample>,
    pub(super) mix: BTreeMap<&'static str, Mix>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) spec_coverage: Option<SpecCoverage>,
    /// What another build of the subject showed of the same cases.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drift: Option<drift::Report>,
    /// The command that runs these cases again.
    pub(super) again: String,
    /// Of all cells of the tables, how many were reached, and how many can be.
    #[serde(skip)]
    cells: (u64, u64),
}

impl Summary {
    pub(super) fn new(plan: &Plan, tally: Tally, elapsed: Duration) -> Summary {
        let seconds = elapsed.as_secs_f64();
        let time = tally.timings.named().map(|(name, time)| (name, time.as_secs_f64()));
        let calls = u32::try_from(tally.calls).map_or(f64::INFINITY, f64::from);
        let cells = tally.cells();
        let clean = tally.findings().next().is_none();
        let cases = tally.counts.values().sum();
        Summary {
            schema: SCHEMA,
            command: "run",
            subject: report::build(),
            clean,
            shape: plan.shares.to_string(),
            seed: plan.seed,
            jobs: plan.jobs,
            cases,
            calls: tally.calls,
            components: tally.components,
            seconds,
            rate: calls / seconds,
            time: time.into_iter().collect(),
            again: again(plan, tally.most),
            counts: tally.counts,
            kinds: tally.kinds.into_values().collect(),
            outcomes: tally.outcomes,
            over_time: tally.over_time,
            mix: tally.mix,
            spec_coverage: tally.spec_coverage,
            drift: None,
            cells,
        }
    }

    /// Whether anything was found that the register does not say.
    pub fn has_findings(&self) -> bool {
        !self.clean || self.drift.as_ref().is_some_and(|drift| !drift.is_registered())
    }

    /// An error where a case that was found is in no file.
    pub(super) fn all_written(&self) -> Result<()> {
        let findings = self.kinds.iter().filter_map(|kind| Some(&kind.lost.as_ref()?.case));
        let drifts = self.drift.iter().flat_map(drift::Report::lost);
        match findings.chain(drifts).next() {
            Some(Unwritten { why, .. }) => bail!("{why}: the case was printed instead"),
            None => Ok(()),
        }
    }

    /// The files that findings are in.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.kinds.iter().filter_map(|kind| Some(kind.kept.as_ref()?.path.as_path()))
    }

    /// The tables, those of each shape below its name if they are wanted; those of the specification if they were.
    pub fn tables(&self, of_shapes: bool) -> String {
        let mix = self.mix.iter().filter(|_| of_shapes);
        let mix = mix.map(|(shape, mix)| format!("shape {shape}\n\n{}\n", mix.text()));
        let spec = self.spec_coverage.iter().map(|coverage| coverage.text() + "\n");
        mix.chain(spec).collect::<Vec<_>>().join("\n")
    }

    /// What was found, in one line.
    pub fn verdict(&self) -> String {
        let [cases, calls] = [self.cases, self.calls].map(HumanCount);
        let kinds = self.findings().count();
        let found = match kinds {
            0 => "no findings".to_string(),
            1 => "FOUND one kind of findings".to_string(),
            kinds => format!("FOUND {kinds} kinds of findings"),
        };
        let whole = Duration::from_secs(Duration::from_secs_f64(self.seconds.round()).as_secs());
        let time = match whole.as_secs() {
            0 => format!("{:.1}s", self.seconds),
            _ => humantime::format_duration(whole).to_string(),
        };
        format!("{found}: {cases} cases, {calls} calls in {time} ({:.0} calls/s)", self.rate)
    }

    /// The rest: a line for each sort of verdicts, or, where all is asked for, for each kind.
    pub fn text(&self, verbose: bool) -> String {
        let agree = self.counts.get(&Word::Agree).copied().unwrap_or_default();
        let mut lines: Vec<String> = self.findings().flat_map(finding).collect();
        lines.push(counted("agree", agree, ""));
        let known = |kind: &&Kind| !kind.is_finding && kind.says.starts_with("accepted");
        let open = |kind: &&Kind| !kind.is_finding && !known(kind);
        lines.extend(self.sort("known divergences", &known, verbose));
        lines.extend(self.sort("not decided", &open, verbose));
        let (reached, all) = self.cells;
        let of = format!("of {} cells of the tables", HumanCount(all));
        lines.push(counted("reached", reached, &of));
        if verbose {
            lines.push(counted("components", self.components, ""));
            let time = self.time.iter().map(|(name, seconds)| format!("{name} {seconds:.1} s"));
            lines.push(format!("  time: {}", time.collect::<Vec<_>>().join(", ")));
        }
        lines.push(format!("again: {}", self.again));
        lines.extend(self.drift.iter().map(|drift| format!("\n{}", drift.text())));
        lines.join("\n")
    }

    fn findings(&self) -> impl Iterator<Item = &Kind> {
        self.kinds.iter().filter(|kind| kind.is_finding)
    }

    /// How many verdicts there are of some sort, and of how many kinds; or each of them.
    fn sort(&self, name: &str, is_of: &dyn Fn(&&Kind) -> bool, verbose: bool) -> Vec<String> {
        let kinds: Vec<&Kind> = self.kinds.iter().filter(|kind| is_of(kind)).collect();
        let count = kinds.iter().map(|kind| kind.count).sum();
        let of = match kinds.len() {
            0 => String::new(),
            1 => "of one kind".to_string(),
            kinds => format!("of {kinds} kinds"),
        };
        let listed =
            kinds.into_iter().filter(|_| verbose).map(|Kind { count, says, first, .. }| {
                format!(
                    "    {:>13}  {says}, first after {:.1} s",
                    HumanCount(*count).to_string(),
                    first.seconds
                )
            });
        std::iter::once(counted(name, count, &of)).chain(listed).collect()
    }
}

fn counted(name: &str, count: u64, of: &str) -> String {
    format!("  {name:<17}{:>10}  {of}", HumanCount(count).to_string()).trim_end().to_string()
}

/// A finding: how often it was met, and where its smallest case is.
fn finding(kind: &Kind) -> Vec<String> {
    let count = format!("  {:<5}{}", HumanCount(kind.count).to_string(), kind.says);
    let place = kind.kept.iter().map(|kept| plain::name(&kept.path));
    let lost = kind.lost.iter().map(|lost| format!("not written: {}", lost.case.why));
    std::iter::once(count).chain(place.chain(lost).map(|place| format!("       {place}"))).collect()
}

/// The command that runs at least the same cases.
fn again(plan: &Plan, most: u64) -> String {
    let Plan { shares, seed, jobs, .. } = plan;
    let shape = match shares.to_string().as_str() {
        "all" => String::new(),
        shares => format!(" --shape {shares}"),
    };
    let of_jobs = if *jobs == 1 { String::new() } else { format!(" --jobs {jobs}") };
    let cases = most.saturating_mul(*jobs);
    report::command(&format!("run{shape} --seed {seed}{of_jobs} --cases {cases}"))
}
