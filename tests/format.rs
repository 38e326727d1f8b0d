//! The bytes of a case: golden files hold their form, and no damage to one of them is more than an error.

use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use canonfuzz::case::{Case, bytes, text};

/// Each golden file with its case, which the text beside it says.
fn golden() -> Vec<(PathBuf, Vec<u8>, Case)> {
    let files = fs::read_dir(Path::new("tests/golden/bytes")).unwrap();
    let paths = files.map(|file| file.unwrap().path());
    let encoded = paths.filter(|path| path.extension().is_some_and(|ending| ending == "bin"));
    let read = |path: PathBuf| {
        let twin = fs::read_to_string(path.with_extension("toml")).unwrap();
        let encoded = fs::read(&path).unwrap();
        (path, encoded, text::parse(&twin).unwrap().case)
    };
    encoded.map(read).collect()
}

#[test]
fn golden_files_are_what_their_cases_are_written_as_and_read_from() {
    let golden = golden();
    assert_eq!(golden.len(), 5);
    for (path, encoded, case) in golden {
        assert_eq!(bytes::decode(&encoded).unwrap(), case, "{}", path.display());
        assert_eq!(bytes::encode(&case), encoded, "{}", path.display());
    }
}

/// All that is left when bytes are missing at the end, and all that one byte may become: other bits, and
/// what lengths and counts are at their edges.
fn damaged(encoded: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let cut = (0..encoded.len()).map(|length| encoded[..length].to_vec());
    let changed = (0..encoded.len()).flat_map(move |at| {
        let flipped = (0..u8::BITS).map(move |bit| encoded[at] ^ 1 << bit);
        let bytes = flipped.chain([0x00, 0x01, 0x7f, 0x80, 0xff]);
        bytes.map(move |byte| {
            let mut damaged = encoded.to_vec();
            damaged[at] = byte;
            damaged
        })
    });
    cut.chain(changed)
}

fn through_text(case: &Case) -> Case {
    let (rule, story, expect) = (String::new(), None, Vec::new());
    let file = text::CaseFile { rule, story, case: case.clone(), expect };
    text::parse(&text::print(&file)).unwrap().case
}

#[test]
fn a_damaged_file_is_an_error_or_another_case() {
    let (mut refused, mut others) = (0, 0);
    for (_, encoded, case) in golden() {
        for damaged in damaged(&encoded) {
            let decoded = catch_unwind(|| bytes::decode(&damaged));
            match decoded.unwrap_or_else(|_| panic!("a panic: {damaged:02x?}")) {
                // What decodes is valid, so that it can be encoded again.
                Ok(other) => {
                    assert_eq!(bytes::decode(&bytes::encode(&other)).unwrap(), other);
                    // Of the many encodings of core code its text says one.
                    assert!(other.shape.is_noisy() || through_text(&other) == other);
                    others += u32::from(other != case);
                }
                Err(_) => refused += 1,
            }
        }
        assert!((0..encoded.len()).all(|length| bytes::decode(&encoded[..length]).is_err()));
    }
    assert!(refused > 1_000 && others > 1_000, "{refused} were refused, {others} are others");
}
