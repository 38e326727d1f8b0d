use wasm_wave::untyped::UntypedValue;

use super::*;
use crate::case::Limits;
use crate::case::text::wit;
use crate::types::Type;
use crate::value::Value;

fn ty(wit: &str) -> Type {
    let world = format!(
        "world case {{
            record r {{ f0: u8, true: option<u8>, f2: option<u8> }}
            variant v {{ c0, some(u8), none, inf(f32), b }}
            enum e {{ c0, true, nan, B-1 }}
            flags fl {{ b0, true, inf, x-1 }}
            export f: func(p0: {wit});
        }}"
    );
    wit::parse(&world, &Limits::CASE).unwrap().export.params.remove(0)
}

/// `text` read under a type and printed again; an error stands for itself.
#[track_caller]
fn check(wit: &str, text: &str, expected: &str) {
    let ty = ty(wit);
    match parse(text, &ty) {
        Ok(value) => assert_eq!(check_round_trip(&value, &ty), expected),
        Err(error) => assert_eq!(error, expected),
    }
}

/// What is printed is WAVE, and the same value.
#[track_caller]
fn check_round_trip(value: &Value, ty: &Type) -> String {
    let printed = print(value, ty);
    UntypedValue::parse(&printed).unwrap();
    assert_eq!(parse(&printed, ty).as_ref(), Ok(value), "{printed}");
    printed
}

#[track_caller]
fn check_same(wit: &str, texts: &[&str]) {
    texts.iter().for_each(|text| check(wit, text, text));
}

#[test]
fn integers_are_exact() {
    check_same("bool", &["true", "false"]);
    check_same("s8", &["-128", "127"]);
    check_same("u64", &["0", "18446744073709551615"]);
    check_same("s64", &["-9223372036854775808"]);
    check("u8", "256", "expected u8, found `256`");
    check("u8", "-1", "expected u8, found `-1`");
    check("s8", "-0", "0");
    check("bool", "1", "expected bool, found `1`");
}

#[test]
fn floats_are_the_shortest_that_round_trip() {
    check_same("f32", &["0", "-0", "1", "0.1", "-1.5", "16777216", "inf", "-inf", "nan"]);
    check_same("f32", &["1e-45", "1.1754942e-38", "3.4028235e38"]);
    check_same("f64", &["0.1", "5e-324", "2.225073858507201e-308", "1.7976931348623157e308"]);
    check_same("f64", &["0.30000000000000004", "10000000000000000000", "1e20", "-0"]);
    check("f32", "1.00", "1");
    check("f32", "3.40282351e38", "3.4028235e38");
    check("f32", "1e39", "`1e39` is too large");
    check("f64", "-1e309", "`-1e309` is too large");
    check("f32", "-nan", "invalid token at `-`");
}

#[test]
fn float_bits_survive() {
    let bits = (0..=u32::MAX).step_by(65_521).chain(0..1_000).chain(0x7f7f_fff0..=0x7f80_0000);
    for bits in bits.filter(|bits| !f32::from_bits(*bits).is_nan()) {
        check_round_trip(&Value::F32(bits), &Type::F32);
        let bits = u64::from(bits) << 32 | u64::from(bits);
        if !f64::from_bits(bits).is_nan() {
            check_round_trip(&Value::F64(bits), &Type::F64);
        }
    }
}

#[test]
fn every_char_survives() {
    for c in ('\0'..='\u{3ff}').chain(('\0'..=char::MAX).step_by(251)) {
        check_round_trip(&Value::Char(c), &Type::Char);
        check_round_trip(&Value::string(format!("{c}a{c}")), &Type::String);
    }
}

#[test]
fn strings_escape_what_cannot_be_seen() {
    check_same(
        "string",
        &[r#""""#, r#""it's""#, r#""\"\\\t\n\r""#, r#""é☃Ωя""#, r#""\u{0}\u{7f}""#],
    );
    check("string", "\"\u{202e}\u{301}\u{ad}\u{feff}\"", r#""\u{202e}\u{301}\u{ad}\u{feff}""#);
    check("string", r#""\u{41}\'""#, r#""A'""#);
    check("string", "\"\"\"\n  a\n  \"\"\"", r#""a""#);
    check_same("char", &[r"'\''", "'\"'", r"'\\'", "'a'", r"'\u{10ffff}'"]);
    check("char", "'ab'", "invalid token at `'ab'`");
    check("string", r#""\u{d800}""#, "expected string, found `\"\\u{d800}\"`");
}

#[test]
fn sequences_nest() {
    check_same("list<list<u8>>", &["[]", "[[], [1, 2]]"]);
    check_same("tuple<u8, tuple<bool>>", &["(1, (true))"]);
    check_same("list<u8, 2>", &["[1, 2]"]);
    check("tuple<u8>", "(1, 2)", "expected 1 parts, found `(1, 2)`");
    check("list<u8>", "(1)", "expected list, found `(1)`");
}

#[test]
fn a_map_keeps_equal_keys_in_order() {
    check_same("map<u8, string>", &["[]", r#"[(1, "a"), (0, ""), (1, "b")]"#]);
    check("map<u8, u8>", "{1: 2}", "expected map, found `{1: 2}`");
}

#[test]
fn records_say_all_their_fields() {
    check_same("r", &["{f0: 1, true: none, f2: some(2)}"]);
    check("r", "{f2: some(2), f0: 1}", "{f0: 1, true: none, f2: some(2)}");
    check("r", "{true: none}", "field `f0` is missing");
    check("r", "{f0: 1, f1: 2}", "there is no field `f1`");
    check("r", "{f0: 1, f0: 2}", "duplicate field at `f0`");
    check("r", "[]", "expected record, found `[]`");
}

#[test]
fn cases_that_look_like_keywords_are_marked() {
    check_same("v", &["c0", "%some(1)", "%none", "%inf(inf)", "b"]);
    check_same("e", &["c0", "%true", "%nan", "B-1"]);
    check("v", "some(1)", "expected variant, found `some(1)`");
    check("v", "c1", "there is no case `c1`");
    check("v", "%some", "`%some` lacks its payload");
    check("v", "b(1)", "`b(1)` has a payload too many");
    check("e", "true", "expected enum, found `true`");
}

#[test]
fn options_and_results_are_told_apart_at_each_level() {
    check_same("option<option<u8>>", &["none", "some(none)", "some(some(1))"]);
    check_same("result<option<u8>, result>", &["ok(none)", "ok(some(1))", "err(ok)", "err(err)"]);
    check_same("result<_, u8>", &["ok", "err(1)"]);
    check("option<u8>", "1", "expected option, found `1`");
    check("result<u8>", "ok", "`ok` lacks its payload");
}

#[test]
fn flags_are_in_the_order_of_their_type() {
    check_same("fl", &["{}", "{b0}", "{true, inf, x-1}"]);
    check("fl", "{x-1, b0}", "{b0, x-1}");
    check("fl", "{b1}", "there is no flag `b1`");
    check("fl", "{b0, b0}", "duplicate flag at `b0`");
    check("fl", "{:}", "expected flags, found `{:}`");
}

#[test]
fn errors_are_one_short_line() {
    check("u8", "", "unexpected end of input at the end");
    check("u8", "1 2", "trailing characters after value at `2`");
    let long = format!("\"{}\"", "a".repeat(100));
    check("u8", &long, &format!("expected u8, found `\"{}…`", "a".repeat(39)));
}

#[test]
fn bytes_are_shown_as_a_list() {
    assert_eq!(print(&Value::Bytes(vec![7, 255]), &ty("list<u8>")), "[7, 255]");
}

#[test]
fn what_is_not_of_the_type_is_shown_as_a_question_mark() {
    assert_eq!(print(&Value::List(vec![Value::U8(1)]), &ty("list<u16>")), "[?]");
    assert_eq!(print(&Value::Variant(7, None), &ty("e")), "?");
}
