//! The register: which deviations of which releases are known and accepted, and why.
//! Knows the file's form; whether an entry is true is for a replay to find out.

use std::fmt;

use anyhow::{Context, Result, anyhow};
use serde::Deserialize;

use crate::abi::{Deviation, Deviations};
use crate::case::Tuning;
use crate::case::paths::{Mode, Path, Paths};

/// The register that this program was built with.
const COMMITTED: &str = include_str!("../../corpus/divergences.toml");

/// All accepted divergences.
#[derive(Clone, Debug, Default)]
pub struct Register {
    pub divergences: Vec<Divergence>,
}

/// One accepted divergence.
#[derive(Clone, Debug)]
pub struct Divergence {
    /// How the reference would have to be wrong to do the same.
    pub deviation: Deviation,
    /// The releases of Wasmtime that have it.
    pub versions: Versions,
    /// Whether it takes concurrency support to be on or off.
    pub concurrency: Option<bool>,
    /// Whether it takes calls to be queued, as those are that the host awaits where calls may be
    /// concurrent.
    pub queued: Option<bool>,
    /// Whether it takes calls that the host awaits.
    pub awaited: Option<bool>,
    /// Whether it takes a host that is passed handles as the engine's values of any resource, or as values
    /// of one type for each.
    pub any_handles: Option<bool>,
    /// Whether it takes the subject to be built with debug assertions or without.
    pub assertions: Option<bool>,
    pub reason: String,
    /// Where it was reported, or `unreported`.
    pub link: String,
    /// The case below `corpus/` that shows it.
    pub case: String,
}

/// A build of the subject, as far as the register asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Build {
    pub version: semver::Version,
    /// Whether it has debug assertions: profiles set them for all crates alike.
    pub assertions: bool,
}

impl Build {
    pub fn of(version: &str, assertions: bool) -> Result<Build> {
        let read = semver::Version::parse(version);
        let version = read.with_context(|| format!("`{version}` is no release"))?;
        Ok(Build { version, assertions })
    }
}

impl fmt::Display for Build {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let asserting = if self.assertions { " with debug assertions" } else { "" };
        write!(f, "wasmtime {}{asserting}", self.version)
    }
}

/// How a subject is configured and called, as far as the register asks.
#[derive(Clone, Copy, Debug)]
pub struct Situation {
    pub tuning: Tuning,
    pub paths: Paths,
    /// Whether the host is passed handles as the engine's values of any resource.
    pub any_handles: bool,
}

impl Situation {
    /// Of a subject for components from anywhere.
    pub const OF_ANY: Situation = Situation {
        tuning: Tuning { moving_memory: true, concurrency: true, ..Tuning::PLAIN },
        paths: Paths { call: Path { mode: Mode::Async, ..Path::PLAIN }, ..Paths::PLAIN },
        any_handles: true,
    };
}

/// Ranges of releases, any of which may match.
#[derive(Clone, Debug)]
pub struct Versions(Vec<semver::VersionReq>);

impl Versions {
    /// Reads ranges as Cargo has them, with `||` between them.
    fn parse(text: &str) -> Result<Versions, semver::Error> {
        text.split("||").map(semver::VersionReq::parse).collect::<Result<_, _>>().map(Versions)
    }

    /// Whether a release is among them. What is on the way to one counts as that one.
    pub fn matches(&self, version: &semver::Version) -> bool {
        let release = semver::Version::new(version.major, version.minor, version.patch);
        self.0.iter().any(|range| range.matches(&release))
    }
}

impl fmt::Display for Versions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ranges: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&ranges.join(" || "))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    divergence: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    deviation: String,
    versions: String,
    concurrency: Option<bool>,
    queued: Option<bool>,
    awaited: Option<bool>,
    any_handles: Option<bool>,
    assertions: Option<bool>,
    reason: String,
    link: String,
    case: String,
}

impl Register {
    /// The register in `corpus/divergences.toml`.
    pub fn committed() -> Result<Register> {
        Register::parse(COMMITTED).context("corpus/divergences.toml")
    }

    /// Reads a register's text.
    pub fn parse(text: &str) -> Result<Register> {
        let file: File = toml::from_str(text).map_err(|error| {
            let before = error.span().map_or(0, |span| text[..span.start].matches('\n').count());
            anyhow!("line {}: {}", before + 1, error.message())
        })?;
        let divergences = file.divergence.into_iter().map(Entry::read).collect::<Result<_>>()?;
        Ok(Register { divergences })
    }

    /// The deviations to expect of this build, so configured.
    pub fn deviations(&self, build: &Build, situation: Situation) -> Deviations {
        let expected = self.divergences.iter().filter(|one| one.applies(build, situation));
        expected.map(|divergence| divergence.deviation).collect()
    }
}

impl Register {
    /// Whether this release is known to crash its host.
    pub fn crashes(&self, version: &semver::Version) -> bool {
        let known = |divergence: &&Divergence| divergence.versions.matches(version);
        self.divergences.iter().filter(known).any(|divergence| divergence.deviation.crashes())
    }
}

impl Divergence {
    /// Whether this build, so configured and called, has it.
    pub fn applies(&self, build: &Build, situation: Situation) -> bool {
        let Situation { tuning, paths, any_handles } = situation;
        let awaited = paths.call.mode != Mode::Sync;
        let queued = tuning.concurrency && awaited;
        self.versions.matches(&build.version)
            && self.queued.is_none_or(|wanted| wanted == queued)
            && self.awaited.is_none_or(|wanted| wanted == awaited)
            && self.concurrency.is_none_or(|concurrency| concurrency == tuning.concurrency)
            && self.any_handles.is_none_or(|wanted| wanted == any_handles)
            && self.assertions.is_none_or(|assertions| assertions == build.assertions)
    }
}

impl Entry {
    fn read(self) -> Result<Divergence> {
        let deviation = Deviation::named(&self.deviation)
            .filter(|deviation| deviation.is_registrable())
            .ok_or_else(|| anyhow!("no engine is known to deviate by `{}`", self.deviation))?;
        let versions = Versions::parse(&self.versions)
            .with_context(|| format!("versions of `{}`", self.deviation))?;
        let Entry { concurrency, queued, awaited, any_handles, assertions, .. } = self;
        let Entry { reason, link, case, .. } = self;
        Ok(Divergence {
            deviation,
            versions,
            concurrency,
            queued,
            awaited,
            any_handles,
            assertions,
            reason,
            link,
            case,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(ranges: &str, version: &str, expected: bool) {
        let build = Build::of(version, false).unwrap();
        assert_eq!(Versions::parse(ranges).unwrap().matches(&build.version), expected);
    }

    #[test]
    fn ranges_have_what_is_on_the_way_to_a_release() {
        check(">=49", "49.0.0-dev", true);
        check("<49", "49.0.0-dev", false);
        check("<44 || >=50", "50.0.0-dev", true);
        check(">=44, <50", "50.0.0-dev", false);
        check("=48.0.8", "48.0.8", true);
    }
}
