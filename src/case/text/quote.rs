//! Strings and arrays as TOML, each in the one spelling that is canonical.
//! Knows nothing of what they say.

/// Lines are broken beyond this width where they can be.
pub const WIDTH: usize = 100;

/// A string in the plainest of TOML's forms that can hold it.
pub fn string(text: &str) -> String {
    let plain = |c: char| !c.is_control();
    let literal = !text.contains("'''") && !text.starts_with('\'') && !text.ends_with('\'');
    if !text.chars().all(plain) {
        format!("\"{}\"", escape(text))
    } else if !text.contains(['"', '\\']) {
        format!("\"{text}\"")
    } else if !text.contains('\'') {
        format!("'{text}'")
    } else if literal {
        format!("'''{text}'''")
    } else {
        format!("\"{}\"", escape(text))
    }
}

fn escape(text: &str) -> String {
    text.chars().fold(String::new(), |out, c| match c {
        '"' => out + "\\\"",
        '\n' => out + "\\n",
        c => out + &escape_char(c),
    })
}

fn escape_char(c: char) -> String {
    match c {
        '\\' => "\\\\".to_string(),
        '\t' => "\\t".to_string(),
        '\r' => "\\r".to_string(),
        c if c.is_control() => format!("\\u{:04x}", u32::from(c)),
        c => c.to_string(),
    }
}

/// A string that shows its line breaks; the first line starts below the quotes.
pub fn lines(text: &str) -> String {
    let mut out = "\"\"\"\n".to_string();
    let mut quotes = 0;
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        quotes = if c == '"' { quotes + 1 } else { 0 };
        let closes = quotes == 3 || (c == '"' && rest.peek().is_none());
        if closes {
            out.push('\\');
            quotes = 0;
        }
        out += &if c == '\n' { c.to_string() } else { escape_char(c) };
    }
    out + "\"\"\""
}

/// A string of plain characters, with its line breaks as they are.
pub fn block(text: &str) -> String {
    if text.contains('\n') { format!("\"\"\"{text}\"\"\"") } else { string(text) }
}

/// An array of items that are TOML already: on one line where that fits, else one item a line.
pub fn array(key: &str, items: &[String]) -> String {
    let line = format!("{key} = [{}]", items.join(", "));
    if line.len() > WIDTH || line.contains('\n') { column(key, items) } else { line + "\n" }
}

/// An array of short items that are TOML already: on one line where that fits, else as many on a
/// line as fit.
pub fn words(key: &str, items: &[String]) -> String {
    let line = format!("{key} = [{}]\n", items.join(", "));
    if line.len() <= WIDTH { line } else { format!("{key} = [{}\n]\n", fill("  ", items)) }
}

/// Items on lines of their own, each followed by a comma, as many on a line as fit.
pub fn fill(indent: &str, items: &[String]) -> String {
    let mut out = String::new();
    let mut width = WIDTH;
    for item in items {
        width += item.len() + 2;
        if width > WIDTH {
            out += &format!("\n{indent}{item},");
            width = indent.len() + item.len() + 1;
        } else {
            out += &format!(" {item},");
        }
    }
    out
}

/// An array of items that are TOML already, one a line.
pub fn column(key: &str, items: &[String]) -> String {
    let items: String = items.iter().map(|item| format!("  {item},\n")).collect();
    format!("{key} = [\n{items}]\n")
}
