use super::check;

const PAIR: &str = include_str!("../../../../tests/golden/bytes/chain.toml");

/// Each passes on what it is lent, and the last one asks the host.
const CHAIN: &str = r#"rule = "A handle may be lent through a chain of guests to the one that defines its resource."
wit = """
world case {
  resource r0;
  resource r1;
  resource r2;
  resource r3;
  import g: func(p0: borrow<r2>, p1: r0) -> r3;
  import h: func(p0: list<borrow<r3>>);
  import i: func(p0: r0) -> string;
  export f: func(p0: r1, p1: borrow<r3>) -> tuple<r2, r3>;
}
"""

[[resource]]
defined-by = "host"

[[resource]]
defined-by = "guest"

[[resource]]
defined-by = "guest 1"

[[resource]]
defined-by = "guest 2"
destructor = true

[export]
memory = true

[[guest]]

[guest.import]
memory = true

[[guest]]

[guest.export]
memory = true
realloc = true

[guest.import]
string-encoding = "utf16"
memory = true
realloc = true

[[call]]
args = ["0", "1"]

[[call.step]]
values = ["1", "2"]

[call.return]
values = ["(1, 2)"]

[[call.guest]]

[[call.guest.step]]
values = ["[1]"]

[[call.guest.step]]
act = "resource.new r2 7"

[call.guest.return]
values = ["1"]

[[call.guest]]
destructor = "trap"

[[call.guest.step]]
values = ["1"]
answer = 'return "a"'

[[call]]
args = ["2", "1"]

[call.return]
values = ["(1, 2)"]

[[call.guest]]
finish = "trap"

[[call.guest]]
"#;

/// Reads `text` with one part of it replaced.
#[track_caller]
fn replaced(text: &str, from: &str, to: &str, expected: &str) {
    assert!(text.contains(from));
    check(&text.replacen(from, to, 1), expected);
}

#[test]
fn two_guests_are_canonical() {
    check(PAIR, PAIR);
}

#[test]
fn three_guests_are_canonical() {
    check(CHAIN, CHAIN);
}

#[test]
fn the_last_guest_may_import_nothing() {
    let text = CHAIN.replace("  import i: func(p0: r0) -> string;\n", "");
    let options = "\n[guest.import]\nstring-encoding = \"utf16\"\nmemory = true\nrealloc = true\n";
    let text = text.replace(options, "");
    let step = "\n[[call.guest.step]]\nvalues = [\"1\"]\nanswer = 'return \"a\"'\n";
    let text = text.replace(step, "");
    check(&text, &text);
}

#[test]
fn a_call_of_a_function_without_params_has_no_keys() {
    let text = CHAIN.replace("p0: list<borrow<r3>>", "");
    let text =
        text.replace("\n[[call.guest.step]]\nvalues = [\"[1]\"]\n", "\n[[call.guest.step]]\n");
    check(&text, &text);
}

#[test]
fn addresses_have_32_or_64_bits() {
    let memory = |bits: u32| format!("[memory]\naddresses = {bits}\n\n[[guest]]\n");
    replaced(CHAIN, "[[guest]]\n", &memory(32), CHAIN);
    let why = "line 32: memory: addresses have 32 or 64 bits, not 33";
    replaced(CHAIN, "[[guest]]\n", &memory(33), why);
    let why = "line 44: guest 1: memory: addresses have 32 or 64 bits, not 65";
    replaced(PAIR, "addresses = 64", "addresses = 65", why);
}

#[test]
fn the_world_has_a_function_for_each_guest() {
    let imports = |imports: &str, expected: &str| {
        replaced(CHAIN, "  import i: func(p0: r0) -> string;\n", imports, expected);
    };
    imports("", "line 41: guest 2: import: the world has no function for it");
    imports(
        "  import i: func();\n  import j: func();\n",
        "line 2: guest: the world imports 4 functions, and 2 further guests are described",
    );
    imports("  import k: func();\n", "line 3: wit: expected a function `i`, found `k`");
    imports(
        "  import i: func();\n  import j: func();\n  import k: func();\n",
        "line 3: wit: 5 functions are more than 4",
    );
    let missing = PAIR.replace("  import h: func(p0: r0) -> u8;\n", "");
    let why = "line 2: guest: the world imports 0 functions, and 1 further guests are described";
    let none = "  import g: func(p0: list<t0>, p1: borrow<r2>) -> option<string>;\n";
    replaced(&missing, none, "", why);
}

#[test]
fn errors_in_a_further_guest_name_it() {
    replaced(
        PAIR,
        "[guest.export]\nstring-encoding = \"latin1+utf16\"",
        "[guest.export]\nstring-encoding = \"latin1\"",
        "line 47: guest 1: export: expected utf8, utf16 or latin1+utf16, found `latin1`",
    );
    replaced(
        PAIR,
        "\n[[guest]]\n",
        "\n[[guest]]\nexports = 1\n",
        "line 41: unknown field `exports`, expected one of `core`, `memory`, `export`, `import`",
    );
}

#[test]
fn errors_in_a_further_guest_s_script_name_it() {
    let why = "line 51: call 0: guest: 0 of 1 further guests do something";
    let start = PAIR.find("[[call.guest]]").unwrap();
    check(&PAIR[..start], why);
    let second = "[[call.guest]]\nfinish = \"trap\"\n";
    let why = "line 86: call 1: guest: 2 of 1 further guests do something";
    replaced(PAIR, second, &format!("{second}{second}"), why);
    replaced(
        PAIR,
        "\"at 0x100000000\"",
        "\"jump\"",
        "line 72: call 0: guest 1: realloc[0]: realloc cannot `jump`",
    );
    let why = "line 77: call 0: guest 1: step 0: answer: expected u8, found `256`";
    replaced(PAIR, "\"return 255\"", "\"return 256\"", why);
    let why = "line 51: call 0: guest 1: step 0: either `act` or `answer` is missing";
    replaced(PAIR, "answer = \"return 255\"\n", "", why);
    let why = "line 59: call 0: step 0: answer: the next guest's script says it";
    replaced(PAIR, "values = [\"[c1]\", \"1\"]", "answer = \"error\"", why);
    replaced(
        PAIR,
        "[[call.guest]]\n",
        "[[call.guest]]\nargs = []\n",
        "line 72: unknown field `args`, expected one of `realloc`, `step`, `finish`, `return`, \
        `post-return`, `destructor`",
    );
}

#[test]
fn a_resource_is_the_host_s_or_some_guest_s() {
    let why = "line 27: resource 2: expected host, guest, or guest 1 and so on, found `guest 0`";
    replaced(PAIR, "\"guest 1\"", "\"guest 0\"", why);
    replaced(PAIR, "\"guest 1\"", "\"guest 2\"", "line 26: resource 2: there is no guest 2");
    let why = "line 51: call 0, step 2: resource 2 is not the guest's";
    replaced(PAIR, "\"resource.drop r2 1\"", "\"resource.new r2 1\"", why);
}
