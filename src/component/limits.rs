//! What a component that nobody here wrote may use, on either engine. The spec has no such limits:
//! whoever meets one has shown nothing.

use canonical_abi::Stop;

/// Steps of core code that instantiation may take, and each call: an endless loop ends within
/// seconds.
pub const FUEL: u64 = 500_000_000;
/// Bytes of all memories of a component together.
pub const MEMORY_SIZE: usize = 1 << 30;
/// Elements of all tables together.
pub const TABLE_ELEMENTS: usize = 10_000_000;
/// Core instances, and memories and tables each.
pub const COUNT: usize = 10_000;
/// Component instances: components that instantiate others twice each double them at every level.
pub const INSTANCES: usize = 10_000;
/// Component instances within one another: instantiation recurses on it.
pub const INSTANCE_DEPTH: usize = 500;
/// Calls of component functions within one another: what a host's function calls stands on the native stack of
/// who called it.
pub const CALLS: usize = 128;
pub const TOO_MANY_CALLS: Stop = Stop::Exhausted("more than 128 calls within one another");

/// How often stacks may begin and go on in one call of the host's: threads that yield to one another may do so for ever.
pub const TURNS: u64 = 10_000_000;
pub const TOO_MANY_TURNS: Stop = Stop::Exhausted("more than 10 million turns");

const TOO_MUCH_MEMORY: &str =
    "all memories together take more than they may, which is 1 GiB unless told otherwise";
const TOO_MANY_ELEMENTS: &str = "all tables together take more than 10 million elements";

// What is said of them has their numbers.
const _: () = assert!(CALLS == 128 && MEMORY_SIZE == 1 << 30 && TABLE_ELEMENTS == 10_000_000);
const _: () = assert!(TURNS == 10_000_000);

/// The name of the limit that was met, which each engine tells in its own words; nothing where it is another.
pub fn name(words: &str) -> Option<&'static str> {
    let tells = |of: &[&str]| of.iter().any(|part| words.contains(part));
    if tells(&["grow the linear memory", "exceeds memory limits"]) {
        Some(TOO_MUCH_MEMORY)
    } else if tells(&["grow the table", "exceeds table limits"]) {
        Some(TOO_MANY_ELEMENTS)
    } else {
        None
    }
}

/// How much all memories and tables of an instance may still grow. Whoever is told no goes on, so that it has
/// to be said on both engines at the same time.
pub struct Left {
    memory: usize,
    elements: usize,
    /// Why something was denied, since someone last asked.
    denied: Option<&'static str>,
}

impl Left {
    pub const ALL: Left = Left::of(MEMORY_SIZE);

    /// Memories may take so many bytes together.
    pub const fn of(memory: usize) -> Left {
        Left { memory, elements: TABLE_ELEMENTS, denied: None }
    }

    /// Whether a memory may grow.
    pub fn memory(&mut self, current: usize, desired: usize) -> bool {
        let may = take(&mut self.memory, desired.saturating_sub(current));
        self.told(may, TOO_MUCH_MEMORY)
    }

    /// Whether a table may grow.
    pub fn table(&mut self, current: usize, desired: usize) -> bool {
        let may = take(&mut self.elements, desired.saturating_sub(current));
        self.told(may, TOO_MANY_ELEMENTS)
    }

    fn told(&mut self, may: bool, limit: &'static str) -> bool {
        if !may {
            self.denied = Some(limit);
        }
        may
    }

    /// The limit for which something could not grow, since this was last asked.
    pub fn denied(&mut self) -> Option<&'static str> {
        self.denied.take()
    }
}

fn take(left: &mut usize, more: usize) -> bool {
    let rest = left.checked_sub(more);
    *left = rest.unwrap_or(*left);
    rest.is_some()
}
