//! The command line: what can be asked. Exit codes: 0 agree, 1 findings, 2 bad usage or input.

mod commands;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use canonfuzz::case::CaseKind;
use canonfuzz::component::crash;
use canonfuzz::engine::worker;
use canonfuzz::plain;
use canonfuzz::releases::Against;
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
    #[command(flatten)]
    color: colorchoice_clap::Color,
}

#[derive(Subcommand)]
enum Command {
    /// Generate cases and compare, until told to stop
    Run(commands::run::Arguments),
    /// Check cases again: text cases, encoded cases, fuzzing artifacts, folders of them
    Replay(commands::replay::Arguments),
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
    /// Print a script that completes this program's command lines in a shell
    #[command(after_help = "Example:
  canonfuzz completions bash > ~/.local/share/bash-completion/completions/canonfuzz")]
    Completions { shell: clap_complete::Shell },
    /// Write the manual, a page for each command, to a folder
    #[command(after_help = "Example:\n  canonfuzz man ~/.local/share/man/man1")]
    Man { folder: PathBuf },
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
    #[arg(long, value_name = "TIME", default_value = "30s",
        value_parser = humantime::parse_duration)]
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
    let Arguments { command, color } = arguments();
    color.write_global();
    let done = match command {
        Command::Run(arguments) => commands::run::run(&arguments),
        Command::Replay(arguments) => commands::replay::run(&arguments),
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
        Command::Completions { shell } => commands::shell::completions(shell),
        Command::Man { folder } => commands::shell::man(&folder),
        Command::Worker { about } => commands::worker(about),
    };
    let output = commands::output_error().map_or(Ok(()), |error| {
        Err(anyhow::anyhow!("cannot write to the standard output: {error}"))
    });
    match done.and_then(|agrees| output.map(|()| agrees)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            complain(&format!(
                "canonfuzz: {}",
                plain::cut(&plain::line(&format!("{error:#}")), LONGEST_ERROR)
            ));
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

/// Characters of an error.
const LONGEST_ERROR: usize = 2_000;

/// `lift_lower` (one guest and the host), `adapter` (guests that call one another), `typed` (one guest, by
/// static types) or `misuse` (a host that makes mistakes).
fn shape() -> impl TypedValueParser<Value = CaseKind> {
    let names = CaseKind::ALL.map(CaseKind::name);
    PossibleValuesParser::new(names).map(|name| CaseKind::named(&name).expect("one of them"))
}
