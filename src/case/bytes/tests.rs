use super::form::{Act, Answer, End, Passed};
use super::*;
use crate::abi::BuiltIn;
use crate::case::misuse::{Mistake, Misuse};
use crate::case::paths::{Api, Mode, Paths};
use crate::case::text;
use crate::case::{BuiltInCall, Chunk, Manner, Patch, Pointer, Resource, Tuning};

const PATHS: &str = include_str!("../../../tests/golden/bytes/paths.toml");
const CHAIN: &str = include_str!("../../../tests/golden/bytes/chain.toml");

/// The text of the case whose bytes these are, or why they are refused.
#[track_caller]
fn check(bytes: &[u8], expected: &str) {
    match decode(bytes) {
        Ok(case) => assert_eq!(text::wit(&case.shape), expected),
        Err(error) => assert_eq!(error.to_string(), expected),
    }
}

fn golden(text: &str) -> Case {
    text::parse(text).unwrap().case
}

/// A plain case with this function as its export and no calls.
fn with_param(param: &str) -> Case {
    let wit = format!("wit = \"world case {{ {param} }}\"");
    text::parse(&format!("rule = ''\n{wit}\n[export]\nmemory = true\nrealloc = true\n"))
        .unwrap()
        .case
}

/// Each of these is written with its position first.
#[track_caller]
fn check_order<T: serde::Serialize>(all: &[T]) {
    let first = |one: &T| usize::from(postcard::to_stdvec(one).unwrap()[0]);
    assert_eq!(all.iter().map(first).collect::<Vec<_>>(), (0..all.len()).collect::<Vec<_>>());
}

/// The golden files hold the form of what has fields; what has neither fields nor golden numbers is here.
#[test]
fn every_word_has_its_number() {
    let (resource, rep, handle, mistake) = (0, 0, 0, Mistake::OtherType);
    let built_in = BuiltInCall { which: BuiltIn::ResourceRep, of: resource, operand: handle };
    check_order(&Mode::ALL);
    check_order(&[Api::Dynamic, Api::Typed(0)]);
    check_order(&[Resource::Host, Resource::Guest { by: 0, destructor: false }]);
    check_order(&[Manner::Once, Manner::Twice, Manner::Misused(Misuse::ArgMissing)]);
    check_order(&[
        Misuse::ArgMissing,
        Misuse::ArgExtra,
        Misuse::ResultMissing,
        Misuse::ResultExtra,
        Misuse::Arg { node: 0, mistake },
        Misuse::Answer { node: 0, mistake },
        Misuse::Signature(0),
    ]);
    check_order(&Mistake::ALL);
    check_order(&[
        BuiltInCall { which: BuiltIn::ResourceNew, of: resource, operand: rep },
        BuiltInCall { which: BuiltIn::ResourceRep, of: resource, operand: handle },
        BuiltInCall { which: BuiltIn::ResourceDrop, of: resource, operand: handle },
    ]);
    check_order(&[
        Pointer::Forget,
        Pointer::At(0),
        Pointer::AtEnd(0),
        Pointer::Old,
        Pointer::Skew(0),
    ]);
    let raw = || Passed::Raw { flat: Vec::new(), memory: Vec::new() };
    check_order(&[
        Act::Import(raw(), Answer::Guest),
        Act::Leave,
        Act::BuiltIn(built_in),
        Act::Grow(0),
    ]);
    check_order(&[End::Plain, End::Return(raw()), End::Answer(Pointer::Old), End::Trap]);
    let chunk = Chunk { at: 0, bytes: Vec::new() };
    check_order(&[Patch::Flat { index: 0, bits: 0 }, Patch::Memory(chunk)]);
}

#[test]
fn every_choice_of_a_tuning_has_its_place() {
    for place in 0..8 {
        let mut tuning = Tuning::PLAIN;
        for (other, choice) in tuning.choices().into_iter().enumerate() {
            *choice = other == place;
        }
        let expected: Vec<u8> = (0..8).map(|other| u8::from(other == place)).collect();
        assert_eq!(postcard::to_stdvec(&tuning).unwrap(), expected);
    }
}

#[test]
fn a_thousand_positional_cases_fit_easily() {
    let cases: Vec<String> = (0..1_000).map(|i| format!("c{i}")).collect();
    let case = with_param(&format!(
        "variant v {{ {} }} export f: func(p0: v, p1: list<v>) -> v;",
        cases.join(", ")
    ));
    let bytes = encode(&case);
    assert_eq!(bytes.len(), 51);
    assert_eq!(decode(&bytes).unwrap(), case);
}

#[test]
fn equal_types_are_written_once() {
    let one = with_param("record r { f0: u8, a: string } export f: func(p0: r);");
    let two = with_param("record r { f0: u8, a: string } export f: func(p0: r, p1: r, p2: u8);");
    // The count of params, then another run of them.
    assert_eq!(encode(&two).len(), encode(&one).len() + 3);
    assert_eq!(decode(&encode(&two)).unwrap(), two);
}

#[test]
fn a_function_of_two_guests_is_written_once() {
    let case = golden(PATHS);
    let mut one = case.clone();
    let types = "record t0 { f0: u8, a: string } export f: func(p0: t0);";
    one.shape.guests = with_param(types).shape.guests;
    one.paths = Paths::PLAIN;
    one.calls.clear();
    let mut two = one.clone();
    let callee = one.shape.guests[0].clone();
    two.shape.guests[0].import = Some(callee.export.clone());
    two.shape.guests.push(callee);
    // The options of the import, the second guest, and its function, whose types are in the table.
    assert_eq!(encode(&two).len(), encode(&one).len() + 4 + 9 + 6);
    assert_eq!(decode(&encode(&two)).unwrap(), two);
}

#[test]
fn guests_and_their_functions_are_counted_before_they_are_built() {
    let damaged = |change: fn(&mut Case)| {
        let mut case = golden(PATHS);
        case.calls.clear();
        change(&mut case);
        decode(&encode(&case)).unwrap_err().to_string()
    };
    let why = damaged(|case| case.shape.guests = vec![case.shape.guests[0].clone(); 5]);
    assert_eq!(why, "5 guests are more than 4");
    assert_eq!(damaged(|case| case.shape.guests.clear()), "there is no guest");
    // No types, no functions, and a guest.
    let rest: [&[u8]; 3] = [&[0, 0, 1], &[0, 1, 1, 0, 0, 0, 0, 0, 0], &[0, 0]];
    check(
        &[BEGINNING.concat(), rest.concat()].concat(),
        "the guests have 1 functions, and 0 have a type",
    );
}

#[test]
fn a_script_is_a_guest_s() {
    let mut case = golden(CHAIN);
    let script = case.calls[0].scripts[1].clone();
    case.calls[0].scripts.push(script);
    check(&encode(&case), "a script has no guest");
    case.calls[0].scripts.truncate(1);
    check(&encode(&case), "call 0: 1 of 2 scripts are given");
}

#[test]
fn the_deepest_type_is_no_danger() {
    let deep = format!("{}u8{}", "option<".repeat(89), ">".repeat(89));
    let case = with_param(&format!("export f: func(p0: {deep});"));
    assert_eq!(decode(&encode(&case)).unwrap(), case);
}

#[test]
fn what_is_no_case_is_refused() {
    check(b"", "the magic is missing");
    check(b"cfx1", "the magic is missing");
    check(b"cfz", "the version is missing");
    check(b"cfz1", "version 0x31 is unknown");
    check(b"cfz0", "Hit the end of buffer, expected more data");
    check(&[0; 65_537], "65537 bytes are more than 65536");
    check(&[encode(&golden(PATHS)), vec![0]].concat(), "1 bytes follow the case");
    let mut invalid = golden(PATHS);
    invalid.shape.guests[0].pages.initial = 0;
    check(&encode(&invalid), "memory: initial is 0");
}

/// The head, plain tuning and paths, and no resources.
const BEGINNING: [&[u8]; 4] = [b"cfz0", &[0; 8], &[0; 6], &[0]];

/// A case whose export takes the last of `types`, which are entries of the table in bytes, and no calls.
fn table(types: &[&[u8]]) -> Vec<u8> {
    let last = u8::try_from(types.len()).unwrap() - 1;
    let function = [1, 1, 1, 1, last, 0, 0];
    let guest = [1, 0, 1, 1, 0, 1, 1, 0, 0, 0];
    let rest = [&[last + 1], &*types.concat(), &function, &guest, &[0, 0]];
    [BEGINNING.concat(), rest.concat()].concat()
}

#[test]
fn a_table_of_types_cannot_lie() {
    const BOOL: &[u8] = &[0];
    check(&table(&[BOOL]), "world case {\n  export f: func(p0: bool);\n}\n");
    check(&table(&[&[13, 0]]), "a type refers to a later one");
    // There is no type of this number.
    check(&table(&[&[25, 0]]), "Serde Deserialization Error");
    check(&table(&[&[13, 9], BOOL, &[13, 0]]), "a type refers to a later one");
    check(&table(&[&[15, 1, 3, 0, 0]]), "a member lacks its type");
    check(&table(&[&[18, 1, 1, 7, 1, b'a']]), "a label has no member");
    // An enum of 2^32 - 1 cases.
    check(&table(&[&[18, 0xff, 0xff, 0xff, 0xff, 0x0f, 0]]), "the types are too many");
    // A tree of 2^40 nodes: each entry is a tuple of two of the one before.
    let pairs: Vec<Vec<u8>> = (0..40).map(|entry| vec![16, 1, 2, 1, entry]).collect();
    let doubling: Vec<&[u8]> = [BOOL].into_iter().chain(pairs.iter().map(|p| &**p)).collect();
    check(&table(&doubling), "the types are too many");
    let lists: Vec<Vec<u8>> = (0..100).map(|entry| vec![13, entry]).collect();
    let nested: Vec<&[u8]> = [BOOL].into_iter().chain(lists.iter().map(|l| &**l)).collect();
    check(&table(&nested), "the type is nested too deeply");
}
