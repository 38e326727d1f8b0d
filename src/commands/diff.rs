//! `diff`: what can be asked of it, and how its report is printed.

use std::path::PathBuf;

use anyhow::{Context, Result};
use canonfuzz::diff::{self, Plan};
use canonfuzz::plain;
use clap::Args;

use super::{moving_bar, print};

#[derive(Args)]
pub struct Arguments {
    /// The component, binary or text
    component: PathBuf,
    /// Call only this export: `function`, or `instance#function`
    #[arg(long, value_name = "NAME")]
    export: Option<String>,
    /// Its arguments in WAVE, such as '(1, "a")', instead of generated ones
    #[arg(long, value_name = "WAVE", requires = "export")]
    args: Option<String>,
    /// How often to call each export
    #[arg(long, default_value_t = 100)]
    rounds: u32,
    /// Where generation starts; a random one is drawn and printed otherwise
    #[arg(long)]
    seed: Option<u64>,
}

pub fn run(arguments: &Arguments) -> Result<bool> {
    let Arguments { component, export, args, rounds, seed } = arguments;
    let seed = seed.unwrap_or_else(super::random_seed);
    let plan = Plan { export: export.clone(), args: args.clone(), rounds: *rounds, seed };
    let bytes = diff::read(component)?;
    print(&format!("subject: wasmtime {}, seed {seed}", canonfuzz::engine::wasmtime::VERSION));
    let bar = moving_bar();
    bar.set_message("calling the exports on both sides");
    let diff = diff::diff(&bytes, &plan).with_context(|| plain::name(component));
    bar.finish_and_clear();
    let diff = diff?;
    print(&diff::text(&diff, &again(arguments, seed)));
    Ok(diff.agrees())
}

/// The command that does the same once more.
fn again(arguments: &Arguments, seed: u64) -> String {
    let Arguments { component, export, args, rounds, .. } = arguments;
    let command = env!("CANONFUZZ_COMMAND");
    let mut again =
        format!("{command} diff {} --rounds {rounds} --seed {seed}", plain::name(component));
    for (option, value) in [("--export", export), ("--args", args)] {
        if let Some(value) = value {
            again.push_str(&format!(" {option} '{value}'"));
        }
    }
    again
}
