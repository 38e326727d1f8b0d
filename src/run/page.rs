//! The page of a run, from its summary.
//! Knows what was counted; how it looks is `report`'s.

use anyhow::Result;
use indicatif::HumanCount;

use super::Summary;
use super::tally::{Kind, Sample};
use crate::oracle::register::{Build, Register};
use crate::plain;
use crate::report::html::{self, Curve};
use crate::session::own_build;

impl Summary {
    /// All of it as one page that loads nothing.
    pub fn page(&self) -> Result<String> {
        let (register, build) = (Register::committed()?, own_build()?);
        let mut kinds: Vec<&Kind> = self.kinds.iter().collect();
        kinds.sort_by_key(|kind| (!kind.is_finding, std::cmp::Reverse(kind.count)));
        let tables = self.mix.iter();
        let tables = tables.map(|(shape, mix)| ((*shape).to_string(), mix.cells(), mix.tables()));
        let mut tables: Vec<_> = tables.collect();
        if let Some(coverage) = &self.spec_coverage {
            tables.push((
                "points of the Canonical ABI".to_string(),
                coverage.cells(),
                vec![coverage.table()],
            ));
        }
        Ok(html::run(&html::Page {
            verdict: self.verdict(),
            is_clean: !self.has_findings(),
            facts: self.facts(),
            kinds: kinds.into_iter().map(|kind| told(kind, &register, &build)).collect(),
            curves: curves(&self.over_time),
            tables,
        }))
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        let mut facts = vec![
            ("Subject", self.subject.clone()),
            ("Shapes", self.shape.clone()),
            ("Seed", self.seed.to_string()),
            ("Components", HumanCount(self.components).to_string()),
            ("Again", self.again.clone()),
        ];
        facts.extend(self.drift.as_ref().map(|drift| ("Against", drift.text())));
        facts
    }
}

fn told<'a>(kind: &'a Kind, register: &Register, build: &Build) -> html::Kind<'a> {
    let of = |deviation| {
        let mut entries = register.divergences.iter();
        entries.find(|one| one.deviation == deviation && one.versions.matches(&build.version))
    };
    let reasons =
        kind.deviations.iter().filter_map(|deviation| Some(of(*deviation)?.reason.clone()));
    let kept = kind.kept.as_ref();
    html::Kind {
        says: &kind.says,
        count: kind.count,
        first: format!("{:.1} s, {}", kind.first.seconds, kind.first.shape),
        reasons: reasons.collect(),
        explained: kept.and_then(|kept| kept.explained.as_deref()),
        case: kept.map(|kept| plain::name(&kept.path)),
    }
}

fn curves(samples: &[Sample]) -> Vec<Curve> {
    let curve = |title: &str, points: Vec<(f64, f64)>| Curve { title: title.to_string(), points };
    let count = |value: fn(&Sample) -> u64| {
        let point = |sample: &Sample| (sample.seconds, float(value(sample)));
        std::iter::once((0.0, 0.0)).chain(samples.iter().map(point)).collect()
    };
    let rates = samples.windows(2).map(|pair| {
        let [before, after] = [pair[0], pair[1]];
        let passed = (after.seconds - before.seconds).max(0.001);
        (after.seconds, float(after.calls.saturating_sub(before.calls)) / passed)
    });
    vec![
        curve("Compared calls per second", rates.collect()),
        curve("Cells reached", count(|sample| sample.cells)),
        curve("Kinds of differences met", count(|sample| sample.kinds)),
    ]
}

fn float(count: u64) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}
