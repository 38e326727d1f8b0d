//! What of two lines is not the same, so that a reader need not look for it.
//! Knows words, and nothing of what they mean.

use super::write::Html;

/// Writes this line with a mark around what the other has otherwise.
pub(super) fn marked(html: &mut Html, line: &str, other: &str) {
    let [same, unequal, rest] = split(line, other);
    html.text(same);
    if !unequal.is_empty() {
        html.leaf("mark", &[], unequal);
    }
    html.text(rest);
}

/// What both begin with, what is between, and what both end with. Nothing is between where they are equal, or
/// where so little is that a mark would say no more than that.
fn split<'a>(line: &'a str, other: &str) -> [&'a str; 3] {
    let [words, others] = [words(line), words(other)];
    let same = |(a, b): &(&&str, &&str)| a == b;
    let start = words.iter().zip(&others).take_while(same).count();
    let most = words.len().min(others.len()) - start;
    let end = words.iter().rev().zip(others.iter().rev()).take(most).take_while(same).count();
    let length = |words: &[&str]| words.iter().map(|word| word.len()).sum::<usize>();
    let (before, after) = (length(&words[..start]), length(&words[words.len() - end..]));
    if !line[..before].contains(char::is_alphanumeric) {
        return [line, "", ""];
    }
    let (before, rest) = line.split_at(before);
    let (unequal, after) = rest.split_at(rest.len() - after);
    [before, unequal, after]
}

/// Letters and digits that belong together, and each other character alone.
fn words(line: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let word = rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len());
        let (word, after) = rest.split_at(word.max(first.len_utf8() * usize::from(word == 0)));
        words.push(word);
        rest = after;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, other: &str, parts: [&str; 3]) {
        assert_eq!(split(line, other), parts);
    }

    #[test]
    fn the_words_that_are_not_the_same_are_between() {
        let [reference, subject] = ["realloc(1024, 2, 1, 1)", "realloc(1024, 2, 2, 1)"];
        check(reference, subject, ["realloc(1024, 2, ", "1", ", 1)"]);
        check(subject, reference, ["realloc(1024, 2, ", "2", ", 1)"]);
        check("returned \"aé\"", "returned \"aé☃\"", ["returned \"aé", "", "\""]);
        check("returned \"aé☃\"", "returned \"aé\"", ["returned \"aé", "☃", "\""]);
        check("f(17)", "f(170)", ["f(", "17", ")"]);
        check("f(1, 1)", "f(1)", ["f(1", ", 1", ")"]);
    }

    #[test]
    fn lines_that_begin_otherwise_or_are_equal_have_no_mark() {
        check("returned", "trapped", ["returned", "", ""]);
        check("17", "18", ["17", "", ""]);
        check("", "f()", ["", "", ""]);
        check("f()", "f()", ["f()", "", ""]);
    }
}
