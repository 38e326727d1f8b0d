//! Whether it was the machine that gave out, and not the subject: memory, address space, processes, open files.
//! Knows the words of the system and of Rust's allocator, and nothing of who said them.

use crate::observation::Outcome;

/// The system's numbers for no more processes, no memory, and no more open files.
const CODES: [u32; 4] = [if cfg!(target_os = "linux") { 11 } else { 35 }, 12, 23, 24];

/// What Rust's allocator and the subject say when there is no memory left.
const NO_MEMORY: [&str; 2] = ["memory allocation of ", "out of memory (failed to allocate "];

/// The most memory that anything in a case can need at once. Whoever asks for more is mistaken, whatever the
/// machine has.
const MOST_MEMORY: u64 = 1 << 30;

/// The same of addresses: a pool reserves hundreds of gibibytes.
const MOST_ADDRESSES: u64 = 1 << 40;

/// Whether these words, with all that led to them, are about the machine.
pub fn gave_out(words: &str) -> bool {
    let by_system = CODES.iter().any(|code| {
        words.contains(&format!("(os error {code})")) || words.contains(&format!("code: {code},"))
    });
    let by_allocator = NO_MEMORY.iter().any(|no_memory| words.contains(no_memory));
    let most = if by_allocator { MOST_MEMORY } else { MOST_ADDRESSES };
    (by_system || by_allocator) && asked(words).is_none_or(|bytes| bytes <= most)
}

/// For how many bytes was asked, where the words say it: the most of them.
fn asked(words: &str) -> Option<u64> {
    let words: Vec<&str> = words.split_whitespace().collect();
    let before = words.windows(2).filter(|pair| pair[1].trim_end_matches([':', ')']) == "bytes");
    before.filter_map(|pair| number(pair[0])).max()
}

fn number(word: &str) -> Option<u64> {
    let digits = word.replace('_', "");
    // What does not fit is too much.
    match digits.strip_prefix("0x") {
        Some(hex) => Some(u64::from_str_radix(hex, 16).unwrap_or(u64::MAX)),
        None if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(digits.parse().unwrap_or(u64::MAX))
        }
        None => None,
    }
}

/// What an outcome comes to where the machine gave out: it says nothing about the subject.
pub fn told_apart(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Trapped(None, words) | Outcome::Refused(words) | Outcome::Crashed(words)
            if gave_out(&words) =>
        {
            limit(&words)
        }
        other @ (Outcome::Returned
        | Outcome::Trapped(..)
        | Outcome::Deadlocked(_)
        | Outcome::Misused(_)
        | Outcome::Refused(_)
        | Outcome::Unsupported(_)
        | Outcome::Exhausted(_)
        | Outcome::Crashed(_)
        | Outcome::NotObserved(_)) => other,
    }
}

/// The outcome that says so, in the words that say least about this time.
pub fn limit(words: &str) -> Outcome {
    let what = if words.contains("(os error 12)") || NO_MEMORY.iter().any(|no| words.contains(no)) {
        "too little memory"
    } else {
        "too few processes or open files"
    };
    Outcome::Exhausted(format!("the machine has {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(words: &str, expected: bool) {
        assert_eq!(gave_out(words), expected, "{words}");
    }

    #[test]
    fn the_machine_is_told_from_whoever_asks_too_much_of_it() {
        let reserve = |size| format!("mmap failed to reserve {size} bytes: Cannot allocate memory");
        check(&format!("{} (os error 12)", reserve("0x1_8000_0000")), true);
        check(&format!("{} (os error 12)", reserve("0x7fff_ffff_f000")), false);
        check(&format!("{} (os error 12)", reserve("0xffff_ffff_ffff_ffff_f")), false);
        check("cannot start a thread: Resource temporarily unavailable (os error 11)", true);
        check("called `Result::unwrap()`: Os { code: 24, kind: Uncategorized }", true);
        check("SIGABRT: memory allocation of 65536 bytes failed", true);
        check("SIGABRT: memory allocation of 18446744073709551615 bytes failed", false);
        check("out of memory (failed to allocate 4096 bytes)", true);
        check("out of memory (failed to allocate 4294967296 bytes)", false);
        check("SIGSEGV", false);
        check("No such file or directory (os error 2)", false);
        check("list pointer/length out of bounds of memory", false);
    }
}
