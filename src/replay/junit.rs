//! Verdicts as JUnit's XML.
//! Knows what a CI calls a failure.

use anyhow::Result;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::Replayed;
use crate::oracle::Verdict;
use crate::{plain, report};

/// A test for each case: it fails where something is to be looked at, and is skipped where nothing could be said.
pub fn text(all: &[Replayed]) -> Result<String> {
    let mut suite = TestSuite::new(report::build());
    suite.add_test_cases(all.iter().map(test));
    let mut junit = Report::new("canonfuzz replay");
    junit.add_test_suite(suite);
    Ok(junit.to_string()?)
}

fn test(replayed: &Replayed) -> TestCase {
    let name = plain::name(&replayed.path);
    let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder).to_string();
    let mut test = TestCase::new(name, status(replayed));
    test.set_classname(folder);
    test
}

fn status(replayed: &Replayed) -> TestCaseStatus {
    let says = report::verdict(&replayed.verdict);
    if !replayed.is_clean() {
        let details = replayed.complaints.iter().chain(&replayed.report);
        let details: Vec<_> = details.map(String::as_str).collect();
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status.set_message(says).set_description(plain::lines(&details.join("\n")));
        return status;
    }
    match &replayed.verdict {
        Verdict::Agree | Verdict::Accepted(_) | Verdict::Disagree(_) => TestCaseStatus::success(),
        Verdict::Inconclusive(_) | Verdict::Unsupported(_) => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(says);
            status
        }
    }
}
