mod guests;

use super::*;
use crate::case::bytes;

const SAMPLE: &str = include_str!("../../../tests/golden/bytes/resources.toml");

/// A canonical document with this world, these options and what follows them.
fn document(wit: &str, rest: &str) -> String {
    format!(
        "rule = \"\"\nwit = \"\"\"\nworld case {{\n{wit}}}\n\"\"\"\n\n[export]\nmemory = true\n\
        realloc = true\n{rest}"
    )
}

const IMPORT: &str = "\n[import]\nstring-encoding = \"utf16\"\nmemory = true\nrealloc = true\n";

/// Reads `text` and prints it; an error stands for itself. What is read survives both encodings.
#[track_caller]
fn check(text: &str, expected: &str) {
    let file = match parse(text) {
        Ok(file) => file,
        Err(error) => return assert_eq!(error.to_string(), expected),
    };
    let printed = print(&file);
    assert_eq!(parse(&printed).unwrap(), file);
    assert_eq!(bytes::decode(&bytes::encode(&file.case)).unwrap(), file.case);
    assert_eq!(printed, expected);
}

#[track_caller]
fn check_canonical(wit: &str, rest: &str) {
    let text = document(wit, rest);
    check(&text, &text);
}

#[test]
fn the_sample_is_canonical() {
    check(SAMPLE, SAMPLE);
}

#[test]
fn what_is_plain_is_not_said() {
    let wit = "wit = \"\"\"\nworld case {\n  import g: func();\n  export f: func();\n}\n\"\"\"\n";
    let plain = format!("rule = \"\"\n{wit}");
    let said = |tables: &str, expected: &str| {
        check(&format!("{plain}{tables}"), &format!("{plain}{expected}"));
    };
    said("", "");
    said("[subject]\noptimize = false\nconcurrency = true\nsignals = true\nguards = true\n", "");
    said("[memory]\ninitial = 1\nmaximum = 1\naddresses = 32\n", "");
    said("[export]\nstring-encoding = 'utf8'\nmemory = false\npost-return = false\n", "");
    said("[import]\nstring-encoding = 'utf8'\nmemory = false\nrealloc = false\n", "");
    said("[subject]\n[paths]\n[memory]\n[export]\n[import]\n", "");
    let other = "\n[subject]\noptimize = true\nconcurrency = false\nguards = false\nfuel = true\n\n\
        [memory]\ninitial = 2\n\n[export]\npost-return = true\n\n[import]\n\
        string-encoding = \"utf16\"\nmemory = true\n";
    said(other, other);
    said("[memory]\nmaximum = 2\n", "\n[memory]\nmaximum = 2\n");
    let less = format!("{plain}[memory]\ninitial = 2\nmaximum = 1\n");
    check(&less, "line 8: memory: initial is more than maximum");
}

#[test]
fn what_behaves_needs_few_words() {
    check_canonical("  export f: func();\n", "");
    check_canonical("  export f: func();\n", "\n[[call]]\n\n[[call]]\nfinish = \"trap\"\n");
}

#[test]
fn raw_data_is_told_from_lowered_data_even_if_there_is_none() {
    check_canonical("  export f: func();\n", "\n[[call]]\n\n[call.return]\nflat = []\n");
}

#[test]
fn a_turn_is_acts_and_an_end() {
    let tables = "\n[[resource]]\ndefined-by = \"guest\"\ndestructor = true\n";
    let text = |call: &str| {
        let wit = "  resource r0;\n  import g: func();\n  export f: func(p0: string);\n";
        let text = document(wit, &format!("post-return = true\n\n[[call]]\nargs = ['']\n{call}"));
        text.replace("args = ['']", "args = ['\"\"']")
            .replace("\n[export]", &format!("{tables}\n[export]"))
    };
    let canonical = |call: &str| check(&text(call), &text(call));
    canonical(
        "realloc = [\"bump\", \"grow 1; skew 8\", \"import\", \"resource.rep r0 1; grow 2; trap\"]\n",
    );
    canonical("post-return = \"grow 1; import\"\ndestructor = \"grow 1; trap\"\n");
    canonical("\n[[call.step]]\nact = \"grow 1\"\n\n[[call.step]]\nanswer = \"return\"\n");
    check(&text("realloc = ['grow 1; bump']\n"), &text("realloc = [\"grow 1\"]\n"));
    check(&text("post-return = 'nothing'\n"), &text(""));
    let refused = |call: &str, why: &str| check(&text(call), &format!("line 21: call 0: {why}"));
    refused("realloc = ['trap; grow 1']", "realloc[0]: realloc cannot `trap`");
    refused("realloc = ['grow 1; jump']", "realloc[0]: realloc cannot `jump`");
    refused("realloc = ['']", "realloc[0]: realloc cannot ``");
    refused("post-return = 'old'", "post-return: post-return cannot `old`");
    let leaves = text("\n[[call.step]]\nact = 'import'\n");
    check(&leaves, "line 19: call 0, step 0: the function says what it passes to the import");
}

#[test]
fn types_are_named_when_they_are_complete() {
    check_canonical(
        "  enum t0 { c0 }\n  record t1 { f0: t0, f1: list<t0> }\n  flags t2 { b0 }\n\
        \x20 import g: func(p0: t1) -> t2;\n  export f: func(p0: t0, p1: t2, p2: t1);\n",
        IMPORT,
    );
    check(
        &document("  export f: func(a: b) -> d;\n  type d = b;\n  enum b { c0 }\n", ""),
        &document("  enum t0 { c0 }\n  export f: func(p0: t0) -> t0;\n", ""),
    );
}

#[test]
fn functions_may_be_async() {
    check_canonical("  export f: async func(p0: u8);\n", "");
}

#[test]
fn every_type_can_be_written() {
    check_canonical(
        "  variant t0 { c0, %type(bool), %option(s8) }\n  flags t1 { b0, %f32, A-1 }\n\
        \x20 record t2 { f0: u8, %list: s16 }\n  enum t3 { c0, none, %error-context }\n\
        \x20 export f: func(p0: t0, p1: tuple<t1, t2, t3>, p2: result, p3: result<u16, s32>);\n",
        "",
    );
    check_canonical(
        "  export f: func(p0: result<_, u32>, p1: result<s64>, p2: option<u64>, p3: list<f32, 3>);\n",
        "",
    );
    check_canonical("  export f: func(p0: map<char, string>) -> list<list<f64>>;\n", "");
}

const RESOURCES: &str = "\n[[resource]]\ndefined-by = \"host\"\n\n[[resource]]\n\
    defined-by = \"guest\"\ndestructor = true\n";

/// A document of a world with two resources; `rest` follows the options of the export.
fn with_resources(wit: &str, tables: &str, rest: &str) -> String {
    let wit = format!("  resource r0;\n  resource r1;\n{wit}");
    document(&wit, rest).replace("\n[export]", &format!("{tables}\n[export]"))
}

#[test]
fn handles_are_written_as_wit_has_them_and_their_values_as_numbers() {
    let check = |wit: &str, rest: &str| {
        let text = with_resources(wit, RESOURCES, rest);
        check(&text, &text);
    };
    check("  export f: func();\n", "");
    check(
        "  record t0 { f0: r0, f1: list<borrow<r1>> }\n  export f: func(p0: t0) -> r1;\n",
        "\n[[call]]\nargs = [\"{f0: 4294967295, f1: [0, 1]}\"]\ndestructor = \"resource.rep r1 7\"\n\
        host-drops = [0, 4]\n\n[[call.step]]\nact = \"resource.new r1 3\"\n\n\
        [call.return]\nvalues = [\"1\"]\n",
    );
    let owned = with_resources("  export f: func(p0: own<r0>);\n", RESOURCES, "");
    super::tests::check(&owned, &owned.replace("own<r0>", "r0"));
}

#[test]
fn errors_about_resources_name_what_is_wrong() {
    let tables = |tables: &str, expected: &str| {
        check(&with_resources("  export f: func();\n", tables, ""), expected);
    };
    tables("", "line 2: resource: the world has 2, and 0 are described");
    let other = RESOURCES.replace("host", "me");
    tables(&other, "line 11: resource 0: expected host, guest, or guest 1 and so on, found `me`");
    let host = RESOURCES.replace("guest", "host");
    tables(&host, "line 14: resource 1: the host's have no destructor that says so");
    let wit = "  resource a;\n  export f: func();\n";
    check(&document(wit, ""), "line 3: wit: expected a resource `r0`, found `a`");
    let step = |step: &str, expected: &str| {
        let rest = format!("[[call]]\n[[call.step]]\n{step}\n");
        check(&with_resources("  export f: func();\n", RESOURCES, &rest), expected);
    };
    step("", "line 20: call 0: step 0: either `act` or `answer` is missing");
    step(
        "act = 'resource.new r1 0'\nanswer = 'return'",
        "line 20: call 0: step 0: an `act` has no other keys",
    );
    step(
        "act = 'resource.new r1'",
        "line 22: call 0: step 0: expected a built-in, a resource and a number, found \
        `resource.new r1`",
    );
    step("act = 'resource.new r01 1'", "line 22: call 0: step 0: no resource is `r01`");
    step("act = 'resource.old r1 1'", "line 22: call 0: step 0: no built-in is `resource.old`");
    step("act = 'resource.new r0 1'", "line 20: call 0, step 0: resource 0 is not the guest's");
}

#[test]
fn long_items_are_filled_into_lines() {
    let cases: Vec<String> = (0..40).map(|i| format!("c{i}")).collect();
    let params: Vec<String> = (0..9).map(|i| format!("p{i}: string")).collect();
    check(
        &document(
            &format!(
                "enum e {{ {} }} export f: func({}) -> e;\n",
                cases.join(","),
                params.join(",")
            ),
            "",
        ),
        &document(
            "  enum t0 {
    c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13, c14, c15, c16, c17, c18, c19, c20,
    c21, c22, c23, c24, c25, c26, c27, c28, c29, c30, c31, c32, c33, c34, c35, c36, c37, c38, c39,
  }
  export f: func(
    p0: string, p1: string, p2: string, p3: string, p4: string, p5: string, p6: string, p7: string,
    p8: string,
  ) -> t0;
",
            "",
        ),
    );
}

#[test]
fn long_memory_is_broken_into_lines() {
    let line = "00".repeat(32);
    let call = "\n[[call]]\n\n[call.return]\nflat = [\"0x400\"]\n";
    check_canonical(
        "  export f: func() -> string;\n",
        &format!("{call}memory = [\n  \"0x400 = {line}\",\n  \"0x0 = {line}\",\n]\n"),
    );
    check_canonical(
        "  export f: func() -> string;\n",
        &format!("{call}memory = [\n  \"\"\"0x400 =\n    {line}\n    ff\"\"\",\n]\n"),
    );
}

#[test]
fn texts_of_any_kind_survive() {
    let texts = [
        "",
        "a",
        "\"",
        "'",
        "\\",
        "'\"",
        "\"'",
        "a'\"b",
        "'''\"",
        "\"\"\"",
        "\n",
        "a\n",
        "\na",
        "\t\r\n",
        "\r",
        "\u{0}",
        "\u{7f}\u{85}",
        "\"\"\"\"\n",
        "\n\"",
        "\n\"\"\"\"\"\"\"",
        "\\\n",
        "é☃",
    ];
    for text in texts {
        let case = parse(SAMPLE).unwrap().case;
        let story = Some(text.to_string());
        let file = CaseFile { rule: text.into(), story, case, expect: vec![text.into(); 2] };
        assert_eq!(parse(&print(&file)).unwrap(), file, "{}", print(&file));
    }
}

#[test]
fn toml_errors_name_the_line() {
    let text = |rest| document("  export f: func();\n", rest);
    check("rule = 1", "line 1: invalid type: integer `1`, expected a string");
    check("rule = ''", "line 1: missing field `wit`");
    check("rule = ''\nrule = ''", "line 2: duplicate key");
    check(
        &text("[[call]]\nargh = []\n"),
        "line 12: unknown field `argh`, expected one of `manner`, `args`, `realloc`, `step`, `finish`, \
        `return`, `post-return`, `destructor`, `host-drops`, `guest`",
    );
    check(&text("[export]\n"), "line 11: duplicate key");
    check(&text("[call]\n"), "line 11: invalid type: map, expected a sequence");
}

#[test]
fn wit_errors_name_the_line() {
    let check = |wit: &str, expected: &str| check(&document(wit, ""), expected);
    check("  export f: func(;\n", "line 4: wit: expected an identifier or string, found ';'");
    check("\n  export f: func(p0: t);\n", "line 5: wit: name `t` does not exist");
    check("  export h: func();\n", "line 3: wit: expected a function `f`, found `h`");
    check("", "line 3: wit: the world must export a function `f`");
    check(
        "  export f: func(p0: stream<u8>);\n",
        "line 3: wit: a type of kind stream is not supported",
    );
    check("  export f: func();\n} world other {\n", "line 3: wit: expected one world, found 2");
    check("  enum e { a, A }\n", "line 4: wit: case `A` conflicts with previous case `a`");
    let doubling: String =
        (1..40).map(|i| format!("type d{i} = tuple<d{}, d{}>;\n", i - 1, i - 1)).collect();
    check(
        &format!("type d0 = u8;\n{doubling}export f: func(p0: d39);\n"),
        "line 3: wit: the types are too many",
    );
}

#[test]
fn errors_in_a_call_name_the_line_and_the_place() {
    let check = |call: &str, expected: &str| {
        let wit = "  import g: func(p0: u8);\n  export f: func(p0: string, p1: u8) -> f32;\n";
        check(&document(wit, &format!("{IMPORT}[[call]]\n{call}")), expected);
    };
    let args = "args = ['\"\"', '0']\n";
    check("args = ['\"\"', '300']", "line 18: call 0: args[1]: expected u8, found `300`");
    check("args = [\n'\"\"',\n'1e0']", "line 20: call 0: args[1]: expected u8, found `1e0`");
    check("args = ['\"\"', '']", "line 18: call 0: args[1]: unexpected end of input at the end");
    check("args = ['\"\"', '1', '2']", "line 18: call 0: args[2]: expected 2 values");
    check("args = ['\"\"']\n", "line 17: call 0: 1 of 2 args are given");
    check(
        "realloc = ['grow 0x100000000']",
        "line 18: call 0: realloc[0]: `0x100000000` is no number that fits",
    );
    check("realloc = ['jump']", "line 18: call 0: realloc[0]: realloc cannot `jump`");
    check("finish = 'stop'", "line 18: call 0: finish: the guest cannot `stop`");
    check("post-return = 'stop'", "line 18: call 0: post-return: post-return cannot `stop`");
    check(
        &format!("{args}[call.return]\nvalues = ['1e39']"),
        "line 20: call 0: return: values[0]: `1e39` is too large",
    );
    check(
        &format!("{args}finish = 'trap'\n[call.return]\nflat = []"),
        "line 17: call 0: `finish` and `return` exclude each other",
    );
    check(
        &format!("{args}[call.return]\nvalues = ['1']\nflat = ['1']"),
        "line 17: call 0: return: values and patches exclude flat and memory",
    );
    check(
        &format!("{args}[call.return]\npatches = ['flat 0']"),
        "line 20: call 0: return: patches[0]: `0` lacks a `=`",
    );
    check(
        &format!("{args}[call.return]\nflat = ['1']\nmemory = ['0 = 123']"),
        "line 21: call 0: return: memory[0]: expected two hex digits for each byte",
    );
    check(
        &format!("{args}[[call.step]]\nvalues = ['1']\nanswer = 'return 1'"),
        "line 21: call 0: step 0: answer: expected no result, found `1`",
    );
}

#[test]
fn the_deepest_case_fits_a_small_stack() {
    let ty = format!("{}u8{}", "option<".repeat(89), ">".repeat(89));
    let value = format!("{}1{}", "some(".repeat(89), ")".repeat(89));
    let records: String =
        (1..90).map(|i| format!("  record t{i} {{ f0: t{} }}\n", i - 1)).collect();
    let records = format!("  type t0 = u8;\n{records}");
    let record_value = format!("{}1{}", "{f0: ".repeat(89), "}".repeat(89));
    let maps = format!("{}u8{}", "map<u8, ".repeat(44), ">".repeat(44));
    let map_value = format!("{}1{}", "[(0, ".repeat(44), ")]".repeat(44));
    let wit = format!("{records}  export f: func(p0: {ty}, p1: t89, p2: {maps});\n");
    let args = format!("args = ['{value}', '{record_value}', '{map_value}']\n");
    let text = document(&wit, &format!("\n[[call]]\n{args}finish = 'trap'\n"));
    let run = move || {
        let file = parse(&text).unwrap();
        assert_eq!(parse(&print(&file)).unwrap(), file);
        assert_eq!(bytes::decode(&bytes::encode(&file.case)).unwrap(), file.case);
    };
    let small = std::thread::Builder::new().stack_size(2 << 20);
    small.spawn(run).unwrap().join().unwrap();
}
