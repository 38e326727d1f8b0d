//! Two builds of the subject on the same cases: which kinds one of them shows and the other does not.
//! Knows what was judged of each case, and nothing of how cases come about.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::{Serialize, Serializer};

use crate::abi::Deviation;
use crate::case::Case;
use crate::case::bytes::encode;
use crate::corpus::{self, Unwritten};
use crate::generate::{Size, size};
use crate::observation::Observation;
use crate::oracle::Verdict;
use crate::oracle::register::{Build, Register};
use crate::session::{Checked, Other, Session, own_build, situation};
use crate::{files, plain, report};

/// What was seen so far.
#[derive(Clone)]
pub struct Drift {
    /// The build that this program was made with, and the other one.
    builds: [Build; 2],
    /// What they are called: the same release may be there twice, once changed.
    names: [String; 2],
    /// Cases of which something could be said on both.
    compared: u64,
    /// What one build shows, by its position, and the other does not.
    kinds: BTreeMap<(usize, Kind), Found>,
}

/// Something that a build does otherwise than the reference.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Registered(Deviation),
    /// What kind of difference it is, in words.
    Unregistered(String),
}

/// How often a kind was found on one of the two builds only, and the smallest case of it.
#[derive(Clone)]
struct Found {
    count: u64,
    size: Size,
    case: Case,
    /// Where the case is, if it is in a file.
    path: Option<PathBuf>,
    observed: Observation,
    /// What is to be said of the other build on that case.
    others: Verdict,
}

/// What two builds differ in, for people and for scripts.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub subject: String,
    pub against: String,
    pub compared: u64,
    pub kinds: Vec<Row>,
}

/// A kind that only one of the builds shows.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    pub only_on: String,
    pub kind: String,
    pub count: u64,
    /// With which of the builds the reference agrees.
    pub reference: String,
    /// Whether the register says so already.
    pub registered: bool,
    /// What it says, or would have to say.
    pub register: String,
    /// The smallest case.
    pub case: Smallest,
}

/// Where the smallest case of a kind is.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Smallest {
    #[serde(serialize_with = "named")]
    In(PathBuf),
    /// It is here, for it could not be written.
    Lost(Unwritten),
}

fn named<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&plain::name(path))
}

impl Drift {
    /// Between this build and another one, if there is one.
    pub fn beside(other: Option<&Other>) -> Result<Option<Drift>> {
        other.map(|other| Ok(Drift::new(own_build()?, other))).transpose()
    }

    fn new(own: Build, other: &Other) -> Drift {
        let names = match own == other.build {
            true => [format!("{own} here"), format!("{} of {}", other.build, other.name)],
            false => [own.to_string(), other.build.to_string()],
        };
        let builds = [own, other.build.clone()];
        Drift { builds, names, compared: 0, kinds: BTreeMap::new() }
    }

    /// Counts a case, which may be in a file.
    pub fn add(&mut self, case: &Case, checked: &Checked, path: Option<&Path>) {
        let Some((other, seen)) = &checked.other else { return };
        let sides = [(&checked.verdict, &checked.observed), (other, seen)];
        let [Some(here), Some(there)] = sides.map(|(verdict, _)| kinds(verdict)) else { return };
        self.compared += 1;
        let only = [here.difference(&there).cloned(), there.difference(&here).cloned()];
        for (position, kinds) in only.into_iter().enumerate() {
            let (_, observed) = sides[position];
            let (others, _) = sides[1 - position];
            for kind in kinds {
                let path = path.map(Path::to_path_buf);
                let (count, size, case) = (1, size(case), case.clone());
                let (observed, others) = (observed.clone(), others.clone());
                let found = Found { count, size, case, path, observed, others };
                self.count((position, kind), found);
            }
        }
    }

    /// Adds what was seen elsewhere.
    pub fn merge(&mut self, other: Drift) {
        self.compared += other.compared;
        other.kinds.into_iter().for_each(|(kind, found)| self.count(kind, found));
    }

    fn count(&mut self, kind: (usize, Kind), found: Found) {
        let Some(before) = self.kinds.get_mut(&kind) else {
            self.kinds.insert(kind, found);
            return;
        };
        let count = before.count + found.count;
        // Of two of one size, whatever the jobs' pace, the same one is kept.
        let order = found.size.cmp(&before.size);
        if order.then_with(|| encode(&found.case).cmp(&encode(&before.case))).is_lt() {
            *before = found;
        }
        before.count = count;
    }

    /// What is to be told of it. Cases that are in no file are written to this folder, or are in the report.
    pub fn report(&self, folder: &Path) -> Result<Report> {
        let (mut session, register) = (Session::new()?, Register::committed()?);
        let kinds = self.kinds.iter().map(|((position, kind), found)| {
            let [build, other] = [*position, 1 - position].map(|position| &self.builds[position]);
            let name = &self.names[1 - position];
            let told = match kind {
                Kind::Registered(deviation) => {
                    registered(&mut session, &register, *deviation, found, [build, other])?
                }
                Kind::Unregistered(_) => unregistered(&mut session, found, build)?,
            };
            Ok(Row {
                only_on: self.names[*position].clone(),
                kind: kind.name().to_string(),
                count: found.count,
                reference: right(found, name),
                registered: told.is_true,
                register: told.says,
                case: smallest(found, kind, build, folder),
            })
        });
        let [subject, against] = self.names.clone();
        let kinds = kinds.collect::<Result<_>>()?;
        Ok(Report { subject, against, compared: self.compared, kinds })
    }
}

impl Kind {
    fn name(&self) -> &str {
        match self {
            Kind::Registered(deviation) => deviation.name(),
            Kind::Unregistered(class) => class,
        }
    }
}

/// What a build does otherwise than the reference; nothing, where that cannot be said.
fn kinds(verdict: &Verdict) -> Option<BTreeSet<Kind>> {
    match verdict {
        Verdict::Agree => Some(BTreeSet::new()),
        Verdict::Accepted(deviations) => {
            Some(deviations.iter().copied().map(Kind::Registered).collect())
        }
        Verdict::Disagree(difference) => {
            Some(BTreeSet::from([Kind::Unregistered(report::class(difference))]))
        }
        Verdict::Inconclusive(_) | Verdict::Unsupported(_) => None,
    }
}

/// The reference's word on who is right.
fn right(found: &Found, other: &str) -> String {
    if found.others == Verdict::Agree {
        return format!("agrees with {other}");
    }
    format!("agrees with neither: {other} has {}", report::verdict(&found.others))
}

/// What the register says of a kind, or would have to say.
struct Told {
    is_true: bool,
    says: String,
}

/// What the register says of a deviation that the first of these builds shows.
fn registered(
    session: &mut Session,
    register: &Register,
    deviation: Deviation,
    found: &Found,
    [build, other]: [&Build; 2],
) -> Result<Told> {
    let situation = situation(&found.case);
    let rows = register.divergences.iter().filter(|row| row.deviation == deviation);
    let row = rows.into_iter().find(|row| row.applies(build, situation));
    let row = row.expect("what was accepted is registered");
    let says = format!("registered for {}: {} ({})", row.versions, row.reason, row.link);
    let others = register.deviations(other, situation);
    if !others.contains(deviation) {
        return Ok(Told { is_true: true, says });
    }
    // By all that is registered for it, the other build may have gone another way before.
    let comes_to_it = session.read(&found.case, others)?.taken.contains(deviation);
    let why = if comes_to_it { "does not show it here" } else { "does not come to it here" };
    let says = format!("registered for {other}, too, which {why}. {says}");
    Ok(Told { is_true: !comes_to_it, says })
}

fn unregistered(session: &mut Session, found: &Found, build: &Build) -> Result<Told> {
    let deviation = session.explanation(&found.case, build, &found.observed)?;
    let version = &build.version;
    let new = format!("it takes a new deviation, with `versions = \"={version}\"` for the moment");
    let says = match deviation {
        Some(deviation) if deviation.is_registrable() => format!(
            "not registered, but `{deviation}` explains it exactly: its range would have to have {version}"
        ),
        Some(deviation) => {
            format!(
                "not registered; it is exactly the fault `{deviation}`, which is planted: {new}"
            )
        }
        None => format!("not registered, and no deviation that is known explains it: {new}"),
    };
    Ok(Told { is_true: false, says })
}

fn smallest(found: &Found, kind: &Kind, build: &Build, folder: &Path) -> Smallest {
    let path = found.path.clone().map_or_else(|| write(found, kind, build, folder), Ok);
    path.map_or_else(|why| Smallest::Lost(Unwritten::new(&found.case, &why)), Smallest::In)
}

fn write(found: &Found, kind: &Kind, build: &Build, folder: &Path) -> Result<PathBuf> {
    let name = corpus::file_name(&format!("only on {} {}", build.version, kind.name()));
    let mut file = corpus::unexplained(found.case.clone());
    file.story = Some(format!("Found by `canonfuzz run --against`, only on {build}."));
    files::write_new(corpus::names(folder, &name), corpus::printed(&file)?.as_bytes())
}

impl Report {
    /// Whether the register tells of all that differs.
    pub fn is_registered(&self) -> bool {
        self.kinds.iter().all(|row| row.registered)
    }

    /// What could not be written.
    pub fn lost(&self) -> impl Iterator<Item = &Unwritten> {
        self.kinds.iter().filter_map(|row| match &row.case {
            Smallest::In(_) => None,
            Smallest::Lost(case) => Some(case),
        })
    }

    /// The report for people.
    pub fn text(&self) -> String {
        let Report { subject, against, compared, kinds } = self;
        let count = match kinds.len() {
            0 => "no kind that only one of them shows".to_string(),
            1 => "one kind that only one of them shows".to_string(),
            count => format!("{count} kinds that only one of them shows"),
        };
        let mut lines = vec![format!("{subject} against {against}: {compared} cases, {count}")];
        for row in kinds {
            lines.push(format!("  only on {}: {}, {} times", row.only_on, row.kind, row.count));
            lines.push(format!("    reference  {}", row.reference));
            lines.push(format!("    register   {}", row.register));
            let smallest = match &row.case {
                Smallest::In(path) => plain::name(path),
                Smallest::Lost(case) => case.text(&row.kind),
            };
            lines.push(format!("    smallest   {smallest}"));
        }
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::Deviations;
    use crate::encode::Puppets;
    use crate::oracle;

    const CASE: &str = "corpus/known/string-at-an-odd-address.toml";
    const DEVIATION: Deviation = Deviation::StringAlignmentUnchecked;

    /// What is said of a build that makes the deviation or not.
    fn judged(session: &mut Session, case: &Case, build: &Build, deviations: bool) -> Checked {
        let shown = deviations.then_some(DEVIATION).into_iter().collect();
        let expected = session.read(case, Deviations::NONE).unwrap();
        let observed = session.read(case, shown).unwrap().observation;
        let registered = Register::committed().unwrap().deviations(build, situation(case));
        let again = |deviations| session.read(case, deviations).unwrap();
        let verdict = oracle::judge(&expected, &observed, registered, again);
        let prepared = session.prepare(case).unwrap();
        let puppets = Puppets::Contained;
        Checked { verdict, expected, observed, prepared, puppets, other: None }
    }

    /// What there is between 48.0.8 and 42.0.2, which make a deviation or not: in a case that is in this file, or
    /// in none.
    fn drift(deviations: [bool; 2], path: Option<&Path>) -> Drift {
        drift_between(["48.0.8", "42.0.2"], deviations, path)
    }

    /// The same between two other releases.
    fn drift_between(versions: [&str; 2], deviations: [bool; 2], path: Option<&Path>) -> Drift {
        let builds = versions.map(|version| Build::of(version, false).unwrap());
        let case = corpus::load(Path::new(CASE)).unwrap().file.case;
        let mut session = Session::new().unwrap();
        let [own, other] =
            [0, 1].map(|i: usize| judged(&mut session, &case, &builds[i], deviations[i]));
        let own = Checked { other: Some((other.verdict, other.observed)), ..own };
        let names = builds.each_ref().map(ToString::to_string);
        let mut drift = Drift { builds, names, compared: 0, kinds: BTreeMap::new() };
        drift.add(&case, &own, path);
        drift
    }

    /// Which of them make a deviation that is registered up to 43, and what is to be told of it: on which, whether the
    /// register says so, and a part of what it says.
    #[track_caller]
    fn check(deviations: [bool; 2], expected: &[(&str, bool, &str)]) {
        let mut drift = drift(deviations, None);
        drift.merge(self::drift(deviations, Some(Path::new(CASE))));
        let folder = tempfile::tempdir().unwrap();
        let report = drift.report(folder.path()).unwrap();
        assert_eq!(report.kinds.len(), expected.len(), "{}", report.text());
        for (row, (only_on, registered, says)) in report.kinds.iter().zip(expected) {
            assert_eq!(
                (row.only_on.as_str(), row.registered, row.count),
                (*only_on, *registered, 2)
            );
            assert!(row.register.contains(says), "{}", report.text());
            assert!(matches!(&row.case, Smallest::In(path) if path.is_file()), "{row:?}");
        }
    }

    #[test]
    fn what_only_one_build_shows_is_told_with_what_the_register_has_to_say() {
        let old = ("wasmtime 42.0.2", true, "registered for <44");
        let new = (
            "wasmtime 48.0.8",
            false,
            "`string-alignment-unchecked` explains it exactly: its range would have to have 48.0.8",
        );
        check([false, true], &[old]);
        check([true, false], &[new]);
        check([true, true], &[new, old]);
        check([false, false], &[]);
    }

    /// Two releases for which the deviation is registered, of which only the first shows it, in a case with these
    /// two: whether the register tells of that.
    #[track_caller]
    fn check_both_registered(case: &str, expected: (bool, &str)) {
        let mut drift = drift_between(["41.0.4", "42.0.2"], [true, false], None);
        let found = drift.kinds.values_mut().next().unwrap();
        found.case = corpus::load(Path::new(case)).unwrap().file.case;
        let report = drift.report(tempfile::tempdir().unwrap().path()).unwrap();
        let [row] = &report.kinds[..] else { panic!("{}", report.text()) };
        assert_eq!(row.registered, expected.0, "{}", report.text());
        assert!(row.register.contains(expected.1), "{}", report.text());
    }

    #[test]
    fn a_build_that_went_another_way_is_told_from_one_that_is_registered_wrongly() {
        check_both_registered(
            CASE,
            (false, "registered for wasmtime 42.0.2, too, which does not show it"),
        );
        check_both_registered(
            "corpus/known/reentry.toml",
            (true, "which does not come to it here"),
        );
    }

    #[test]
    fn a_case_that_cannot_be_written_is_told_and_hides_no_other() {
        let report = drift([true, true], None).report(Path::new("/dev/null/x")).unwrap();
        assert_eq!((report.kinds.len(), report.lost().count()), (2, 2));
        let printed = corpus::in_hex(&corpus::load(Path::new(CASE)).unwrap().file.case);
        let text = report.text();
        assert_eq!(
            text.matches("smallest   cannot write /dev/null/x/only-on-").count(),
            2,
            "{text}"
        );
        assert_eq!(text.lines().filter(|line| *line == printed).count(), 2, "{text}");
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["kinds"][0]["case"]["case"], printed);
    }

    #[cfg(unix)]
    #[test]
    fn any_name_of_a_file_can_be_in_the_report() {
        use std::os::unix::ffi::OsStrExt;
        let path = Path::new(std::ffi::OsStr::from_bytes(b"not-\xff.toml"));
        let report = drift([false, true], Some(path)).report(Path::new("/dev/null/x")).unwrap();
        assert_eq!(serde_json::to_value(&report).unwrap()["kinds"][0]["case"], "not-\\xff.toml");
    }
}
