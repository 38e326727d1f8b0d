use super::*;
use crate::case::paths::Paths;
use crate::case::text;

const GOLDEN: &[u8] = include_bytes!("../../../tests/golden/case-v4.bin");
const TWIN: &str = include_str!("../../../tests/golden/case-v4.toml");
/// The same of a case that needs version 5.
const NOISY: &[u8] = include_bytes!("../../../tests/golden/case-v5.bin");
const NOISY_TWIN: &str = include_str!("../../../tests/golden/case-v5.toml");
/// Bytes of older versions, and their cases.
const OLD: [(&[u8], &str); 3] = [
    (
        include_bytes!("../../../tests/golden/case-v1.bin"),
        include_str!("../../../tests/golden/case-v1.toml"),
    ),
    (
        include_bytes!("../../../tests/golden/case-v2.bin"),
        include_str!("../../../tests/golden/case-v2.toml"),
    ),
    (
        include_bytes!("../../../tests/golden/case-v3.bin"),
        include_str!("../../../tests/golden/case-v3.toml"),
    ),
];

/// The text of the case whose bytes these are, or why they are refused.
#[track_caller]
fn check(bytes: &[u8], expected: &str) {
    match decode(bytes) {
        Ok(case) => assert_eq!(text::wit(&case.shape), expected),
        Err(error) => assert_eq!(error.to_string(), expected),
    }
}

fn golden() -> Case {
    text::parse(TWIN).unwrap().case
}

/// `golden` with this function as its export and no calls.
fn with_param(param: &str) -> Case {
    let wit = format!("wit = \"world case {{ {param} }}\"");
    let options = "memory = true\nrealloc = true";
    text::parse(&format!(
        "rule = ''\n{wit}\n[subject]\noptimize = false\npooling = false\nmoving-memory = false\n\
        concurrency = false\n[memory]\ninitial = 1\nmaximum = 1\n\
        [export]\nstring-encoding = 'utf8'\n{options}\npost-return = false\n"
    ))
    .unwrap()
    .case
}

#[test]
fn the_golden_bytes_are_still_the_golden_case() {
    assert_eq!(decode(GOLDEN).unwrap(), golden());
    assert_eq!(decode(NOISY).unwrap(), text::parse(NOISY_TWIN).unwrap().case);
    for (bytes, twin) in OLD {
        let case = text::parse(twin).unwrap().case;
        assert_eq!(decode(bytes).unwrap(), case);
        assert_eq!(decode(&encode(&case)).unwrap(), case);
    }
}

#[test]
fn the_newest_version_writes_the_golden_bytes() {
    assert_eq!(encode(&golden()), GOLDEN);
    assert_eq!(encode(&text::parse(NOISY_TWIN).unwrap().case), NOISY);
}

#[test]
fn a_thousand_positional_cases_fit_easily() {
    let cases: Vec<String> = (0..1_000).map(|i| format!("c{i}")).collect();
    let case = with_param(&format!(
        "variant v {{ {} }} export f: func(p0: v, p1: list<v>) -> v;",
        cases.join(", ")
    ));
    let bytes = encode(&case);
    assert_eq!(bytes.len(), 50);
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
    let case = golden();
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
    assert_eq!(encode(&two).len(), encode(&one).len() + 4 + 8 + 5);
    assert_eq!(decode(&encode(&two)).unwrap(), two);
}

#[test]
fn guests_and_their_functions_are_counted_before_they_are_built() {
    let damaged = |change: fn(&mut Case)| {
        let mut case = golden();
        case.calls.clear();
        change(&mut case);
        decode(&encode(&case)).unwrap_err().to_string()
    };
    let why = damaged(|case| case.shape.guests = vec![case.shape.guests[0].clone(); 5]);
    assert_eq!(why, "5 guests are more than 4");
    assert_eq!(damaged(|case| case.shape.guests.clear()), "there is no guest");
    // The head, and then: no resources, no types, no functions, and a guest.
    let bytes = [b"cfz3".as_slice(), &[0; 6], &[0, 0, 0, 1], &[0, 1, 1, 0, 0, 0, 0, 0], &[0, 0]];
    check(&bytes.concat(), "the guests have 1 functions, and 0 have a type");
}

#[test]
fn a_script_is_a_guest_s() {
    let mut case = text::parse(OLD[2].1).unwrap().case;
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
    check(b"cfz9", "version 0x39 is unknown");
    check(b"cfz1", "Hit the end of buffer, expected more data");
    check(&[0; 65_537], "65537 bytes are more than 65536");
    check(&[GOLDEN, &[0]].concat(), "1 bytes follow the case");
    let mut invalid = golden();
    invalid.shape.guests[0].pages.initial = 0;
    check(&encode(&invalid), "memory: initial is 0");
}

/// A case whose export takes the last of `types`, which are entries of the table in bytes.
fn table(types: &[&[u8]]) -> Vec<u8> {
    let last = u8::try_from(types.len()).unwrap() - 1;
    let head = [b"cfz1".as_slice(), &[0, 0, 0, 0, 1, 1, last + 1]].concat();
    let export = [1, 1, 1, last, 0, 0, 1, 1, 0];
    [head, types.concat(), export.to_vec(), vec![0, 0, 0]].concat()
}

#[test]
fn a_table_of_types_cannot_lie() {
    const BOOL: &[u8] = &[0];
    check(&table(&[BOOL]), "world case {\n  export f: func(p0: bool);\n}\n");
    check(&table(&[&[13, 0]]), "a type refers to a later one");
    // Version 2 has a type of this number.
    check(&table(&[&[23, 0]]), "Serde Deserialization Error");
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

fn through_text(case: &Case) -> Case {
    let file =
        text::CaseFile { rule: String::new(), story: None, case: case.clone(), expect: Vec::new() };
    text::parse(&text::print(&file)).unwrap().case
}

#[test]
fn no_damage_makes_decoding_panic() {
    for golden in OLD.map(|(bytes, _)| bytes).into_iter().chain([GOLDEN]) {
        for position in 0..golden.len() {
            for bit in 0..u8::BITS {
                let mut bytes = golden.to_vec();
                bytes[position] ^= 1 << bit;
                if let Ok(case) = decode(&bytes) {
                    assert_eq!(decode(&encode(&case)).unwrap(), case);
                    assert_eq!(through_text(&case), case);
                }
            }
            assert!(decode(&golden[..position]).is_err());
        }
    }
}
