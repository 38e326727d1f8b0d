//! Text from anywhere, as a terminal and a log bear it.
//! Knows nothing of where it is from.

use std::path::{MAIN_SEPARATOR, Path};

/// Whether a character does something instead of showing: control characters, and what turns the order of the
/// letters around it or breaks a line.
pub fn is_hidden(c: char) -> bool {
    let turns = matches!(c, '\u{61c}' | '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}');
    let isolates = matches!(c, '\u{2066}'..='\u{2069}');
    c.is_control() || turns || isolates || matches!(c, '\u{2028}'..='\u{2029}')
}

/// The text with its line breaks and tabs, and with every other hidden character written out.
pub fn lines(text: &str) -> String {
    escaped(text, |c| is_hidden(c) && !matches!(c, '\n' | '\t'))
}

/// The text as one line: what libraries say in several is put behind one another.
pub fn line(text: &str) -> String {
    let mut line = String::new();
    for part in text.lines().map(str::trim).filter(|part| !part.is_empty()) {
        let goes_on = line.is_empty() || line.ends_with([' ', ',', ':', '[', '(', '{']);
        line += if goes_on { "" } else { ";" };
        line += if line.is_empty() { "" } else { " " };
        line += part;
    }
    escaped(&line, is_hidden)
}

/// Text of somebody else's in the middle of a line, such as a name.
pub fn word(text: &str) -> String {
    escaped(text, is_hidden)
}

/// The beginning of a line that is longer than so many characters.
pub fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some(_) => text.chars().take(most - 1).chain(['…']).collect(),
        None => text.to_string(),
    }
}

fn escaped(text: &str, is_escaped: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_escaped(c) { out.extend(c.escape_unicode()) } else { out.push(c) }
    }
    out
}

/// The name of a file. No two have the same: what is not UTF-8 is written out, and so is the backslash that
/// begins what is written out.
pub fn name(path: &Path) -> String {
    let mut out = String::new();
    for chunk in path.as_os_str().as_encoded_bytes().utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\\' if MAIN_SEPARATOR != '\\' => out.push_str("\\\\"),
                c if is_hidden(c) => out.extend(c.escape_unicode()),
                c => out.push(c),
            }
        }
        chunk.invalid().iter().for_each(|byte| out.push_str(&format!("\\x{byte:02x}")));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(form: fn(&str) -> String, text: &str, expected: &str) {
        assert_eq!(form(text), expected);
    }

    #[test]
    fn hidden_characters_are_written_out() {
        check(word, "\u{1b}[31mred\r\n\0", "\\u{1b}[31mred\\u{d}\\u{a}\\u{0}");
        check(word, "\u{9b}31m\u{202e}abc\u{2028}", "\\u{9b}31m\\u{202e}abc\\u{2028}");
        check(word, "aé☃\u{1f320}\\", "aé☃\u{1f320}\\");
        check(lines, "a\n\tb\u{7}", "a\n\tb\\u{7}");
    }

    #[test]
    fn what_a_library_says_in_several_lines_is_one() {
        check(line, "bad magic\n\n  a name\u{1b}\n", "bad magic; a name\\u{1b}");
        check(line, "expected=[\n    0x0,\n    0x1,\n] (at 7)", "expected=[ 0x0, 0x1, ] (at 7)");
    }

    #[test]
    fn a_line_that_is_too_long_says_so() {
        assert_eq!(cut("aé☃", 3), "aé☃");
        assert_eq!(cut("aé☃d", 3), "aé…");
    }

    #[cfg(unix)]
    #[test]
    fn no_two_files_have_one_name() {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt;
        let named = |bytes: &[u8]| name(Path::new(OsStr::from_bytes(bytes)));
        assert_eq!(named(b"a/b c.toml"), "a/b c.toml");
        assert_eq!(named(b"a\xffb"), "a\\xffb");
        assert_eq!(named(b"a\\xffb"), "a\\\\xffb");
        assert_eq!(named(b"a\nb\x1b"), "a\\u{a}b\\u{1b}");
        assert_ne!(named(b"a\\u{a}b"), named(b"a\nb"));
    }
}
