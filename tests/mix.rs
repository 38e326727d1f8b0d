//! What the tables count of calls between guests.

use canonfuzz::Session;
use canonfuzz::abi::{Deviations, Stage};
use canonfuzz::case::{Case, CaseKind, Limits, check, text};
use canonfuzz::engine::wasmtime;
use canonfuzz::mix::Mix;
use canonfuzz::observation::Reading;

/// A case of as many guests as there are encodings. Each defines a resource with a destructor: the
/// number of the first one's is 1, for number 0 is the host's. The last one has no import.
fn case(wit: &str, encodings: &[&str], calls: &str) -> Case {
    let last = encodings.len() - 1;
    let resources: String = (0..=encodings.len()).map(|i| format!("resource r{i}; ")).collect();
    let wit = format!("wit = 'world case {{ {resources}{wit} }}'\n");
    let mut text = format!("rule = ''\n{wit}[[resource]]\ndefined-by = 'host'\n");
    for i in 0..=last {
        let guest = if i == 0 { "guest".to_string() } else { format!("guest {i}") };
        text += &format!("[[resource]]\ndefined-by = '{guest}'\ndestructor = true\n");
    }
    for (i, encoding) in encodings.iter().enumerate() {
        let (guest, prefix) = if i == 0 { ("", "") } else { ("[[guest]]\n", "guest.") };
        let options = format!("string-encoding = '{encoding}'\nmemory = true\nrealloc = true\n");
        text += &format!("{guest}[{prefix}export]\n{options}post-return = true\n");
        if i < last {
            text += &format!("[{prefix}import]\n{options}");
        }
    }
    let case = text::parse(&(text + calls)).unwrap_or_else(|error| panic!("{error}")).case;
    check::check(&case, &Limits::CASE).unwrap();
    case
}

fn read(case: &Case) -> Reading {
    Session::new().unwrap().read(case, Deviations::NONE).unwrap()
}

/// The case reaches these cells, and none that cannot be.
#[track_caller]
fn reaches(case: &Case, cells: &[&str]) {
    let mut mix = Mix::new(CaseKind::Adapter, &wasmtime::allowed());
    let never = mix.empty();
    let reading = read(case);
    mix.add(case, &reading);
    assert_eq!(mix.contradicted(), Vec::<String>::new());
    let empty = mix.empty();
    for cell in cells {
        assert!(never.iter().any(|name| name == cell), "there is no cell {cell}");
        let outcome = &reading.observation.outcome;
        assert!(!empty.iter().any(|name| name == cell), "{cell}: {outcome:?}");
    }
}

#[test]
fn each_call_of_realloc_is_counted_by_what_that_guest_s_script_says() {
    let calls = "[[call]]\nargs = ['\"héé\"']\nrealloc = ['forget', 'grow 1', 'skew 8']\n\
        [[call.step]]\nvalues = ['\"aé\"']\n[call.return]\nvalues = []\n\
        [[call.guest]]\nrealloc = ['bump', 'end 0', 'old']\n[call.guest.return]\nvalues = ['\"ж\"']\n";
    let wit = "import g: func(p0: string) -> string; export f: func(p0: string);";
    reaches(
        &case(wit, &["utf16", "utf8"], calls),
        &[
            "strings between guests, params: utf16 to utf8, new: bump",
            "strings between guests, params: utf16 to utf8, grown: end",
            "strings between guests, params: utf16 to utf8, shrunk: old",
            // The first two are for what the host passes.
            "strings between guests, result: utf8 to utf16, new: skew",
            "strings between guests, result: utf8 to utf16, shrunk: bump",
            "realloc between guests: skew: result, string",
            "passed between guests: string: params, flat",
            "passed between guests: string: result, spilled",
            "pointers between guests: 32 to 32 bits: result, string",
            "chains: 2 guests: returned",
        ],
    );
}

#[test]
fn what_is_explored_after_a_trap_is_not_counted() {
    let calls = "[[call]]\nargs = []\n\
        [[call.step]]\nvalues = ['\"aé\"', \"'a'\"]\npatches = ['flat 2 = 0xd800']\n\
        [call.return]\nvalues = []\n[[call.guest]]\n[call.guest.return]\nvalues = []\n";
    let wit = "import g: func(p0: string, p1: char); export f: func();";
    let case = case(wit, &["utf16", "utf8"], calls);
    reaches(
        &case,
        &[
            "traps between guests: InvalidChar: params lifted",
            "chains: 2 guests: trapped one call deep",
        ],
    );
    let reading = read(&case);
    assert_eq!(reading.calls[0].course.stage, Stage::LiftParams);
    assert!(reading.calls[0].received.iter().all(|received| received.reallocs.is_empty()));
    assert!(reading.calls[0].received.iter().all(|received| received.crossings.is_empty()));
}

#[test]
fn a_handle_of_another_type_may_be_met_by_all_code_of_a_callee() {
    let wit = "import g: func(p0: r0, p1: string); export f: func(p0: r0);";
    let calls = |guest: &str| {
        format!(
            "[[call]]\nargs = ['7']\n[[call.step]]\nvalues = ['1', '\"a\"']\n\
            [call.return]\nvalues = []\n[[call.guest]]\n{guest}[call.guest.return]\nvalues = []\n"
        )
    };
    let step = |step: &str| format!("[[call.guest.step]]\nact = '{step}'\n");
    let new_and_drop = step("resource.new r2 5") + &step("resource.drop r2 2");
    for (guest, stage) in [
        ("realloc = ['resource.rep r2 1']\n".to_string(), "params lowered"),
        (step("resource.rep r2 1"), "callee runs"),
        ("post-return = 'resource.rep r2 1'\n".to_string(), "post-return"),
        (format!("destructor = 'resource.rep r2 1'\n{new_and_drop}"), "destructor"),
    ] {
        let cell = format!("traps between guests: HandleOfOtherType: {stage}");
        reaches(&case(wit, &["utf8", "utf8"], &calls(&guest)), &[&cell]);
    }
}

#[test]
fn resources_of_a_later_guest_pass_between_two_before_it() {
    let wit = "import g: func(p0: option<r3>, p1: option<borrow<r3>>) -> r3; \
        import h: func() -> r3; export f: func();";
    let step = |values: &str| format!("[[call.step]]\nvalues = {values}\n");
    let calls = format!(
        "[[call]]\nargs = []\n{}{}{}[call.return]\nvalues = []\n\
        [[call.guest]]\n[[call.guest.step]]\nvalues = []\n[call.guest.return]\nvalues = ['1']\n\
        [[call.guest]]\n[[call.guest.step]]\nact = 'resource.new r3 5'\n\
        [call.guest.return]\nvalues = ['1']\n",
        step("['none', 'none']"),
        step("['some(1)', 'none']"),
        step("['none', 'some(1)']"),
    );
    reaches(
        &case(wit, &["utf8", "utf8", "utf8"], &calls),
        &[
            "passed between guests: own, a later guest's: params, flat",
            "passed between guests: own, a later guest's: result, flat",
            "passed between guests: own, the callee's: result, flat",
            "passed between guests: borrow, a later guest's: params, flat",
            "traps between guests: HandleNotOwned: result lifted",
            "chains: 3 guests or more: trapped one call deep",
        ],
    );
}

#[test]
fn what_the_first_guest_does_by_itself_is_no_call_between_guests() {
    let calls = "[[call]]\nargs = ['\"a\"']\nrealloc = ['trap']\nfinish = 'trap'\n\
        [[call.guest]]\nfinish = 'trap'\n";
    let wit = "import g: func(); export f: func(p0: string);";
    let case = case(wit, &["utf8", "utf8"], calls);
    let mut mix = Mix::new(CaseKind::Adapter, &wasmtime::allowed());
    let before = mix.empty().len();
    mix.add(&case, &read(&case));
    assert_eq!(before - mix.empty().len(), 1);
    reaches(&case, &["chains: 2 guests: trapped before any call"]);
}
