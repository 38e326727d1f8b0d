//! Pages of cases: what is on them, where the first difference is marked, and that they are sound. How
//! they look, people and a browser have to judge: some are left in `target/tmp/pages` for
//! `scripts/look-at-pages`.

use std::path::{Path, PathBuf};

use canonfuzz::abi::{Deviation, Deviations};
use canonfuzz::case::Case;
use canonfuzz::encode::Puppets;
use canonfuzz::report::{self, Explained, html};
use canonfuzz::value::Value;
use canonfuzz::{Checked, Session, corpus, oracle};

const PADDING: &str = "corpus/alignment/padding-is-left-alone.toml";

fn explained(path: &str, change: impl FnOnce(&mut corpus::Found)) -> Explained {
    let mut found = corpus::load(Path::new(path)).unwrap();
    change(&mut found);
    let checked = Session::new().unwrap().check(&found.file.case).unwrap();
    report::explain(path, found.file, checked).unwrap()
}

/// The case with a subject that is the reference with this fault.
fn planted(path: &str, fault: &str) -> Explained {
    let file = corpus::load(Path::new(path)).unwrap().file;
    let checked = planted_in(&file.case, fault);
    report::explain(path, file, checked).unwrap()
}

fn planted_in(case: &Case, fault: &str) -> Checked {
    let mut session = Session::new().unwrap();
    let mut read = |deviations| session.read(case, deviations).unwrap();
    let fault = Deviation::named(fault).unwrap();
    let (expected, observed) =
        (read(Deviations::NONE), read(Deviations::from_iter([fault])).observation);
    let again = |_| expected.clone();
    let verdict = oracle::judge(&expected, &observed, Deviations::NONE, again);
    let (prepared, puppets) = (session.prepare(case).unwrap(), Puppets::Contained);
    Checked { verdict, expected, observed, prepared, puppets, other: None }
}

/// Leaves a page for those who want to look at it.
fn leave(name: &str, page: &str) {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pages").join(name);
    canonfuzz::files::write(&path.with_extension("html"), page.as_bytes()).unwrap();
}

/// One element: its name and attributes as they are written, and the text inside, its children's as well.
#[derive(Debug)]
struct Element {
    name: String,
    attributes: String,
    text: String,
}

/// All elements in the order in which they end. Panics where one is not closed, or closes another.
#[track_caller]
fn elements(page: &str) -> Vec<Element> {
    let body = page.strip_prefix("<!DOCTYPE html>\n").expect("a document");
    let (mut open, mut done): (Vec<Element>, Vec<Element>) = (Vec::new(), Vec::new());
    for part in body.split('<').skip(1) {
        let (tag, text) = part.split_once('>').expect("a tag that ends");
        if let Some(name) = tag.strip_prefix('/') {
            let closed = open.pop().expect("something is open");
            assert_eq!(closed.name, name);
            if let Some(outer) = open.last_mut() {
                outer.text += &closed.text;
            }
            done.push(closed);
        } else {
            let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
            let [name, attributes] = [name, attributes].map(str::to_string);
            let element = Element { name, attributes, text: String::new() };
            let void = ["meta", "br"].contains(&element.name.as_str());
            let list = if void { &mut done } else { &mut open };
            list.push(element);
        }
        if let Some(element) = open.last_mut() {
            element.text += text;
        }
    }
    assert!(open.is_empty(), "left open: {open:?}");
    done
}

/// Whether a page is whole, loads nothing, and names nothing twice.
#[track_caller]
fn check_sound(page: &str) {
    let elements = elements(page);
    let mut ids = Vec::new();
    for Element { name, attributes, .. } in &elements {
        assert!(!["script", "link", "img", "iframe", "base", "image"].contains(&name.as_str()));
        for attribute in attributes.split('"').step_by(2).map(str::trim) {
            let loads = ["src=", "srcset=", "xlink:href=", "data=", "action="].contains(&attribute);
            assert!(!loads && !attribute.starts_with("on"), "{name} {attributes}");
        }
        assert!(!attributes.contains("http") || name == "a", "{name} {attributes}");
        ids.extend(attributes.split(' ').filter(|attribute| attribute.starts_with("id=")));
    }
    let style = elements.iter().find(|element| element.name == "style").unwrap();
    assert!(!style.text.contains("@import") && !style.text.contains("http"));
    assert_eq!(style.text.matches("url(").count(), style.text.matches("url(#").count());
    let all = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), all, "{ids:?}");
    let links = elements.iter().filter_map(|element| {
        element.attributes.strip_prefix("href=\"#").and_then(|rest| rest.strip_suffix('"'))
    });
    for link in links {
        assert!(ids.contains(&format!("id=\"{link}\"").as_str()), "{link} leads nowhere");
    }
}

/// The rows of the timeline that are marked as the first difference, cell by cell.
fn marked(page: &str) -> Vec<String> {
    let events = page.split("<table class=\"events\">").nth(1).unwrap();
    let events = events.split("</table>").next().unwrap();
    let rows = events.split("<tr class=\"first\">").skip(1);
    let rows = rows.map(|row| row.split("</tr>").next().unwrap());
    rows.map(|row| {
        let cells = elements(&format!("<!DOCTYPE html>\n<tr>{row}</tr>"));
        let cells = cells.iter().filter(|cell| ["th", "td"].contains(&cell.name.as_str()));
        cells.map(|cell| cell.text.trim()).collect::<Vec<_>>().join(" | ")
    })
    .collect()
}

/// What the one marked row says.
#[track_caller]
fn check_marked(path: &str, fault: &str, expected: &str) {
    let explained = planted(path, fault);
    let page = html::page(&explained);
    check_sound(&page);
    assert!(explained.is_finding());
    assert_eq!(marked(&page), [expected]);
    assert!(page.contains("<p class=\"badge disagree\">"));
    assert!(page.contains("<p>Not registered: "));
    leave(fault, &page);
}

#[test]
fn the_first_difference_is_marked_in_its_row() {
    check_marked(
        "corpus/strings/latin1-grows-to-utf16.toml",
        "utf16-tag-missing",
        "guest≠ first difference | f(1042, 0x80000003) | f(1042, 3)",
    );
    check_marked(
        "corpus/strings/latin1-grows-to-utf16.toml",
        "growth-forgets-old-size",
        "guest≠ first difference | realloc(1024, 6, 2, 12) -&gt; 1030 | realloc(1024, 0, 2, 12) -&gt; 1030",
    );
    check_marked(
        "corpus/post-return/gets-the-flat-results.toml",
        "post-return-skipped",
        "guest≠ first difference | post-return(1024) | nothing",
    );
    check_marked(
        PADDING,
        "padding-zeroed",
        "memory 0x0400≠ first difference | 011617180200000003001f2021222324 | 01000000020000000300000000000000",
    );
    check_marked(
        "corpus/strings/unpaired-surrogate.toml",
        "unpaired-surrogate-replaced",
        "end≠ first difference | trapped InvalidUtf16 | returned",
    );
}

#[test]
fn pages_of_all_known_cases_are_sound() {
    for path in corpus::find(&[PathBuf::from("corpus/known")]).unwrap() {
        let explained = explained(path.to_str().unwrap(), |_| {});
        let page = html::page(&explained);
        check_sound(&page);
        let differences = usize::from(explained.difference.is_some());
        assert_eq!(marked(&page).len(), differences, "{}", path.display());
        assert_eq!(page, html::page(&explained));
        assert!(page.contains("<h3>Types, as WIT</h3>"));
        assert!(page.contains(&format!("replay {}", path.display())));
        assert!(page.contains(&format!("export {} --format wast", path.display())));
    }
}

#[test]
fn accepted_divergences_name_their_entry_and_its_reason() {
    let path = "corpus/known/list-misaligned-and-out-of-bounds.toml";
    let page = html::page(&explained(path, |_| {}));
    assert!(
        page.contains("<p class=\"badge accepted\">accepted (list-bounds-before-alignment)</p>")
    );
    assert!(page.contains("<h3>list-bounds-before-alignment</h3>"));
    assert!(page.contains("A list that is both misaligned and out of bounds traps for its bounds"));
    assert!(page.contains("CanonicalABI.md#loading\">Loading</a>: <code>load_list_from_range"));
    let text = report::show(&explained(path, |_| {}));
    assert!(text.contains("#   spec      Loading: load_list_from_range"), "{text}");
    assert!(text.contains("#   register  accepted: "), "{text}");
}

#[test]
fn of_two_lines_the_words_that_differ_are_marked() {
    let page = html::page(&planted(
        "corpus/strings/latin1-grows-to-utf16.toml",
        "growth-forgets-old-size",
    ));
    for line in ["realloc(1024, <mark>6</mark>, 2, 12)", "realloc(1024, <mark>0</mark>, 2, 12)"] {
        // Where the sides part, and in the timeline.
        assert_eq!(page.matches(line).count(), 2, "{line}");
    }
    assert!(page.contains("realloc(old pointer, old size, alignment, new size)"));
}

#[test]
fn what_guests_pass_and_the_host_answers_is_told_as_values() {
    let check = |path: &str, lines: &[&str]| {
        let page = html::page(&explained(path, |_| {}));
        let values = page.split("Values, as WAVE").nth(1).unwrap();
        let values = values.split("</pre>").next().unwrap();
        assert!(values.ends_with(&format!("{}</code>", lines.join("\n"))), "{path}: {values}");
    };
    check(
        "corpus/known/adapter-compacts-aligned-to-two.toml",
        &[
            "call 0: f()",
            "  guest calls g with the core values (1024, 0x80000001) and 2 bytes of its own",
        ],
    );
    check(
        "corpus/known/list-misaligned-and-out-of-bounds.toml",
        &["call 0: f()", "  guest returns the core values (1024) and 8 bytes of its own"],
    );
    check(
        "corpus/host-import/out-pointer-is-checked-late.toml",
        &[
            "call 0: f()",
            "  guest calls g(1); the host returns (2, 3)",
            "  guest calls g(4), damaged in one place; the host returns (5, 6)",
        ],
    );
}

#[test]
fn a_page_says_why_at_its_top() {
    let top = |path: &str| {
        let page = html::page(&explained(path, |_| {}));
        check_sound(&page);
        page.split("Event by event").next().unwrap().to_string()
    };
    let tag = top("corpus/known/adapter-wide-tag-at-bit-31.toml");
    let [reason, title, path] = [
        "An adapter takes bit 31 of a length for the tag of UTF-16",
        "<h1 class=\"name\">In a 64-bit memory the tag of UTF-16 is bit 63 of the length.</h1>",
        "<code>corpus/known/adapter-wide-tag-at-bit-31</code>",
    ]
    .map(|part| tag.find(part).unwrap_or_else(|| panic!("{part}: {tag}")));
    assert!(reason < title && title < path);
    let misuse = top("corpus/known/misuse-duplicate-flag.toml");
    assert!(misuse.contains("No rule of the ABI: the engine&#39;s interface has to refuse"));
    assert!(!misuse.contains("canon_lower"));
    // It is registered for a range before, too, which is no reason here.
    let borrows = top("corpus/known/borrow-remains-when-the-call-is-queued.toml");
    assert_eq!(borrows.matches("class=\"reason\"").count(), 1, "{borrows}");
}

#[test]
fn what_nobody_has_reviewed_is_called_by_what_it_shows_and_not_by_its_folder() {
    let mut one = planted(PADDING, "padding-zeroed");
    one.file.rule = canonfuzz::case::text::UNREVIEWED.to_string();
    let checked = one.checked.clone();
    let one = report::explain("/home/me/findings/memory-7.toml", one.file, checked).unwrap();
    let page = html::page(&one);
    assert!(page.contains("<h1 class=\"name\">memory</h1>") && page.contains("memory-7.toml"));
    assert!(!page.contains("/home/me"), "{page}");
}

#[test]
fn what_was_not_seen_is_one_cell() {
    let page = html::page(&explained("corpus/known/adapter-wide-tag-at-bit-31.toml", |_| {}));
    assert_eq!(page.matches("class=\"unseen\"").count(), 1);
    assert!(page.contains("class=\"unseen\" rowspan=\"6\""));
}

#[test]
fn a_case_that_agrees_says_so() {
    let page = html::page(&explained(PADDING, |_| {}));
    check_sound(&page);
    assert!(page.contains("None: both sides show the same."));
    assert_eq!(marked(&page), Vec::<String>::new());
    assert!(!page.contains("≠ first"));
}

#[test]
fn what_a_case_says_is_no_markup() {
    let rule = "</title><script>alert(1)</script> & \"quoted\".";
    let page = html::page(&explained("corpus/strings/latin1-grows-to-utf16.toml", |found| {
        found.file.rule = rule.to_string();
        found.file.story = Some("<img src=x onerror=y>\u{202e}".to_string());
        found.file.case.calls[0].args = vec![Value::string("<b>&\"'</b>]]>")];
    }));
    check_sound(&page);
    assert!(
        page.contains("&lt;/title&gt;&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;quoted")
    );
    assert!(page.contains("&lt;img src=x onerror=y&gt;\\u{202e}"));
    assert!(page.contains("&lt;b&gt;&amp;"));
}

#[test]
fn of_long_timelines_and_memories_the_page_has_a_part() {
    let of = |text: String, count| {
        html::page(&explained("corpus/lists/strings-follow-their-list.toml", |found| {
            found.file.case.calls[0].args = vec![Value::List(vec![Value::string(text); count])];
        }))
    };
    let page = of("<&>".repeat(30), 300);
    check_sound(&page);
    assert!(page.contains(" rows left out"));
    assert!(page.contains(" rows of them used"));
    assert!(page.contains("Not all fields are told of."));
    let many = of("é".to_string(), 20);
    assert_eq!(many.matches("<polygon").count(), 12);
    leave("many-strings", &many);
    let drawing = page.split("<svg").nth(2).unwrap().split("</svg>").next().unwrap();
    assert!(drawing.len() < 200_000, "{}", drawing.len());
}

/// Texts of the drawing, in order.
fn drawn(page: &str, class: &str) -> Vec<String> {
    let wanted = format!("class=\"{class}\"");
    let texts = elements(page)
        .into_iter()
        .filter(|element| element.name == "text" && element.attributes.starts_with(&wanted));
    texts.map(|element| element.text).collect()
}

#[test]
fn memory_is_drawn_with_fields_padding_and_pointers() {
    let page = html::page(&planted(PADDING, "padding-zeroed"));
    let names = drawn(&page, "name");
    for name in [
        "p0: pointer = 0x0400",
        "p0: length = 2",
        "! padding",
        "f1: u32 = 2",
        "f2: u16 = 3",
        "some: u64 = 7",
    ] {
        assert!(names.iter().any(|drawn| drawn == name), "{name}: {names:?}");
    }
    assert_eq!(drawn(&page, "heading"), ["params of f, received: passed flat"]);
    assert_eq!(drawn(&page, "address")[..2], ["0x0400", "0x0410"]);
    assert!(page.contains("class=\"field padding wrong\""));
    assert!(page.contains("class=\"cell differs\"") && page.contains("class=\"cell written\""));
    assert!(page.contains("subject ≠"));
    assert_eq!(page.matches("<polygon").count(), 1);
    let tag =
        html::page(&planted("corpus/strings/latin1-grows-to-utf16.toml", "utf16-tag-missing"));
    assert!(drawn(&tag, "value").contains(&"i32 0x80000003 ≠ 3".to_string()));
    let spilled = html::page(&explained("corpus/spill/seventeen-params.toml", |_| {}));
    assert!(drawn(&spilled, "heading")[0].ends_with("spilled into memory"));
    assert!(drawn(&spilled, "gap").iter().any(|gap| gap.contains("bytes left out")));
}

#[test]
fn what_cannot_be_lifted_is_marked() {
    let check = |path: &str, mark: &str| {
        let explained = explained(path, |_| {});
        let text = report::show(&explained);
        let marked: Vec<_> = text.lines().filter(|line| line.starts_with("#   > ")).collect();
        assert_eq!(marked, [mark], "{text}");
        let wrong = html::page(&explained).matches(" wrong\"").count();
        assert!(wrong > 0, "{path}");
    };
    check(
        "corpus/known/string-at-an-odd-address.toml",
        "#   > 0x0400  09040000  result: pointer of string = 0x0409  UnalignedPointer",
    );
    check(
        "corpus/known/flags-beyond-their-labels.toml",
        "#   > flat 0  0xfffffffd  result = {b0, b2}  bits beyond the labels",
    );
    check(
        "corpus/variants/discriminant-out-of-range.toml",
        "#   > flat 0  256  result: case = 256  InvalidDiscriminant",
    );
}

#[test]
fn text_marks_the_bytes_that_differ() {
    let text = report::show(&planted(PADDING, "padding-zeroed"));
    assert!(text.starts_with("# disagree (memory)  corpus/alignment/padding-is-left-alone\n"));
    assert!(text.contains("#   > 0x0401  161718, subject 000000  padding\n"), "{text}");
    assert!(text.contains("#   there     padding\n"), "{text}");
    assert!(text.contains("#     0x0400  01  p0[0].f0: u8 = 1\n"), "{text}");
    // It can be read as the case file that it explains.
    let read = canonfuzz::case::text::parse(&text).unwrap();
    assert_eq!(read, corpus::load(Path::new(PADDING)).unwrap().file);
}

#[test]
fn an_index_groups_cases_by_kind_and_has_those_that_differ_in_full() {
    let all = [
        planted(PADDING, "padding-zeroed"),
        explained("corpus/known/list-misaligned-and-out-of-bounds.toml", |_| {}),
        explained("corpus/strings/latin1-grows-to-utf16.toml", |_| {}),
        planted("corpus/strings/latin1-grows-to-utf16.toml", "utf16-tag-missing"),
    ];
    let entries = all.iter().enumerate().map(|(i, one)| html::entry(one, i, true)).collect();
    let page = html::index("some/folder", "wasmtime", entries, &[]);
    check_sound(&page);
    assert!(page.contains("4 cases: 2 disagree, 1 accepted, 1 agree."));
    let kinds: Vec<_> = elements(&page)
        .into_iter()
        .filter(|element| element.name == "span" && element.attributes.contains("badge"))
        .map(|element| element.text)
        .collect();
    let expected =
        ["core params / core params", "memory", "accepted (list-bounds-before-alignment)", "agree"];
    assert_eq!(kinds, expected);
    assert_eq!(page.matches("<article").count(), 3);
}

#[test]
fn the_example_in_the_docs_is_what_is_shown() {
    let docs = std::fs::read_to_string("docs/reading-a-report.md").unwrap();
    let path = "corpus/known/list-misaligned-and-out-of-bounds.toml";
    let text = report::show(&explained(path, |_| {}));
    let (_, example) = docs.split_once(&format!("show {path}\n")).unwrap();
    let example = example.split("```").next().unwrap();
    // Which release it is, the example says as well.
    let lines = example.lines().filter(|line| *line != "…" && !line.contains("#   subject   "));
    let lines: Vec<_> = lines.collect();
    assert!(lines.len() > 15);
    lines.iter().for_each(|line| assert!(text.lines().any(|shown| shown == *line), "{line}"));
}
