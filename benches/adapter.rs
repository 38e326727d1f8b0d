//! What adapters cost: compiling a chain of guests against compiling its guests one by one, and the
//! share that this has in the time per case. Prints, and asserts nothing: time is no test.

use std::time::Duration;

use canonfuzz::Session;
use canonfuzz::case::{Case, CaseKind, Guest, Limits, Resource, Shape};
use canonfuzz::encode::{self, Prepared, Puppets};
use canonfuzz::engine::local::{self, Local};
use canonfuzz::engine::wasmtime;
use canonfuzz::generate::Stream;
use canonfuzz_benches::clock::time;

/// Shapes to measure.
const SHAPES: u32 = 200;
const SEED: u64 = 1;

/// Where the time of all shapes went.
#[derive(Default)]
struct Spent {
    chain: Duration,
    guests: Duration,
    instantiate: Duration,
    run: Duration,
    /// Everything, both engines: all cases of these shapes.
    session: Duration,
    shapes: u32,
    cases: u32,
    /// Shapes that the subject does not take.
    left_out: u32,
}

fn main() -> anyhow::Result<()> {
    let mut stream = Stream::new(SEED, CaseKind::Adapter, wasmtime::allowed(), Limits::CASE);
    let mut session = Session::new()?;
    let (mut local, mut spent) = (Local::new(Puppets::Contained), Spent::default());
    let mut case = stream.next_case();
    while spent.shapes + spent.left_out < SHAPES {
        let mut cases = vec![case];
        case = stream.next_case();
        while case.shape == cases[0].shape {
            cases.push(case);
            case = stream.next_case();
        }
        measure(&mut session, &mut local, &mut spent, &cases)?;
    }
    print(&spent);
    Ok(())
}

/// Measures the cases of one shape.
fn measure(
    session: &mut Session,
    local: &mut Local,
    spent: &mut Spent,
    cases: &[Case],
) -> anyhow::Result<()> {
    let case = &cases[0];
    let prepared = Prepared::of(case).map_err(anyhow::Error::msg)?;
    // The engine for this tuning is not part of what a shape costs.
    compile(local, case, Shape { guests: vec![Guest::empty()], resources: Vec::new() });
    let chain = compile(local, case, case.shape.clone());
    let (instantiate, started) = time(|| local.instantiate(case));
    if started.is_err() {
        spent.left_out += 1;
        return Ok(());
    }
    spent.chain += chain;
    for number in 0..case.shape.guests.len() {
        spent.guests += compile(local, case, alone(&case.shape, number));
    }
    spent.instantiate += instantiate;
    spent.run += time(|| local::run(started, case, &prepared)).0;
    for case in cases {
        let (time, checked) = time(|| session.check(case));
        checked?;
        spent.session += time;
    }
    spent.shapes += 1;
    spent.cases += u32::try_from(cases.len())?;
    Ok(())
}

/// How long the subject takes to compile and link a component of this shape.
fn compile(local: &mut Local, case: &Case, shape: Shape) -> Duration {
    let bytes = encode::component(&shape, Puppets::Contained);
    let case = Case { shape, tuning: case.tuning, paths: case.paths, calls: Vec::new() };
    time(|| local.load(&case, || bytes)).0
}

/// One of the guests as a component of its own, whose import is the host's.
fn alone(shape: &Shape, number: usize) -> Shape {
    let resource = |resource: &Resource| match resource {
        Resource::Guest { by, destructor } if usize::try_from(*by) == Ok(number) => {
            Resource::Guest { by: 0, destructor: *destructor }
        }
        Resource::Guest { .. } | Resource::Host => Resource::Host,
    };
    let resources = shape.resources.iter().map(resource).collect();
    Shape { guests: vec![shape.guests[number].clone()], resources }
}

fn print(spent: &Spent) {
    let Spent { shapes, cases, left_out, .. } = spent;
    println!(
        "wasmtime {}: {shapes} shapes, {cases} cases, seed {SEED}; {left_out} shapes left out",
        wasmtime::VERSION
    );
    let each = |name: &str, time: Duration, count: u32| {
        println!("  {name:<36} {:>12} ns", (time / count.max(1)).as_nanos());
    };
    each("compile a chain", spent.chain, *shapes);
    each("compile each of its guests alone", spent.guests, *shapes);
    each("instantiate the chain", spent.instantiate, *shapes);
    each("run one case on it", spent.run, *shapes);
    each("check one case, all included", spent.session, *cases);
    let adapters = spent.chain.saturating_sub(spent.guests);
    let ratio = |a: Duration, b: Duration| a.as_secs_f64() / b.as_secs_f64();
    println!("  {:<36} {:>12.2}", "chain / its guests alone", ratio(spent.chain, spent.guests));
    let share = 100.0 * ratio(adapters, spent.session);
    println!("  {:<36} {share:>12.1} %", "adapters' share of checking cases");
}
