//! How many calls a second of one core compares, against the same without what is kept between cases, and
//! against a plain round-trip fuzzer. All sides take turns, so that what else the machine does meets them alike.
//! Prints, and asserts nothing: time is no test.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use anyhow::Result;
use canonfuzz::case::{Case, CaseKind, Limits, Shape};
use canonfuzz::engine::wasmtime;
use canonfuzz::generate::Stream;
use canonfuzz::{Session, Timings};
use canonfuzz_benches::{clock, ours, round_trip};

/// Each side's turns, and how long one is.
const TURNS: u32 = 10;
const TURN: Duration = Duration::from_millis(1500);
/// Cases between two looks at the clock, which costs some microseconds.
const CASES_AT_A_TIME: u32 = 16;
const SEED: u64 = 9;

fn main() -> Result<()> {
    // Those of which a name was given, or all.
    let names: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let mut sides = sides()?;
    sides.retain(|side| names.is_empty() || names.iter().any(|name| name == side.name));
    for _ in 0..TURNS {
        for side in &mut sides {
            side.turn()?;
        }
    }
    println!("One core, {TURNS} turns of {} s each, seed {SEED}.\n", TURN.as_secs_f64());
    print_rates(&sides);
    println!();
    print_stages(&sides);
    Ok(())
}

/// One of those that are compared.
struct Side {
    name: &'static str,
    stream: Stream,
    check: Check,
    /// What it has done so far.
    calls: usize,
    cases: usize,
    shapes: HashSet<Shape>,
    spent: Duration,
    generate: Duration,
}

/// What a side does with a case.
enum Check {
    /// What `canonfuzz run` does.
    Kept(Box<Session>),
    /// The same, with nothing from one case to the next.
    Anew(Timings),
    RoundTrip(::wasmtime::Engine),
}

fn sides() -> Result<Vec<Side>> {
    let kept = |name, kind| {
        Ok::<_, anyhow::Error>(side(name, kind, Check::Kept(Box::new(Session::importing()?))))
    };
    Ok(vec![
        kept("lift_lower", CaseKind::LiftLower)?,
        kept("adapter", CaseKind::Adapter)?,
        kept("typed", CaseKind::Typed)?,
        kept("misuse", CaseKind::Misuse)?,
        kept("noisy", CaseKind::Noisy)?,
        side("lift_lower, nothing kept", CaseKind::LiftLower, Check::Anew(Timings::default())),
        side("adapter, nothing kept", CaseKind::Adapter, Check::Anew(Timings::default())),
        side(
            "plain round trip",
            CaseKind::LiftLower,
            Check::RoundTrip(round_trip::engine().map_err(ours)?),
        ),
    ])
}

fn side(name: &'static str, kind: CaseKind, check: Check) -> Side {
    Side {
        name,
        stream: Stream::new(SEED, kind, wasmtime::allowed(), Limits::CASE),
        check,
        calls: 0,
        cases: 0,
        shapes: HashSet::new(),
        spent: Duration::ZERO,
        generate: Duration::ZERO,
    }
}

impl Side {
    fn turn(&mut self) -> Result<()> {
        let (start, mut spent) = (clock::now(), Duration::ZERO);
        while spent < TURN {
            for _ in 0..CASES_AT_A_TIME {
                self.one()?;
            }
            spent = clock::now() - start;
        }
        self.spent += spent;
        Ok(())
    }

    fn one(&mut self) -> Result<()> {
        let start = Instant::now();
        let case = self.stream.next_case();
        self.generate += start.elapsed();
        self.calls += self.check.run(&case)?;
        self.cases += 1;
        if !self.shapes.contains(&case.shape) {
            self.shapes.insert(case.shape);
        }
        Ok(())
    }

    /// Calls per second.
    fn rate(&self) -> f64 {
        count(self.calls) / self.spent.as_secs_f64()
    }
}

impl Check {
    /// How many calls were compared.
    fn run(&mut self, case: &Case) -> Result<usize> {
        let compared =
            |session: &mut Session| Ok(session.check(case)?.expected.observation.calls.len());
        match self {
            Check::Kept(session) => compared(session),
            Check::Anew(timings) => {
                let mut session = Session::new()?;
                let calls = compared(&mut session);
                timings.add(&session.timings);
                calls
            }
            Check::RoundTrip(engine) => round_trip::check(engine, case).map_err(ours),
        }
    }
}

fn print_rates(sides: &[Side]) {
    println!(
        "{:<26} {:>10} {:>10} {:>8} {:>14}",
        "", "calls/s", "cases/s", "ratio", "shapes/100,000"
    );
    for side in sides {
        let ratio = side.rate() / sides[0].rate();
        let cases = count(side.cases) / side.spent.as_secs_f64();
        let shapes = count(side.shapes.len()) * 1e5 / count(side.calls);
        println!(
            "{:<26} {:>10.0} {cases:>10.0} {ratio:>8.3} {shapes:>14.0}",
            side.name,
            side.rate()
        );
    }
}

fn print_stages(sides: &[Side]) {
    println!("Nanoseconds for each compared call:");
    for side in sides {
        let mut timings = match &side.check {
            Check::Kept(session) => session.timings,
            Check::Anew(timings) => *timings,
            Check::RoundTrip(_) => continue,
        };
        timings.generate = side.generate;
        println!("  {}", side.name);
        for (stage, time) in timings.named() {
            println!("    {stage:<28} {:>10.0}", time.as_secs_f64() * 1e9 / count(side.calls));
        }
    }
}

fn count(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}
