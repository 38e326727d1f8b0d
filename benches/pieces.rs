//! The inner pieces one by one, each over the same cases: what a change to one of them does to its time. One
//! element is a case.
//! Prints, and asserts nothing: time is no test.

use std::hint::black_box;

use canonfuzz::abi::Deviations;
use canonfuzz::abi::PtrType;
use canonfuzz::abi::flatten::{Context, flatten_functype};
use canonfuzz::abi::layout::elem_size;
use canonfuzz::case::check::check;
use canonfuzz::case::{Case, CaseKind, Limits, bytes};
use canonfuzz::encode::{self, Puppets, script};
use canonfuzz::engine::local::{self, Local, SHAPES};
use canonfuzz::engine::reference::{self, Compiler};
use canonfuzz::engine::wasmtime::allowed;
use canonfuzz::generate::{self, Stream};
use canonfuzz::oracle;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// Cases, each of a shape of its own: more than are kept compiled, so that one after the other is compiled anew.
const CASES: usize = SHAPES.get() * 3 / 2;
const SEED: u64 = 9;

/// A case in the forms that the pieces take.
struct Forms {
    case: Case,
    encoded: Vec<u8>,
    /// The component, its puppets imported, and the same with them contained.
    component: Vec<u8>,
    contained: Vec<u8>,
    scripts: Vec<Vec<Vec<u8>>>,
}

fn pieces(criterion: &mut Criterion) {
    let forms = forms();
    let mut group = criterion.benchmark_group("pieces");
    group.throughput(Throughput::Elements(CASES.try_into().expect("they are few")));
    let mut each = |name: &str, piece: &mut dyn FnMut(&Forms)| {
        group.bench_function(name, |bencher| bencher.iter(|| forms.iter().for_each(&mut *piece)));
    };

    let mut stream = Stream::new(SEED, CaseKind::LiftLower, allowed(), Limits::CASE);
    each("generate", &mut |_| drop(black_box(stream.next_case())));
    let (allowed, mut seed) = (allowed(), SEED);
    each("mutate", &mut |Forms { case, .. }| {
        let mut case = case.clone();
        seed += 1;
        black_box(generate::mutate(&mut case, seed, &allowed, &Limits::CASE, false));
    });
    each("decode", &mut |Forms { encoded, .. }| drop(black_box(bytes::decode(encoded))));
    each("check", &mut |Forms { case, .. }| drop(black_box(check(case, &Limits::CASE))));
    each("flatten", &mut |Forms { case, .. }| {
        for (_, function) in case.shape.guests.iter().flat_map(|guest| guest.functions()) {
            black_box(flatten_functype(&function.ty, PtrType::I32, Context::Lift));
        }
    });
    each("lay out", &mut |Forms { case, .. }| {
        let functions = case.shape.guests.iter().flat_map(|guest| guest.functions());
        for ty in functions.flat_map(|(_, function)| &function.ty.params) {
            black_box(elem_size(ty, PtrType::I32));
        }
    });
    each("encode the component", &mut |Forms { case, .. }| {
        drop(black_box(encode::component(&case.shape, Puppets::Imported)));
    });
    each("encode the scripts", &mut |Forms { case, .. }| drop(black_box(script::scripts(case))));

    let mut compiler = Compiler::default();
    each("compile for the reference", &mut |Forms { case, component, .. }| {
        drop(black_box(compiler.compile(&case.shape, component, Puppets::Imported)));
    });
    let mut local = Local::new(Puppets::Contained);
    each("compile for the subject, puppets contained", &mut |Forms { case, contained, .. }| {
        local.load(case, || contained.clone());
    });
    let mut local = Local::new(Puppets::Imported);
    each("compile for the subject, puppets imported", &mut |Forms { case, component, .. }| {
        local.load(case, || component.clone());
    });

    let loaded = |forms: &[Forms]| {
        let mut local = Local::new(Puppets::Imported);
        let load = |Forms { case, component, .. }: &Forms| local.load(case, || component.clone());
        forms.iter().for_each(load);
        local
    };
    let (first, second) = forms.split_at(CASES / 2);
    let halves = [loaded(first), loaded(second)];
    let mut next = 0;
    let mut instantiate = |case: &Case| {
        let half = &halves[next % CASES / (CASES / 2)];
        next += 1;
        half.instantiate(case)
    };
    each("instantiate and drop the subject", &mut |Forms { case, .. }| {
        drop(black_box(instantiate(case)));
    });
    each("instantiate and run the subject", &mut |Forms { case, scripts, .. }| {
        black_box(local::run(instantiate(case), case, scripts));
    });

    let compiled: Vec<_> = forms
        .iter()
        .map(|Forms { case, component, .. }| {
            let compiled = compiler.compile(&case.shape, component, Puppets::Imported);
            compiled.unwrap_or_else(|refusal| panic!("a generated component: {refusal}"))
        })
        .collect();
    let readings: Vec<_> = (forms.iter().zip(&compiled))
        .map(|(Forms { case, scripts, .. }, compiled)| {
            let started = reference::instantiate(compiled, &case.shape, Deviations::NONE);
            started.map_or_else(reference::not_started, |run| run.run(case, scripts))
        })
        .collect();
    let mut next = 0;
    each("instantiate and run the reference", &mut |Forms { case, scripts, .. }| {
        let compiled = &compiled[next % CASES];
        next += 1;
        let started = reference::instantiate(compiled, &case.shape, Deviations::NONE);
        black_box(started.map_or_else(reference::not_started, |run| run.run(case, scripts)));
    });
    let mut next = 0;
    each("compare", &mut |_| {
        let reading = &readings[next % CASES];
        next += 1;
        let observed = &reading.observation;
        let again = |_| unreachable!("a reading is equal to itself");
        black_box(oracle::judge(reading, observed, Deviations::NONE, again));
    });
    group.finish();
}

fn forms() -> Vec<Forms> {
    let mut stream = Stream::new(SEED, CaseKind::LiftLower, allowed(), Limits::CASE);
    let mut forms: Vec<Forms> = Vec::new();
    while forms.len() < CASES {
        let case = stream.next_case();
        if forms.iter().any(|known| known.case.shape == case.shape) {
            continue;
        }
        let scripts = script::scripts(&case).expect("a generated case has scripts");
        forms.push(Forms {
            encoded: bytes::encode(&case),
            component: encode::component(&case.shape, Puppets::Imported),
            contained: encode::component(&case.shape, Puppets::Contained),
            scripts,
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
