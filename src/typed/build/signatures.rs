//! Signatures with Rust types that nobody wants to write: wide ones, and drawn ones.
//! Knows the macros that define a type, by name; nothing of Wasmtime.

use std::fmt::Write;

/// The same drawn signatures in every build.
const SEED: u64 = 0x9e37_79b9_7f4a_7c15;
const COUNT: usize = 200;
/// By which way each drawn signature is called, in rotation: each takes its time to compile.
const WAYS: [&str; 2] = ["CALL", "WRAP"];
const PARAMS: u64 = 4;
const DEPTH: u32 = 3;
/// Once so many types with a name are defined, most that are drawn are some of these: each costs
/// time to compile.
const NAMED: usize = 90;

const PRIMITIVES: [&str; 13] =
    ["bool", "i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64", "f32", "f64", "char", "String"];
const WORDS: [&str; 6] = ["zulu", "a", "kilo-metre", "URL", "x-Y", "m-n-o"];

const STRINGS_GROW: &str = "a string takes all that is written to it";

/// Variants and enums on both sides of the limit of a discriminant of one byte, which up to 39 Wasmtime's
/// derive macros draw one case too early.
pub fn wide(major: u32) -> String {
    let most_of_one_byte = if major < 40 { 255 } else { 256 };
    let mut text = String::new();
    for count in [255, 256, 257] {
        let cases = (0..count).map(|i| match i % 64 {
            0 => format!("{i} c{i}(a: u8), "),
            63 => format!("{i} c{i}(a: u32) = \"last{i}\", "),
            _ => format!("{i} c{i}, "),
        });
        writeln!(text, "variant! {{ Variant{count} {{ {} }} }}", cases.collect::<String>())
            .expect(STRINGS_GROW);
        let repr = if count > most_of_one_byte { "u16" } else { "u8" };
        let cases = (0..count).map(|i| format!("c{i}, ")).collect::<String>();
        writeln!(text, "enumeration! {{ {repr} Enum{count} {{ {cases} }} }}").expect(STRINGS_GROW);
    }
    text
}

/// Drawn signatures, and the types that they need.
pub fn random() -> String {
    let mut draw = Draw { state: SEED, definitions: String::new(), named: Vec::new() };
    let mut signatures = String::new();
    for i in 0..COUNT {
        let params = draw.below(PARAMS) + 1;
        let params = (0..params).map(|_| draw.form(DEPTH) + ",").collect::<String>();
        let result = if draw.one_in(8) { String::new() } else { draw.form(DEPTH) + "," };
        writeln!(
            signatures,
            "    Signature::by::<({params}), ({result})>(Family::Random, {}),",
            WAYS[i % WAYS.len()]
        )
        .expect(STRINGS_GROW);
    }
    let Draw { definitions, .. } = draw;
    format!("{definitions}\npub(super) const RANDOM: &[Signature] = &[\n{signatures}];\n")
}

struct Draw {
    state: u64,
    /// Of types with names.
    definitions: String,
    /// Each with how deep it is.
    named: Vec<(u32, String)>,
}

impl Draw {
    /// A number below this one: xorshift64*.
    fn below(&mut self, bound: u64) -> u64 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        (self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % bound
    }

    fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        let index = self.below(u64::try_from(from.len()).expect("a length fits"));
        from[usize::try_from(index).expect("it is below a length")]
    }

    /// A form of at most this depth.
    fn form(&mut self, depth: u32) -> String {
        if depth == 0 || self.one_in(3) {
            return self.pick(&PRIMITIVES).to_string();
        }
        match self.below(9) {
            0 => format!("Option<{}>", self.form(depth - 1)),
            1 => format!("Result<{}, {}>", self.payload(depth - 1), self.payload(depth - 1)),
            2 => format!("Vec<{}>", self.form(depth - 1)),
            3 => {
                let count = self.below(4) + 1;
                format!("({})", (0..count).map(|_| self.form(depth - 1) + ",").collect::<String>())
            }
            _ => self.named(depth),
        }
    }

    fn payload(&mut self, depth: u32) -> String {
        if self.one_in(3) { "()".to_string() } else { self.form(depth) }
    }

    /// A type with a name, perhaps one that there is already.
    fn named(&mut self, depth: u32) -> String {
        let known: Vec<String> = self
            .named
            .iter()
            .filter(|(of, _)| *of <= depth)
            .map(|(_, name)| name.clone())
            .collect();
        let again = if self.named.len() < NAMED { 4 } else { 1 };
        if !known.is_empty() && self.one_in(again) {
            return self.pick(&known.iter().map(String::as_str).collect::<Vec<_>>()).to_string();
        }
        let definition = match self.below(5) {
            0 | 1 => ("record", self.fields(depth)),
            2 | 3 => ("variant", self.cases(depth)),
            _ if self.one_in(2) => ("enumeration", self.labels('c', 6)),
            _ => ("flag_set", self.labels('b', 20)),
        };
        self.define(depth, definition)
    }

    fn define(&mut self, depth: u32, (kind, members): (&str, String)) -> String {
        let name = format!("T{}", self.named.len());
        let repr = if kind == "enumeration" { "u8 " } else { "" };
        writeln!(self.definitions, "{kind}! {{ {repr}{name} {{ {members} }} }}")
            .expect(STRINGS_GROW);
        let depth = if matches!(kind, "record" | "variant") { depth } else { 1 };
        self.named.push((depth, name.clone()));
        name
    }

    fn fields(&mut self, depth: u32) -> String {
        let count = self.below(7) + 1;
        let renamed = self.one_in(2);
        let field = |i| format!("f{i}: {}{}, ", self.form(depth - 1), self.label(renamed, i));
        (0..count).map(field).collect()
    }

    fn cases(&mut self, depth: u32) -> String {
        let count = self.below(6) + 1;
        let renamed = self.one_in(2);
        let case = |i| {
            let payload = match self.one_in(4) {
                true => String::new(),
                false => format!("(a: {})", self.form(depth - 1)),
            };
            format!("{i} c{i}{payload}{}, ", self.label(renamed, i))
        };
        (0..count).map(case).collect()
    }

    fn labels(&mut self, kind: char, most: u64) -> String {
        let count = self.below(most) + 1;
        let renamed = self.one_in(2);
        (0..count).map(|i| format!("{kind}{i}{}, ", self.label(renamed, i))).collect()
    }

    fn label(&mut self, renamed: bool, position: u64) -> String {
        if !renamed || self.one_in(4) {
            return String::new();
        }
        format!(" = \"{}{position}\"", self.pick(&WORDS))
    }
}
