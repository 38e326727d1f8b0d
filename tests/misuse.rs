//! Mistakes of the host's in using the interface: each is answered with an error, wherever it is.

use canonfuzz::abi::{Deviation, Deviations};
use canonfuzz::case::check::{self, check, last_answer};
use canonfuzz::case::misuse::{Mistake, Misuse, nodes};
use canonfuzz::case::{Case, CaseKind, Limits, Manner, text};
use canonfuzz::engine::wasmtime;
use canonfuzz::generate::Stream;
use canonfuzz::mix::Mix;
use canonfuzz::observation::{HostEvent, Outcome, Reading};
use canonfuzz::oracle::Verdict;
use canonfuzz::{Session, corpus, report};

/// A type, with what it needs to be declared, and one of its values.
type Row = (&'static str, &'static str, &'static str);

const ROWS: &[Row] = &[
    ("", "bool", "true"),
    ("", "s8", "-1"),
    ("", "u8", "1"),
    ("", "s16", "-1"),
    ("", "u16", "1"),
    ("", "s32", "-1"),
    ("", "u32", "1"),
    ("", "s64", "-1"),
    ("", "u64", "1"),
    ("", "f32", "1"),
    ("", "f64", "1"),
    ("", "char", "'a'"),
    ("", "string", "\"ab\""),
    ("", "list<u8>", "[1, 2]"),
    ("", "list<string>", "[\"a\", \"b\", \"\"]"),
    ("record t { a: u8, b: u16 }", "t", "{a: 1, b: 2}"),
    ("record t { a: u8, b: string }", "t", "{a: 1, b: \"x\"}"),
    ("", "tuple<u8, u16>", "(1, 2)"),
    ("variant t { a, b(u8) }", "t", "a"),
    ("variant t { a, b(u8) }", "t", "b(1)"),
    ("enum t { a, b }", "t", "b"),
    ("", "option<u8>", "some(1)"),
    ("", "option<u8>", "none"),
    ("", "result<u8, u16>", "ok(1)"),
    ("", "result<u8, u16>", "err(1)"),
    ("", "result", "ok"),
    ("", "result<_, u8>", "ok"),
    ("flags t { a, b, c }", "t", "{a, c}"),
    ("flags t { a, b, c }", "t", "{}"),
    ("", "map<u8, string>", "[(1, \"a\"), (2, \"b\")]"),
    ("", "list<u8, 2>", "[1, 2]"),
    ("", "r0", "7"),
    ("", "borrow<r0>", "7"),
    ("", "tuple<r0, u8, r0>", "(7, 1, 8)"),
];

/// What a value is put into.
type Around = (&'static str, &'static str);

const AROUND: &[Around] = &[
    ("$", "$"),
    ("option<tuple<u8, $>>", "some((1, $))"),
    ("list<$>", "[$, $, $]"),
    ("tuple<result<list<$>>, $>", "(ok([$]), $)"),
    // More than are passed as core values.
    (
        "tuple<$, u64, u64, u64, u64, u64, u64, u64, u64, u64, u64, u64, u64, u64, u64, u64, u64>",
        "($, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1)",
    ),
];

const CALL: &str = "[[call]]\n";

/// A case with one guest, which knows a resource of the host's.
fn case(declared: &str, functions: &str, calls: &str, concurrency: bool) -> Case {
    let import = match functions.contains("import") {
        true => "[import]\nmemory = true\nrealloc = true\n",
        false => "",
    };
    let text = format!(
        "rule = ''\nwit = '''world case {{ resource r0; {declared} {functions} }}'''\n\
        [subject]\nconcurrency = {concurrency}\n\
        [[resource]]\ndefined-by = 'host'\n\
        [export]\nmemory = true\nrealloc = true\n\
        {import}{calls}"
    );
    text::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}")).case
}

/// The value among the arguments of each call.
fn as_argument((declared, ty, value): Row, (types, values): Around, concurrency: bool) -> Case {
    let functions = format!("export f: func(p0: {});", types.replace('$', ty));
    let call = format!(
        "{CALL}args = ['''{}''']\n[call.return]\nvalues = []\n",
        values.replace('$', value)
    );
    // What is lent stays lent here, so that no call comes back.
    let calls = if ty.contains("borrow") { 1 } else { 3 };
    case(declared, &functions, &call.repeat(calls), concurrency)
}

/// The value as the second answer of one call.
fn as_answer((declared, ty, value): Row, (types, values): Around, concurrency: bool) -> Case {
    let functions = format!("import g: func() -> {}; export f: func();", types.replace('$', ty));
    let answer = format!("[[call.step]]\nanswer = '''return {}'''\n", values.replace('$', value));
    case(
        declared,
        &functions,
        &format!("{CALL}{}[call.return]\nvalues = []\n", answer.repeat(2)),
        concurrency,
    )
}

/// The case with this mistake in a call: all calls after it, where it does not end the case.
fn with(case: &Case, call: usize, misuse: Misuse) -> Case {
    let mut case = case.clone();
    case.calls[call].manner = Manner::Misused(misuse);
    if check::ends(&case.shape, misuse) {
        case.calls.truncate(call + 1);
    }
    check(&case, &Limits::CASE).unwrap();
    case
}

/// Each mistake that fits a value among these, wherever it is.
fn mistakes(
    types: &[canonfuzz::types::Type],
    values: &[canonfuzz::value::Value],
) -> Vec<(u32, Mistake)> {
    let nodes = nodes(types, values);
    let each = (0..).zip(&nodes).flat_map(|(number, node)| {
        Mistake::ALL
            .into_iter()
            .filter(|mistake| mistake.fits(node))
            .map(move |mistake| (number, mistake))
    });
    each.collect()
}

/// Whether the reference says that an engine sees the mistake.
fn is_seen(reading: &Reading) -> bool {
    let told = reading.observation.calls.iter().any(|call| call.host.contains(&HostEvent::Misused));
    told || matches!(reading.observation.outcome, Outcome::Misused(_))
}

/// The mistakes that this release is known to take, and what it takes them for.
fn is_known(misuse: Misuse, deviations: &[Deviation]) -> bool {
    let locks = matches!(misuse, Misuse::Arg { .. }).then_some(Deviation::WrongArgLocksInstance);
    let passes = match misuse.mistake() {
        Some(Mistake::DuplicateFlag) => Some(Deviation::DuplicateFlagPasses),
        Some(Mistake::OtherStore) => Some(Deviation::ForeignHandlePasses),
        Some(_) | None => None,
    };
    deviations.iter().all(|deviation| Some(*deviation) == locks || Some(*deviation) == passes)
}

/// Runs a case with a mistake; a complaint, where it is not as it should be.
fn complaint(session: &mut Session, case: &Case, misuse: Misuse) -> Option<String> {
    let checked = session.check(case).unwrap();
    assert!(is_seen(&checked.expected), "{misuse:?}: {case:?}");
    match &checked.verdict {
        Verdict::Agree => None,
        Verdict::Accepted(deviations) if is_known(misuse, deviations) => None,
        Verdict::Disagree(difference) => Some(
            report::disagreement(&format!("{misuse:?}"), case, &checked, difference, "")
                + "\n"
                + &text::print(&corpus::unexplained(case.clone())),
        ),
        other @ (Verdict::Accepted(_) | Verdict::Inconclusive(_) | Verdict::Unsupported(_)) => {
            Some(format!("{misuse:?}: {other:?}"))
        }
    }
}

fn runs(row: Row, around: Around) -> bool {
    let case = as_argument(row, around, true);
    check::features(&case).into_iter().all(wasmtime::supports)
}

#[test]
fn every_mistake_in_an_argument_is_refused() {
    let mut session = Session::new().unwrap();
    let mut complaints = Vec::new();
    for (row, around) in
        ROWS.iter().flat_map(|row| AROUND.iter().map(move |around| (*row, *around)))
    {
        for concurrency in [false, true] {
            if !runs(row, around) {
                continue;
            }
            let case = as_argument(row, around, concurrency);
            let params = &case.shape.guests[0].export.ty.params;
            let middle = case.calls.len() / 2;
            for (node, mistake) in mistakes(params, &case.calls[middle].args) {
                let misuse = Misuse::Arg { node, mistake };
                complaints.extend(complaint(&mut session, &with(&case, middle, misuse), misuse));
            }
        }
    }
    assert!(complaints.is_empty(), "{}\n{}", complaints.len(), complaints.join("\n"));
}

#[test]
fn every_mistake_in_an_answer_is_refused() {
    let mut session = Session::new().unwrap();
    let mut complaints = Vec::new();
    for (row, around) in
        ROWS.iter().flat_map(|row| AROUND.iter().map(move |around| (*row, *around)))
    {
        for concurrency in [false, true] {
            if !runs(row, around) || row.1.contains("borrow") {
                continue;
            }
            let case = as_answer(row, around, concurrency);
            let import = case.shape.guests[0].import.as_ref().unwrap();
            let answer = last_answer(&case.calls[0]);
            for (node, mistake) in mistakes(import.ty.results(), answer.as_slice()) {
                let misuse = Misuse::Answer { node, mistake };
                complaints.extend(complaint(&mut session, &with(&case, 0, misuse), misuse));
            }
        }
    }
    assert!(complaints.is_empty(), "{}\n{}", complaints.len(), complaints.join("\n"));
}

#[test]
fn arguments_and_results_are_counted() {
    let mut session = Session::new().unwrap();
    let call = format!("{CALL}args = ['7', '\"a\"']\n[call.return]\nvalues = ['5']\n");
    for concurrency in [false, true] {
        let case =
            case("", "export f: func(p0: r0, p1: string) -> u8;", &call.repeat(3), concurrency);
        for misuse in
            [Misuse::ArgMissing, Misuse::ArgExtra, Misuse::ResultMissing, Misuse::ResultExtra]
        {
            let complaint = complaint(&mut session, &with(&case, 1, misuse), misuse);
            assert_eq!(complaint, None);
        }
    }
}

#[test]
fn a_function_is_not_taken_for_one_of_other_static_types() {
    let mut session = Session::new().unwrap();
    let call = format!("{CALL}args = ['1']\n[call.return]\nvalues = ['5']\n");
    let case = case("", "export f: func(p0: u8) -> u8;", &call.repeat(3), true);
    let ours = &case.shape.guests[0].export.ty;
    let signatures = wasmtime::allowed().signatures;
    for (number, signature) in (0..).zip(&*signatures) {
        if signature.ty != *ours {
            let misuse = Misuse::Signature(number);
            assert_eq!(complaint(&mut session, &with(&case, 1, misuse), misuse), None);
        }
    }
}

fn generated(count: usize) -> impl Iterator<Item = Case> {
    let allowed = wasmtime::allowed();
    let mut stream = Stream::new(20_261_127, CaseKind::Misuse, allowed, Limits::CASE);
    (0..count).map(move |_| stream.next_case())
}

/// Whatever goes before, and by whichever way the host calls.
#[test]
fn generated_mistakes_are_refused() {
    let mut session = Session::new().unwrap();
    let mut complaints = Vec::new();
    let mut seen = 0;
    for case in generated(1_500) {
        let checked = session.check(&case).unwrap();
        seen += usize::from(is_seen(&checked.expected));
        if let Verdict::Disagree(difference) = &checked.verdict {
            complaints.push(report::disagreement("", &case, &checked, difference, ""));
            complaints.push(text::print(&corpus::unexplained(case)));
        }
    }
    assert!(complaints.is_empty(), "{}\n{}", complaints.len(), complaints.join("\n"));
    assert!(seen > 500, "only {seen} mistakes were made");
}

#[test]
fn generated_mistakes_are_of_all_kinds_and_everywhere() {
    let allowed = wasmtime::allowed();
    let mut mix = Mix::new(CaseKind::Misuse, &allowed);
    let mut session = Session::new().unwrap();
    for case in generated(36_000) {
        let reading = session.read(&case, Deviations::NONE).unwrap();
        mix.add(&case, &reading);
    }
    assert!(mix.contradicted().is_empty(), "{:?}", mix.contradicted());
    assert!(mix.empty().is_empty(), "{}", mix.text());
}
