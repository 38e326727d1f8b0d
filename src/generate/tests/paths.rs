//! Call paths, static types and misuse in generated cases.

use super::*;
use crate::case::allowed::Signature;
use crate::case::paths::{Api, Mode, Path};
use crate::types::Handle;

/// Signatures of some families, as an engine may have them.
fn typed() -> Allowed {
    let own = || Type::Handle(Handle::Own(0));
    let borrow = || Type::Handle(Handle::Borrow(1));
    let signature = |family, anybodys, params: &[Type], result: Option<Type>| Signature {
        ty: FuncType { params: params.to_vec(), result, is_async: false },
        family,
        anybodys,
        calls: Mode::ALL.to_vec(),
        imports: Mode::ALL.to_vec(),
    };
    let list = || Type::List(Box::new(Type::U8));
    let signatures = vec![
        signature("primitive", false, &[Type::U32], Some(Type::U32)),
        signature("primitive", false, &[Type::F64, Type::Char], Some(Type::Bool)),
        signature("string", false, &[Type::String], Some(Type::String)),
        signature("string", false, &[Type::String], Some(Type::String)),
        signature("list", false, &[list()], Some(list())),
        signature("tuple", false, &vec![Type::S64; 17], None),
        signature("resource", false, &[own(), borrow()], Some(own())),
        signature("resource-any", true, &[own(), borrow()], Some(own())),
        signature("resource-any", true, &[], Some(own())),
    ];
    let mut signatures = signatures;
    signatures.push(Signature { imports: Vec::new(), ..waits(&[Type::U8]) });
    signatures.push(Signature { calls: Vec::new(), ..waits(&[Type::U16]) });
    let mut allowed = Allowed { signatures: signatures.into(), ..all() };
    allowed.features.insert(Feature::AsyncFunction);
    allowed
}

/// One that cannot be awaited.
fn waits(params: &[Type]) -> Signature {
    let ty = FuncType { params: params.to_vec(), ..FuncType::default() };
    let modes = || vec![Mode::Sync];
    Signature { ty, family: "random", anybodys: false, calls: modes(), imports: modes() }
}

fn stream(seed: u64, kind: CaseKind) -> Stream {
    Stream::new(seed, kind, typed(), Limits::CASE)
}

/// The case is valid, and what has static types has some.
#[track_caller]
fn check_typed(case: &Case) {
    check_valid(case);
    assert!(typed().has(&case.shape, case.paths), "{case:#?}");
}

#[test]
fn streamed_cases_are_of_their_kind() {
    for kind in CaseKind::ALL {
        let mut stream = stream(31, kind);
        for _ in 0..2_000 {
            let case = stream.next_case();
            check_typed(&case);
            assert_eq!(CaseKind::of(&case), kind);
            assert_eq!(bytes::decode(&bytes::encode(&case)).unwrap(), case);
        }
    }
}

#[test]
fn mutated_and_crossed_cases_have_static_types_where_they_are_called_by_them() {
    for kind in [CaseKind::Typed, CaseKind::Misuse] {
        let mut stream = stream(32, kind);
        let (mut kept, mut steps) = (0, 0);
        for seed in 0..100 {
            let (mut case, other) = (stream.next_case(), stream.next_case());
            check_typed(&crossover(&case, &other, &typed(), seed));
            for step in 0..30 {
                let fresh = case.clone();
                mutate(&mut case, seed * 30 + step, &typed(), &Limits::CASE);
                check_typed(&case);
                let of_kind = CaseKind::of(&case) == kind;
                (kept, steps) = (kept + u32::from(of_kind), steps + 1);
                if !of_kind {
                    case = fresh;
                }
            }
        }
        assert!(kept * 100 / steps >= 90, "{kind:?}: {kept} of {steps}");
    }
}

#[test]
fn shrinking_leaves_the_plainest_paths() {
    for kind in [CaseKind::LiftLower, CaseKind::Typed, CaseKind::Misuse] {
        let mut stream = stream(33, kind);
        for seed in 0..40 {
            let mut case = stream.next_case();
            let mut step = 0;
            while shrink(&mut case, seed * 1_000 + step, &typed(), &Limits::CASE) {
                check_typed(&case);
                step += 1;
            }
            assert_eq!(case.paths, Paths::PLAIN, "{case:#?}");
            assert!(case.calls.iter().all(|call| call.manner == Manner::Once), "{case:#?}");
        }
    }
}

/// The ways of a case, each by a name.
fn ways(case: &Case) -> BTreeSet<String> {
    let Paths { call, import, polls, neighbor } = case.paths;
    let last = case.shape.guests.last();
    let imports = last.is_some_and(|last| last.import.is_some());
    let mut ways = BTreeSet::from([match imports {
        true => format!("{:?} {:?}", call.mode, import.mode),
        false => format!("{:?}", call.mode),
    }]);
    ways.insert(format!("{:?} by {:?}", call.mode, call.api));
    ways.insert(format!("defined {:?} by {:?}", import.mode, import.api));
    ways.insert(format!("polls {polls}"));
    ways.extend(neighbor.then(|| "neighbor".to_string()));
    ways.extend(case.tuning.fuel.then(|| "fuel".to_string()));
    ways.extend(case.tuning.epochs.then(|| "epochs".to_string()));
    let twice = case.calls.iter().any(|call| call.manner == Manner::Twice);
    ways.extend(twice.then(|| "twice".to_string()));
    ways
}

#[test]
fn every_way_is_taken() {
    let mut stream = stream(34, CaseKind::Typed);
    let seen: BTreeSet<String> = (0..4_000).flat_map(|_| ways(&stream.next_case())).collect();
    let mut all: BTreeSet<String> = "Sync Async Concurrent neighbor fuel epochs twice"
        .split_whitespace()
        .map(str::to_string)
        .collect();
    all.extend((0..4).map(|polls| format!("polls {polls}")));
    for call in Mode::ALL {
        for api in [Api::Dynamic, Api::Typed(0), Api::Typed(1)] {
            all.insert(format!("{call:?} by {api:?}"));
            all.insert(format!("defined {call:?} by {api:?}"));
        }
        let awaits = |import: &Mode| call != Mode::Sync || *import == Mode::Sync;
        all.extend(
            Mode::ALL.into_iter().filter(awaits).map(|import| format!("{call:?} {import:?}")),
        );
    }
    assert_eq!(seen, all);
}

#[test]
fn about_half_of_the_cases_are_called_in_the_plainest_way() {
    let mut stream = stream(35, CaseKind::LiftLower);
    let cases: Vec<Case> = (0..4_000).map(|_| stream.next_case()).collect();
    let is_plain = |case: &&Case| case.paths.call == Path::PLAIN;
    let plain = cases.iter().filter(is_plain).count() * 100 / cases.len();
    assert!((35..60).contains(&plain), "{plain} %");
    let twice =
        cases.iter().flat_map(|case| &case.calls).filter(|call| call.manner == Manner::Twice);
    assert!(twice.count() > 200);
}
