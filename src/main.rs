//! The command line: what can be asked. Exit codes: 0 agree, 1 findings, 2 bad usage or input.

mod commands;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use canonfuzz::engine::crash;
use canonfuzz::run::Plan;
use clap::{Parser, Subcommand};

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
    Run {
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
    },
    /// Check cases again: text cases, encoded cases, fuzzing artifacts, folders of them
    Replay {
        #[arg(required = true)]
        paths: Vec<PathBuf>,
        /// Rewrite text cases: canonical form, and what the reference says
        #[arg(long)]
        bless: bool,
    },
    /// Explain a case: its text, and where its values lie
    Show {
        case: PathBuf,
        /// Print the component as text as well
        #[arg(long)]
        component: bool,
    },
    /// Plant faults in the reference, and count the cases that it takes to find each
    Planted {
        /// Give up after this many cases
        #[arg(long, default_value_t = 10_000)]
        cases: u64,
        /// Where generation starts
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Check the reference against vectors of the executable specification
    Vectors { file: PathBuf },
}

fn main() -> ExitCode {
    crash::install_hook();
    let done = match Arguments::parse().command {
        Command::Run { cases, time, seed, jobs, json, findings } => {
            let seed = seed.unwrap_or_else(random_seed);
            commands::run(&Plan { seed, jobs, cases, time, findings }, json.as_deref())
        }
        Command::Replay { paths, bless } => commands::replay(&paths, bless),
        Command::Show { case, component } => commands::show(&case, component),
        Command::Planted { cases, seed } => commands::planted(seed, cases),
        Command::Vectors { file } => commands::vectors(&file),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("canonfuzz: {error:#}");
            ExitCode::from(2)
        }
    }
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
