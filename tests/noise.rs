//! Guests with core code of their own: which code may be there, and how far what is drawn comes.

use canonfuzz::Session;
use canonfuzz::case::{Call, CaseKind, Limits, Manner, Script, bytes, text};
use canonfuzz::engine::wasmtime;
use canonfuzz::generate::Stream;
use canonfuzz::mix::Mix;
use canonfuzz::oracle::Verdict;
use canonfuzz::report;

/// A case of a guest that has this core code, a resource with a destructor, and an import.
fn parse(core: &str) -> Result<text::CaseFile, String> {
    let wit =
        "wit = 'world case { resource r0; import g: func(p0: u64); export f: func() -> f32; }'";
    let options = "memory = true\nrealloc = true\n";
    let text = format!(
        "rule = ''\n{wit}\ncore = '''\n{core}\n'''\n\
        [[resource]]\ndefined-by = 'guest'\ndestructor = true\n\
        [export]\n{options}post-return = true\n[import]\n{options}"
    );
    text::parse(&text).map_err(|error| error.to_string())
}

#[track_caller]
fn refused(core: &str, why: &str) {
    let error = parse(core).unwrap_err();
    assert!(error.contains(why), "{error}");
}

#[track_caller]
fn accepted(core: &str) {
    let file = parse(core).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(CaseKind::of(&file.case), CaseKind::Noisy);
    assert_eq!(bytes::decode(&bytes::encode(&file.case)).unwrap(), file.case);
    let printed = text::print(&file);
    assert_eq!(text::print(&text::parse(&printed).unwrap()), printed);
}

#[test]
fn core_code_imports_and_exports_what_the_puppet_has_and_leaves_to_it() {
    accepted("(module)");
    accepted(
        "(module (import \"eyes\" \"memory\" (memory 1)) (import \"eyes\" \"step\" (func))
        (import \"eyes\" \"results\" (func (result f32)))
        (import \"eyes\" \"allocate\" (func (param i32 i32 i32 i32) (result i32)))
        (import \"eyes\" \"import\" (func (param i64)))
        (import \"eyes\" \"new-0\" (func (param i32) (result i32)))
        (import \"eyes\" \"rep-0\" (func (param i32) (result i32)))
        (import \"eyes\" \"drop-0\" (func (param i32)))
        (func (export \"f\") (result f32) f32.const nan:0x200001)
        (func (export \"realloc\") (param i32 i32 i32 i32) (result i32) local.get 0)
        (func (export \"post-return\") (param f32))
        (func (export \"refuel\")) (func (export \"destructor-0\") (param i32))
        (table 2 16 funcref) (global (export \"other\") i32 i32.const 0))",
    );
}

#[test]
fn core_code_that_is_something_else_is_refused() {
    refused("(module (import \"env\" \"step\" (func)))", "core: it imports from env");
    refused("(module (import \"eyes\" \"leap\" (func)))", "core: there is no leap to import");
    refused("(module (import \"eyes\" \"new-1\" (func)))", "core: there is no new-1 to import");
    refused(
        "(module (import \"eyes\" \"import\" (func (param i32))))",
        "core: the type of import is not (func (param i64) (result))",
    );
    refused("(module (import \"eyes\" \"memory\" (memory 1 1)))", "a memory of another type");
    refused("(module (import \"eyes\" \"memory\" (memory i64 1)))", "core: ");
    refused("(module (func (export \"f\")))", "core: the type of f is not");
    refused("(module (global (export \"f\") i32 i32.const 0))", "core: its f is no function");
    refused("(module (memory 1))", "core: it defines a memory");
    refused("(module (func $f) (start $f))", "core: it has a start function");
    refused("(module (table 2000 2000 funcref))", "core: it has more than 1 tables");
    refused("(module (func (result i32) i64.const 0))", "core: type mismatch");
    refused("(module (func (param v128)))", "core: ");
    refused("(module (func (param externref)))", "core: ");
    refused("(component)", "core: ");
    // The text begins in the third line of the file.
    refused("(module\n  (fun))", "line 5: core: ");
}

#[test]
fn text_of_core_code_says_what_its_bytes_do() {
    for case in stream(60) {
        for code in case.shape.guests.iter().filter_map(|guest| guest.noise.as_ref()) {
            assert_eq!(text::parse_wat(&text::wat(code)).as_ref(), Ok(code));
        }
    }
}

#[test]
fn one_call_in_five_lifts_or_lowers_what_noise_passes() {
    let mut session = Session::new().unwrap();
    let mut mix = Mix::new(CaseKind::Noisy, &wasmtime::allowed());
    let (mut cases, mut inconclusive) = (0, 0);
    for case in stream(600) {
        let checked = session.check(&case).unwrap();
        assert!(!matches!(checked.verdict, Verdict::Disagree(_)), "{:?}", checked.verdict);
        inconclusive += usize::from(matches!(checked.verdict, Verdict::Inconclusive(_)));
        cases += 1;
        mix.add(&case, &checked.expected);
    }
    assert!(inconclusive * 100 <= cases, "{inconclusive} of {cases} cases say nothing");
    let text = mix.text();
    let line = text.lines().find(|line| line.ends_with(": all")).unwrap();
    let percent = line.split_once('(').and_then(|(_, rest)| rest.split_once(' ')).unwrap().0;
    assert!(percent.parse::<u32>().unwrap() >= 20, "{text}");
}

#[test]
fn both_core_engines_do_the_same_with_no_component_around_them() {
    let mut session = Session::new().unwrap();
    for case in stream(150) {
        assert_eq!(session.core_difference(&case).unwrap(), None);
    }
}

/// wasmi 2.0.0 is wrong here: it takes `i32.eqz` and `select` for one instruction, and then looks for the
/// condition in a register that it was not loaded into. What is drawn avoids that until wasmi does not.
#[test]
fn core_engines_that_differ_are_told_apart_from_the_canonical_abi() {
    let core = "(module (func (export \"f\") (result f32) (local i32 i32)
        (local.set 1 (i32.add (local.get 0) (i32.const 7)))
        (f32.convert_i32_s
            (select (i32.const 6) (local.get 0) (i32.eqz (local.get 0))))))";
    let mut case = parse(core).unwrap().case;
    case.calls.push(Call {
        args: Vec::new(),
        scripts: vec![Script::least()],
        host_drops: Vec::new(),
        manner: Manner::Once,
    });
    let Verdict::Disagree(difference) = Session::new().unwrap().check(&case).unwrap().verdict
    else {
        panic!("both core engines do the same: let core code be drawn as it comes")
    };
    assert_eq!(report::class(&difference), "core engines differ");
}

fn stream(count: usize) -> impl Iterator<Item = canonfuzz::case::Case> {
    let mut stream = Stream::new(20_261_127, CaseKind::Noisy, wasmtime::allowed(), Limits::CASE);
    (0..count).map(move |_| stream.next_case())
}
