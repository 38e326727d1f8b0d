//! Generated chains of guests, by rules that are written down here once more.

use super::*;
use crate::abi::StringEncoding;
use crate::abi::built_in::OfResource;
use crate::case::Resource;
use crate::generate::guest::fits;
use crate::types::Handle;

fn wide() -> Allowed {
    let mut wide = all();
    wide.features.insert(Feature::Memory64);
    wide
}

fn chains(seed: u64) -> Stream {
    Stream::new(seed, CaseKind::Adapter, wide(), Limits::CASE)
}

/// The functions between guests.
fn fused(shape: &Shape) -> impl Iterator<Item = (&Guest, &Guest)> {
    shape.guests.iter().zip(shape.guests.iter().skip(1))
}

#[track_caller]
fn check_chain(case: &Case) {
    assert_eq!(check(case, &Limits::CASE), Ok(()), "{case:#?}");
    let shape = &case.shape;
    assert!(shape.guests.len() <= usize::try_from(Limits::CASE.guests).unwrap());
    for (caller, callee) in fused(shape) {
        let import = caller.import.as_ref().expect("a caller has an import");
        assert_eq!(import.ty, callee.export.ty);
        import.ty.params.iter().chain(&import.ty.result).for_each(check_members);
    }
    for (number, guest) in shape.guests.iter().enumerate() {
        check_known(shape, &guest.export, number);
    }
    let last = shape.guests.last().unwrap();
    last.import.iter().for_each(|import| check_known(shape, import, shape.guests.len()));
    for call in &case.calls {
        assert_eq!(call.scripts.len(), shape.guests.len());
        assert!(fits(shape, call));
        for (number, script) in call.scripts.iter().enumerate() {
            let fused = number + 1 < shape.guests.len();
            assert!(script.import_calls().all(|call| (call.answer == Answer::Guest) == fused));
            check_built_ins(shape, number, script);
        }
    }
    (0..shape.guests.len()).for_each(|number| {
        assert_eq!(check(&alone(case, number), &Limits::CASE), Ok(()), "guest {number}: {case:#?}")
    });
}

/// No more members than releases can bear that count them.
fn check_members(ty: &Type) {
    let members = if let Type::Record(fields) = ty {
        fields.len()
    } else if let Type::Tuple(types) = ty {
        types.len()
    } else if let Type::Variant(cases) = ty {
        cases.len()
    } else if let Type::Enum(labels) = ty {
        labels.len()
    } else {
        0
    };
    assert!(members <= 900, "{members} members");
    ty.children().into_iter().for_each(check_members);
}

fn by(shape: &Shape, resource: u32) -> Option<usize> {
    match shape.resources[usize::try_from(resource).unwrap()] {
        Resource::Host => None,
        Resource::Guest { by, .. } => Some(usize::try_from(by).unwrap()),
    }
}

/// Both ends of the function of this number know what it mentions.
fn check_known(shape: &Shape, function: &Function, number: usize) {
    for handle in function.ty.params.iter().chain(&function.ty.result).flat_map(Type::handles) {
        let by = by(shape, handle.resource().unwrap());
        assert!(by.is_none_or(|by| by >= number && number < shape.guests.len()));
    }
}

fn check_built_ins(shape: &Shape, number: usize, script: &Script) {
    for built_in in script.built_ins() {
        let by = by(shape, built_in.of);
        assert!(match built_in.which.of_resource() {
            Some(OfResource::New | OfResource::Rep) => by == Some(number),
            Some(OfResource::Drop) => by.is_none_or(|by| by >= number),
            None => false,
        });
    }
}

/// The case of one of the guests, to which all others are the host.
fn alone(case: &Case, number: usize) -> Case {
    let mut guest = case.shape.guests[number].clone();
    guest.export.ty.is_async = false;
    guest.import.iter_mut().for_each(|import| import.ty.is_async = false);
    let resource = |resource: &Resource| match resource {
        Resource::Guest { by, destructor } if usize::try_from(*by) == Ok(number) => {
            Resource::Guest { by: 0, destructor: *destructor }
        }
        Resource::Guest { .. } | Resource::Host => Resource::Host,
    };
    let resources = case.shape.resources.iter().map(resource).collect();
    let calls = case.calls.iter().map(|call| {
        let mut script = call.scripts[number].clone();
        let result = guest.import.as_ref().and_then(|import| import.ty.result.as_ref());
        for call in script.import_calls_mut() {
            if call.answer == Answer::Guest {
                call.answer = Answer::Return(result.map(values::least));
            }
        }
        let args = guest.export.ty.params.iter().map(values::least).collect();
        Call { args, scripts: vec![script], host_drops: Vec::new(), manner: Manner::Once }
    });
    let calls = calls.collect();
    let shape = Shape { guests: vec![guest], resources };
    Case { tuning: case.tuning, paths: Paths::PLAIN, shape, calls }
}

#[test]
fn streamed_chains_are_valid() {
    let mut stream = chains(21);
    for _ in 0..3000 {
        let case = stream.next_case();
        assert!(case.shape.guests.len() > 1);
        check_chain(&case);
    }
}

#[test]
fn features_of_chains_that_are_not_allowed_do_not_occur() {
    let mut stream = Stream::new(22, CaseKind::Adapter, Allowed::default(), Limits::CASE);
    for seed in 0..500 {
        let mut case = stream.next_case();
        mutate(&mut case, seed, &Allowed::default(), &Limits::CASE);
        assert_eq!(crate::case::check::features(&case), BTreeSet::new());
    }
}

#[test]
fn without_bytes_there_is_a_chain() {
    let u = &mut Unstructured::new(&[]);
    let case = case(u, CaseKind::Adapter, &all(), &Limits::CASE).unwrap();
    assert_eq!(case.shape.guests.len(), 2);
    check_chain(&case);
}

#[test]
fn the_same_seed_gives_the_same_chains() {
    let mut streams = [chains(0), chains(0)];
    for _ in 0..200 {
        let [a, b] = streams.each_mut().map(Stream::next_case);
        assert_eq!(a, b);
    }
}

fn percent(part: usize, whole: usize) -> usize {
    part * 100 / whole.max(1)
}

#[test]
fn most_calls_reach_the_end_of_the_chain() {
    let mut stream = chains(23);
    let (mut calls, mut reached, mut honest) = (0, 0, 0);
    for _ in 0..6000 {
        let case = stream.next_case();
        for call in &case.calls {
            calls += 1;
            let callers = &call.scripts[..call.scripts.len() - 1];
            reached += usize::from(callers.iter().all(|s| s.import_calls().next().is_some()));
            honest += usize::from(call.scripts.iter().all(is_honest));
        }
    }
    let (reached, honest) = (percent(reached, calls), percent(honest, calls));
    assert!(reached >= 90, "{reached} %");
    assert!((25..60).contains(&honest), "{honest} %");
}

/// Whether all data is as it was lowered, and nothing odd happens. Some honest data lies elsewhere.
fn is_honest(script: &Script) -> bool {
    hands_over_well_formed(script) && script.realloc.is_empty()
}

/// What there is of strings, handles and memories in a chain, by name.
fn seen_in_chain(case: &Case) -> BTreeSet<String> {
    let mut seen = BTreeSet::from([format!("{} guests", case.shape.guests.len())]);
    for (caller, callee) in fused(&case.shape) {
        let import = caller.import.as_ref().unwrap();
        let (from, to) = (import.opts.string_encoding, callee.export.opts.string_encoding);
        let is_string = |ty: &Type| ty.any(&mut |ty| matches!(ty, Type::String));
        let (params, result) = (&import.ty.params, &import.ty.result);
        let passed = params.iter().any(is_string).then(|| format!("param {from:?} {to:?}"));
        let returned = result.iter().any(is_string).then(|| format!("result {to:?} {from:?}"));
        seen.extend(passed.into_iter().chain(returned));
        seen.insert(format!("{:?} to {:?}", caller.ptr_type, callee.ptr_type));
        let flat = |types: &[Type]| flatten::flatten_types(types, PtrType::I32).len();
        seen.insert(format!("params spill: {}", flat(params) > 16));
        seen.insert(format!("result spills: {}", flat(import.ty.results()) > 1));
        for root in params.iter().chain(result) {
            root.any(&mut |ty| {
                seen.insert(ty.kind().to_string());
                false
            });
        }
        for handle in params.iter().chain(result).flat_map(Type::handles) {
            let of = match by(&case.shape, handle.resource().unwrap()) {
                None => "host",
                Some(_) => "guest",
            };
            let owned = matches!(handle, Handle::Own(_));
            seen.insert(format!("{} of {of}", if owned { "own" } else { "borrow" }));
        }
    }
    for script in case.calls.iter().flat_map(|call| call.scripts.iter().skip(1)) {
        seen.extend(script.realloc.iter().map(turn_word));
        seen.extend(built_ins(script).iter().map(|one| one.which.name().to_string()));
        seen.insert(format!("post-return {}", turn_word(&script.post_return)));
        seen.insert(format!("destructor {}", turn_word(&script.destructor)));
        seen.extend(script.passed().map(|(_, passed)| honesty(passed)));
        seen.extend((script.function.end == End::Trap).then(|| "trap".to_string()));
    }
    seen
}

#[test]
fn streamed_chains_reach_everything() {
    let mut stream = chains(24);
    let seen: BTreeSet<String> =
        (0..10_000).flat_map(|_| seen_in_chain(&stream.next_case())).collect();
    let all = "bool s8 u8 s16 u16 s32 u32 s64 u64 f32 f64 char string list record tuple variant \
        enum option result flags map own borrow Plain Forget At AtEnd Old Skew Grow Trap Leave \
        BuiltIn trap well-formed damaged raw";
    let mut all: Vec<String> = all.split_whitespace().map(str::to_string).collect();
    all.extend(BuiltIn::OF_RESOURCES.map(|built_in| built_in.name().to_string()));
    let encodings = StringEncoding::ALL;
    for (from, to) in encodings.iter().flat_map(|a| encodings.iter().map(move |b| (a, b))) {
        all.extend(["param", "result"].map(|side| format!("{side} {from:?} {to:?}")));
    }
    all.extend(["I32 to I32", "I32 to I64", "I64 to I32", "I64 to I64"].map(str::to_string));
    all.extend(["2 guests", "3 guests", "fixed-length list"].map(str::to_string));
    for spill in ["params spill", "result spills"] {
        all.extend([true, false].map(|spills| format!("{spill}: {spills}")));
    }
    for of in ["host", "guest"] {
        all.extend(["own", "borrow"].map(|handle| format!("{handle} of {of}")));
    }
    all.extend(["Plain", "Trap", "Leave", "BuiltIn"].map(|act| format!("post-return {act}")));
    all.extend(["Plain", "Trap", "BuiltIn"].map(|act| format!("destructor {act}")));
    let missing: Vec<&String> = all.iter().filter(|word| !seen.contains(*word)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn most_functions_between_guests_have_strings() {
    let mut stream = chains(25);
    let (mut all, mut with) = (0, 0);
    for case in (0..8000).map(|_| stream.next_case()).step_by(20) {
        for (_, callee) in fused(&case.shape) {
            let is_string = |ty: &Type| ty.any(&mut |ty| matches!(ty, Type::String));
            all += 1;
            with += usize::from(
                callee.export.ty.params.iter().chain(&callee.export.ty.result).any(is_string),
            );
        }
    }
    assert!(percent(with, all) >= 75, "{with} of {all}");
}

#[test]
fn mutation_keeps_chains_valid() {
    let mut stream = chains(26);
    for seed in 0..150 {
        let mut case = stream.next_case();
        for step in 0..40 {
            let before = case.clone();
            let changed = mutate(&mut case, seed * 50 + step, &wide(), &Limits::CASE);
            assert_eq!(changed, before != case);
            assert!(case.shape.guests.len() > 1);
            check_chain(&case);
        }
    }
}

#[test]
fn shrinking_chains_never_grows_and_ends_small() {
    let mut stream = chains(27);
    for seed in 0..40 {
        let mut case = stream.next_case();
        let mut size = mutate::size(&case);
        for step in 0.. {
            if !shrink(&mut case, seed * 1000 + step, &wide(), &Limits::CASE) {
                break;
            }
            check_chain(&case);
            assert!(mutate::size(&case) < size);
            size = mutate::size(&case);
        }
        assert!(size.types + size.acts + size.values <= 3, "{size:?} {case:#?}");
    }
}

#[test]
fn crossing_keeps_chains_valid() {
    let mut stream = chains(28);
    let cases: Vec<Case> = (0..400).map(|_| stream.next_case()).collect();
    for (seed, pair) in (0..).zip(cases.windows(30)) {
        check_chain(&crossover(&pair[0], &pair[29], &wide(), seed));
        check_chain(&crossover(&pair[0], &super::stream(seed).next_case(), &wide(), seed));
    }
}

/// The guests and their parts in which two cases with as many of them differ, by name.
fn changed_in_chain(a: &Case, b: &Case) -> BTreeSet<String> {
    let mut changed = BTreeSet::new();
    if a.shape.guests.len() != b.shape.guests.len() || a.calls.len() != b.calls.len() {
        changed.insert("number of guests or calls".to_string());
        return changed;
    }
    for (number, (x, y)) in a.shape.guests.iter().zip(&b.shape.guests).enumerate().take(2) {
        let mut note = |differs: bool, name: &str| {
            changed.extend(differs.then(|| format!("{name} {number}")));
        };
        note(x.ptr_type != y.ptr_type, "ptr-type");
        note(x.pages != y.pages, "pages");
        note(x.export.ty != y.export.ty, "export type");
        note(x.export.opts != y.export.opts, "export options");
        note(
            x.import.as_ref().map(|f| f.opts) != y.import.as_ref().map(|f| f.opts),
            "import options",
        );
        for (x, y) in a.calls.iter().zip(&b.calls) {
            let (x, y) = (&x.scripts[number], &y.scripts[number]);
            note(x.realloc != y.realloc, "realloc");
            note(x.function.acts != y.function.acts, "steps");
            note(x.function.end != y.function.end, "finish");
            note(x.post_return != y.post_return, "post-return");
            note(x.destructor != y.destructor, "destructor");
        }
    }
    changed
}

#[test]
fn every_part_of_every_guest_can_be_mutated() {
    let mut stream = chains(29);
    let mut reached = BTreeSet::new();
    for seed in 0..40000 {
        let case = stream.next_case();
        let mut mutated = case.clone();
        mutate(&mut mutated, seed, &wide(), &Limits::CASE);
        reached.extend(changed_in_chain(&case, &mutated));
    }
    let parts = [
        "ptr-type",
        "pages",
        "export type",
        "export options",
        "import options",
        "realloc",
        "steps",
        "finish",
        "post-return",
        "destructor",
    ];
    let mut all: BTreeSet<String> =
        parts.iter().flat_map(|part| [0, 1].map(|number| format!("{part} {number}"))).collect();
    all.insert("number of guests or calls".to_string());
    assert_eq!(reached, all);
}
