//! The inner pieces one by one, each over the same cases: what a change to one of them does to its time. One
//! element is a case.
//! Prints, and asserts nothing: time is no test.

use std::hint::black_box;

use canonfuzz::abi::PtrType;
use canonfuzz::abi::flatten::{Context, flatten_functype};
use canonfuzz::abi::layout::elem_size;
use canonfuzz::abi::{Deviations, Recorder};
use canonfuzz::case::check::check;
use canonfuzz::case::{Case, CaseKind, Limits, bytes};
use canonfuzz::encode::{self, Prepared, Puppets};
use canonfuzz::engine::local::{self, Local, SHAPES};
use canonfuzz::engine::reference::{self, Compiler};
use canonfuzz::engine::wasmtime::allowed;
use canonfuzz::generate::{self, Stream};
use canonfuzz::oracle;
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};

/// Cases, each of a shape of its own: more than are kept compiled, so that one after the other is compiled anew.
const CASES: usize = SHAPES.get() * 3 / 2;
const SEED: u64 = 9;

/// A case in the forms that the pieces take.
struct Forms {
    number: usize,
    case: Case,
    encoded: Vec<u8>,
    /// The component, its puppets imported, and the same with them contained.
    component: Vec<u8>,
    contained: Vec<u8>,
    prepared: Prepared,
}

/// All that is measured, each piece over the same cases.
struct Pieces<'a> {
    group: BenchmarkGroup<'a, WallTime>,
    forms: &'a [Forms],
}

impl Pieces<'_> {
    fn each(&mut self, name: &str, mut piece: impl FnMut(&Forms)) {
        let Pieces { group, forms } = self;
        group.bench_function(name, |bencher| bencher.iter(|| forms.iter().for_each(&mut piece)));
    }
}

fn pieces(criterion: &mut Criterion) {
    let forms = &forms();
    let mut group = criterion.benchmark_group("pieces");
    group.throughput(Throughput::Elements(CASES.try_into().expect("they are few")));
    let mut pieces = Pieces { group, forms };
    make(&mut pieces);
    prepare(&mut pieces);
    compile(&mut pieces);
    run_subject(&mut pieces);
    run_reference(&mut pieces);
    pieces.group.finish();
}

fn make(pieces: &mut Pieces) {
    let mut stream = Stream::new(SEED, CaseKind::LiftLower, allowed(), Limits::CASE);
    pieces.each("generate", |_| drop(black_box(stream.next_case())));
    let (allowed, mut seed) = (allowed(), SEED);
    pieces.each("mutate", |Forms { case, .. }| {
        let mut case = case.clone();
        seed += 1;
        black_box(generate::mutate(&mut case, seed, &allowed, &Limits::CASE));
    });
    pieces.each("decode", |Forms { encoded, .. }| drop(black_box(bytes::decode(encoded))));
    pieces.each("check", |Forms { case, .. }| drop(black_box(check(case, &Limits::CASE))));
}

fn prepare(pieces: &mut Pieces) {
    pieces.each("flatten", |Forms { case, .. }| {
        for (_, function) in case.shape.guests.iter().flat_map(|guest| guest.functions()) {
            black_box(flatten_functype(&function.ty, PtrType::I32, Context::Lift));
        }
    });
    pieces.each("lay out", |Forms { case, .. }| {
        let functions = case.shape.guests.iter().flat_map(|guest| guest.functions());
        for ty in functions.flat_map(|(_, function)| &function.ty.params) {
            black_box(elem_size(ty, PtrType::I32));
        }
    });
    pieces.each("encode the component", |Forms { case, .. }| {
        drop(black_box(encode::component(&case.shape, Puppets::Imported)));
    });
    pieces.each("encode the scripts", |Forms { case, .. }| drop(black_box(Prepared::of(case))));
}

fn compile(pieces: &mut Pieces) {
    let mut compiler = Compiler::default();
    pieces.each("compile for the reference", |Forms { case, component, .. }| {
        drop(black_box(compiler.compile(&case.shape, component, Puppets::Imported)));
    });
    let mut local = Local::new(Puppets::Contained);
    pieces.each(
        "compile for the subject, puppets contained",
        |Forms { case, contained, .. }| {
            local.load(case, || contained.clone());
        },
    );
    let mut local = Local::new(Puppets::Imported);
    pieces.each(
        "compile for the subject, puppets imported",
        |Forms { case, component, .. }| {
            local.load(case, || component.clone());
        },
    );
}

fn run_subject(pieces: &mut Pieces) {
    let (first, second) = pieces.forms.split_at(CASES / 2);
    // One subject would not keep them all.
    let halves = [first, second].map(|forms| {
        let mut local = Local::new(Puppets::Imported);
        let load = |Forms { case, component, .. }: &Forms| local.load(case, || component.clone());
        forms.iter().for_each(load);
        local
    });
    let instantiate =
        |Forms { number, case, .. }: &Forms| halves[number / (CASES / 2)].instantiate(case);
    pieces.each("instantiate and drop the subject", |forms| drop(black_box(instantiate(forms))));
    pieces.each("instantiate and run the subject", |forms| {
        black_box(local::run(instantiate(forms), &forms.case, &forms.prepared));
    });
}

fn run_reference(pieces: &mut Pieces) {
    let mut compiler = Compiler::default();
    let compile = |Forms { case, component, .. }: &Forms| {
        let compiled = compiler.compile(&case.shape, component, Puppets::Imported);
        compiled.unwrap_or_else(|refusal| panic!("a generated component: {refusal}"))
    };
    let compiled: Vec<_> = pieces.forms.iter().map(compile).collect();
    let run = |Forms { number, case, prepared, .. }: &Forms| {
        let started = reference::instantiate(&compiled[*number], &case.shape, Recorder::default());
        started.map_or_else(reference::not_started, |run| run.run(case, prepared))
    };
    pieces.each("instantiate and run the reference", |forms| drop(black_box(run(forms))));
    let readings: Vec<_> = pieces.forms.iter().map(run).collect();
    pieces.each("compare", |Forms { number, .. }| {
        let reading = &readings[*number];
        let again = |_| unreachable!("a reading is equal to itself");
        black_box(oracle::judge(reading, &reading.observation, Deviations::NONE, again));
    });
}

fn forms() -> Vec<Forms> {
    let mut stream = Stream::new(SEED, CaseKind::LiftLower, allowed(), Limits::CASE);
    let mut forms: Vec<Forms> = Vec::new();
    while forms.len() < CASES {
        let case = stream.next_case();
        if forms.iter().any(|known| known.case.shape == case.shape) {
            continue;
        }
        let prepared = Prepared::of(&case).expect("a generated case has scripts");
        forms.push(Forms {
            number: forms.len(),
            encoded: bytes::encode(&case),
            component: encode::component(&case.shape, Puppets::Imported),
            contained: encode::component(&case.shape, Puppets::Contained),
            prepared,
            case,
        });
    }
    forms
}

criterion_group! {
    name = all;
    config = Criterion::default().sample_size(20).without_plots();
    targets = pieces
}
criterion_main!(all);
