//! The command line: what can be asked. Exit codes: 0 agree, 1 findings, 2 bad usage or input.

mod commands;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use canonfuzz::case::CaseKind;
use canonfuzz::component::crash;
use canonfuzz::engine::worker;
use canonfuzz::releases::Against;
use canonfuzz::run::Plan;
use canonfuzz::{Session, plain};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};

// Some five hundred small pieces of memory are taken and given back in each case, on all of a run's threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Finds disagreements between an engine's component-model calls and an independent reading of the
/// Canonical ABI.
///
/// Exit codes: 0 all agree, 1 something was found, 2 bad usage or input.
#[derive(Parser)]
#[command(version = concat!(env!("CARGO_PKG_VERSION"), " (subject: wasmtime ", env!("CANONFUZZ_WASMTIME"), ")"))]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Generate cases and compare, until told to stop
    #[command(
        after_help = "Example:\n  canonfuzz run --shape adapter --for 10m --json summary.json"
    )]
    Run {
        /// The shapes to generate
        #[arg(long, default_value = "lift_lower", value_parser = shape())]
        shape: CaseKind,
        /// Stop after this many cases
        #[arg(long)]
        cases: Option<u64>,
        /// Stop after this time, such as 30s, 10m or 2h
        #[arg(long = "for", value_name = "TIME", value_parser = time)]
        time: Option<Duration>,
        /// Where generation starts; a random one is drawn and printed otherwise
        #[arg(long)]
        seed: Option<u64>,
        /// Threads, each with cases of its own
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=64))]
        jobs: u64,
        /// Also write the summary to this file, as JSON
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
        /// The folder that findings are written to
        #[arg(long, value_name = "FOLDER", default_value = "findings")]
        findings: PathBuf,
        /// Also print which points of the Canonical ABI the reference came to, and which never
        #[arg(long)]
        spec_coverage: bool,
        /// Run the same cases on this release of Wasmtime, too, or on the checkout of it at this path, built by
        /// scripts/subject, and tell what only one of the two shows
        #[arg(long, value_name = "RELEASE")]
        against: Option<String>,
        #[command(flatten)]
        isolation: Isolation,
    },
    /// Check cases again: text cases, encoded cases, fuzzing artifacts, folders of them
    #[command(after_help = "Example:\n  canonfuzz replay corpus/strings")]
    Replay {
        #[arg(required = true)]
        paths: Vec<PathBuf>,
        /// Rewrite text cases: canonical form, and what the reference says
        #[arg(long)]
        bless: bool,
        /// Also write the verdicts to this file, as JSON
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
        /// Replay on each of these releases of Wasmtime, built by scripts/subject, and compare them
        #[arg(long, value_name = "A,B,C", value_delimiter = ',', conflicts_with = "bless")]
        subjects: Vec<String>,
        /// Compile what guests have in common apart, once for all cases, as `run` and the fuzz targets do
        #[arg(long, conflicts_with_all = ["bless", "subjects", "isolate"])]
        import_puppets: bool,
        /// Also print which points of the Canonical ABI the reference came to, and which never
        #[arg(long, conflicts_with = "subjects")]
        spec_coverage: bool,
        /// Replay on this release of Wasmtime, too, or on the checkout of it at this path, built by
        /// scripts/subject, and tell what only one of the two shows
        #[arg(long, value_name = "RELEASE", conflicts_with_all = ["bless", "subjects"])]
        against: Option<String>,
        #[command(flatten)]
        isolation: Isolation,
    },
    /// Make a case that does not agree smaller, as long as its verdict is of the same kind
    #[command(after_help = "Example:
  canonfuzz shrink corpus/known/adapter-wide-tag-at-bit-31.toml -o smaller.toml

A case is smaller that has fewer, in this order:
  1. guests and resources
  2. types
  3. members of types without a type of their own, letters of names
  4. calls
  5. acts: steps, actions of realloc, traps, patches and raw data, drops
  6. values, characters, bytes
  7. options, choices of the configuration and of the way in
  8. numbers, by their sum; characters and types by how plain they are
Nothing is drawn: the same case becomes the same smaller one. Ctrl-C ends it and writes the smallest so far.
The subject runs in a process of its own, so that it may crash.")]
    Shrink {
        case: PathBuf,
        /// Where the smaller case is written, as text
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        #[command(flatten)]
        isolation: Isolation,
    },
    /// Explain a case: where both sides part, by which rule, where its values lie; as text or as a page
    Show(commands::show::Arguments),
    /// Plant faults in the reference, leave out its checks, and count the cases that find each
    #[command(after_help = "Example:\n  canonfuzz planted --shape adapter --seed 7")]
    Planted {
        /// The shapes to generate
        #[arg(long, default_value = "lift_lower", value_parser = shape())]
        shape: CaseKind,
        /// Give up after this many cases
        #[arg(long, default_value_t = 10_000)]
        cases: u64,
        /// Where generation starts; with --shrunk several, such as 1,2,3
        #[arg(long, default_value = "1", value_delimiter = ',', value_name = "SEED")]
        seed: Vec<u64>,
        /// Shrink the first case that shows each, and write what is left to this folder
        #[arg(long, value_name = "FOLDER")]
        shrunk: Option<PathBuf>,
    },
    /// Check the reference against vectors of the executable specification
    #[command(
        after_help = "Example:\n  canonfuzz vectors src/canonical-abi/tests/vectors/vectors.jsonl"
    )]
    Vectors {
        file: PathBuf,
        /// Leave out each check of the reference instead, and count the vectors that notice
        #[arg(long)]
        unchecked: bool,
    },
    /// Run scripts of the component model's reference tests: files, folders of them
    #[command(after_help = "Example:\n  canonfuzz wast src/component/tests/wast --on reference")]
    Wast(commands::wast::Arguments),
    /// Run a component from anywhere on both engines, with generated values, and compare
    #[command(
        after_help = "Example:\n  canonfuzz diff corpus/known/component-calls-itself.wat --rounds 10"
    )]
    Diff(commands::diff::Arguments),
    /// Write a case as a file that stands on its own: a script, a component, …
    Export {
        #[command(flatten)]
        arguments: commands::export::Arguments,
        #[command(flatten)]
        isolation: Isolation,
    },
    /// Write cases as fuzzers begin with them: encoded, in a folder for each fuzz target
    #[command(after_help = "Example:
  canonfuzz seeds corpus -o fuzz/corpus

Left out is what a target would not keep, such as what the subject does not support, and what would end it.")]
    Seeds {
        /// Cases, as text or encoded; folders of them
        #[arg(required = true)]
        cases: Vec<PathBuf>,
        /// The folder that they are written below
        #[arg(short, long, value_name = "FOLDER")]
        output: PathBuf,
        #[command(flatten)]
        isolation: Isolation,
    },
    /// Run cases from the standard input, for another process of this program
    #[command(name = worker::COMMAND, hide = true)]
    Worker {
        /// Only tell which build of the subject this is
        #[arg(long)]
        about: bool,
    },
}

/// Where the subject runs.
#[derive(Args)]
struct Isolation {
    /// Run the subject in a process of its own, where a crash or a hang ends only that: always, never,
    /// or for releases that are known to crash
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto", default_missing_value = "always",
        num_args = 0..=1, require_equals = true)]
    isolate: Isolate,
    /// How long an isolated subject may take for one case
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = time)]
    case_limit: Duration,
}

#[derive(Clone, Copy, ValueEnum)]
enum Isolate {
    Auto,
    Always,
    Never,
}

impl Isolation {
    /// The time that an isolated subject has; nothing where it is not to be isolated.
    fn limit(&self) -> anyhow::Result<Option<Duration>> {
        let isolated = match self.isolate {
            Isolate::Auto => canonfuzz::subject_crashes()?,
            Isolate::Always => true,
            Isolate::Never => false,
        };
        Ok(isolated.then_some(self.case_limit))
    }

    /// Another build of the subject, if one is wanted.
    fn against(&self, subject: Option<&str>) -> anyhow::Result<Option<Against>> {
        subject.map(|subject| Against::new(subject, self.case_limit)).transpose()
    }

    /// The same for a command that is about one case, or those near it: it may crash whatever the release.
    fn limit_unless_never(&self) -> Option<Duration> {
        match self.isolate {
            Isolate::Auto | Isolate::Always => Some(self.case_limit),
            Isolate::Never => None,
        }
    }
}

fn main() -> ExitCode {
    crash::install_hook();
    let done = match arguments().command {
        Command::Run {
            shape,
            cases,
            time,
            seed,
            jobs,
            json,
            findings,
            spec_coverage,
            against,
            isolation,
        } => {
            let seed = seed.unwrap_or_else(random_seed);
            isolation.limit().and_then(|isolated| {
                let (kind, against) = (shape, isolation.against(against.as_deref())?);
                let plan = Plan {
                    kind,
                    seed,
                    jobs,
                    cases,
                    time,
                    findings,
                    spec_coverage,
                    isolated,
                    against,
                };
                commands::run(&plan, json.as_deref())
            })
        }
        Command::Replay {
            paths,
            bless,
            json,
            subjects,
            import_puppets,
            spec_coverage,
            against,
            isolation,
        } if subjects.is_empty() => {
            let session = if import_puppets {
                Session::importing()
            } else {
                isolation.limit().and_then(Session::maybe_isolated)
            };
            session.and_then(|session| {
                let against = isolation.against(against.as_deref())?;
                let (against, json) = (against.as_ref(), json.as_deref());
                let how = commands::Replay { bless, spec_coverage, against, json };
                commands::replay(session, &paths, &how)
            })
        }
        Command::Replay { paths, json, subjects, .. } => {
            commands::replay_on(&paths, &subjects, json.as_deref())
        }
        Command::Shrink { case, output, isolation } => {
            commands::shrink(&case, &output, isolation.limit_unless_never())
        }
        Command::Show(arguments) => commands::show::run(&arguments),
        Command::Planted { shape, cases, seed, shrunk: Some(folder) } => {
            commands::planted::shrunk(shape, &seed, cases, &folder)
        }
        Command::Planted { shape, cases, seed, shrunk: None } => {
            commands::planted::run(shape, &seed, cases)
        }
        Command::Vectors { file, unchecked: false } => commands::vectors(&file),
        Command::Vectors { file, unchecked: true } => commands::unchecked_vectors(&file),
        Command::Wast(arguments) => commands::wast::run(&arguments),
        Command::Diff(arguments) => commands::diff::run(&arguments),
        Command::Export { arguments, isolation } => {
            commands::export::run(&arguments, isolation.limit_unless_never())
        }
        Command::Seeds { cases, output, isolation } => {
            commands::seeds::run(&cases, &output, isolation.limit_unless_never())
        }
        Command::Worker { about } => commands::worker(about),
    };
    let output = commands::output_error().map_or(Ok(()), |error| {
        Err(anyhow::anyhow!("cannot write to the standard output: {error}"))
    });
    match done.and_then(|agrees| output.map(|()| agrees)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            complain(&format!("canonfuzz: {}", cut(&plain::line(&format!("{error:#}")))));
            ExitCode::from(2)
        }
    }
}

/// What was asked. A complaint about it quotes it, so that it may hold what a terminal would obey.
fn arguments() -> Arguments {
    let error = match Arguments::try_parse() {
        Ok(arguments) => return arguments,
        Err(error) => error,
    };
    let said = error.to_string();
    if plain::lines(&said) == said || !error.use_stderr() {
        error.exit();
    }
    complain(plain::lines(&said).trim_end());
    std::process::exit(error.exit_code());
}

/// Nobody may be there to hear it.
fn complain(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// An error without most of what it quotes, where that is long.
fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST_ERROR) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_string(),
    }
}

/// Characters of an error.
const LONGEST_ERROR: usize = 2_000;

/// `lift_lower` (one guest and the host), `adapter` (guests that call one another), `typed` (one guest, by
/// static types) or `misuse` (a host that makes mistakes).
fn shape() -> impl TypedValueParser<Value = CaseKind> {
    let names = CaseKind::ALL.map(CaseKind::name);
    PossibleValuesParser::new(names).map(|name| CaseKind::named(&name).expect("one of them"))
}

fn time(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "s" | "" => 1,
        "m" => 60,
        "h" => 3600,
        unit => return Err(format!("`{unit}` is no unit: use s, m or h")),
    };
    let count: u64 = digits.parse().map_err(|_| "not a whole number of s, m or h".to_string())?;
    count.checked_mul(unit).map(Duration::from_secs).ok_or_else(|| "too long".to_string())
}

fn random_seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    // Small enough to be typed again.
    RandomState::new().hash_one(0) % 1_000_000_000
}
