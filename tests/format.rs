//! The versions of an encoded case: docs/case-format.md, the golden files and the decoder know the same
//! ones, and no damage to a file of any of them is more than an error.

use std::collections::BTreeSet;
use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

use canonfuzz::case::{bytes, text};

/// The versions that the decoder knows: of any other it says so.
fn known() -> BTreeSet<u8> {
    let is_known = |version: &u8| {
        let error = bytes::decode(&[b"cfz".as_slice(), &[*version]].concat()).unwrap_err();
        !error.to_string().ends_with(" is unknown")
    };
    (0..=u8::MAX).filter(is_known).collect()
}

fn golden(version: u8, ending: &str) -> Vec<u8> {
    let version = char::from(version);
    let path = Path::new("tests/golden").join(format!("case-v{version}.{ending}"));
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_document_has_a_row_for_each_version() {
    let document = fs::read_to_string("docs/case-format.md").unwrap();
    let table = document.lines().skip_while(|line| !line.starts_with("| version |")).skip(2);
    let versions = table.take_while(|line| line.starts_with('|')).map(|line| line.as_bytes()[2]);
    assert_eq!(versions.collect::<BTreeSet<_>>(), known());
}

#[test]
fn a_file_of_each_version_is_the_case_beside_it() {
    assert!(known().len() >= 5);
    for version in known() {
        let encoded = golden(version, "bin");
        assert_eq!(encoded[3], version);
        let twin = String::from_utf8(golden(version, "toml")).unwrap();
        assert_eq!(bytes::decode(&encoded).unwrap(), text::parse(&twin).unwrap().case);
    }
}

#[test]
fn a_damaged_file_is_an_error_or_another_case() {
    let mut refused = 0;
    for version in known() {
        let encoded = golden(version, "bin");
        let cut = (0..encoded.len()).map(|length| encoded[..length].to_vec());
        let changed = (0..encoded.len()).flat_map(|at| {
            [0x00, 0x01, 0x7f, 0x80, 0xff].map(|byte| {
                let mut damaged = encoded.clone();
                damaged[at] = byte;
                damaged
            })
        });
        for damaged in cut.chain(changed) {
            let decoded = catch_unwind(|| bytes::decode(&damaged));
            match decoded.unwrap_or_else(|_| panic!("a panic: {damaged:02x?}")) {
                // What decodes is valid, so that it can be encoded again.
                Ok(case) => assert_eq!(bytes::decode(&bytes::encode(&case)).unwrap(), case),
                Err(_) => refused += 1,
            }
        }
    }
    assert!(refused > 1_000, "only {refused} were refused");
}
