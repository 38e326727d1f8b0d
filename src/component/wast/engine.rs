//! What a script asks of an engine.
//! Knows no engine.

use std::any::Any;
use std::fmt;

use canonical_abi::Trap;
use canonical_abi::types::FuncType;
use canonical_abi::value::Value;

/// Something that components run on.
pub trait Engine {
    fn name(&self) -> &'static str;

    /// A script begins: what an earlier one has registered, and what the host has seen of it, is forgotten.
    fn begin(&mut self);

    /// Whether these bytes are a component that can be run.
    fn validate(&mut self, bytes: &[u8]) -> Result<(), NoResult>;

    /// An instance in a store of its own, with the host of scripts and what was registered behind its imports.
    fn instantiate(&mut self, bytes: &[u8]) -> Result<Box<dyn Instance>, NoResult>;

    /// From now on components may import, under this name, the core modules and resource types that an instance
    /// of this engine's exports.
    fn register(&mut self, name: &str, instance: &mut dyn Instance);

    /// The limit of ours for which core code was denied to grow a memory or a table, since this was last asked.
    fn denied(&mut self) -> Option<&'static str>;

    /// Whether a trap of this engine's is the expected one. Its words may tell what its kind does not.
    fn is_trap(&self, expected: Trap, observed: Option<Trap>, _words: &str) -> bool {
        observed.is_some_and(|observed| observed.kind() == expected.kind())
    }
}

/// An instance of a component.
pub trait Instance: Any {
    /// The type of an exported function, named `func` or `instance#func`.
    fn func_type(&self, path: &str) -> Option<Result<FuncType, NoResult>>;

    /// Calls an export. The caller has checked that it is there and that the values fit.
    fn call(&mut self, path: &str, args: &[Value]) -> Result<Option<Value>, NoResult>;
}

/// Why an engine came to no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoResult {
    /// It is no valid component.
    Invalid(String),
    /// Nobody offers what it imports.
    Unlinkable(String),
    /// It needs a feature that the engine lacks, by name.
    Unsupported(String),
    /// `None`: a trap that has no kind here.
    Trapped(Option<Trap>, String),
    /// Nobody can go on, and the call has not returned.
    Deadlocked(String),
    /// A limit that the spec lacks was met.
    Exhausted(String),
    Crashed(String),
}

/// What refusals say, outside of names, where a feature is missing rather than the component wrong.
/// Both engines decode with wasmparser, in different releases.
const MISSING: [&str; 7] = [
    "feature",
    "not enabled",
    "not supported",
    "unsupported",
    "not implemented",
    "not yet",
    "gc types are disallowed",
];

/// What they say where a limit of wasmparser's was met, which the spec lacks.
const LIMITS: [&str; 9] = [
    "exceeds limit of",
    "exceeds the limit of",
    "cannot exceed depth",
    "implementation limit",
    "nesting is too deep",
    "size is out of bounds",
    "size out of bounds",
    "too many locals",
    "section is too large",
];

impl NoResult {
    /// A refusal: invalid, unless a feature is missing or a limit was met.
    pub fn refused(why: &str) -> NoResult {
        let outside_names: String = why.split('`').step_by(2).collect();
        let says = |words: &[&str]| words.iter().any(|words| outside_names.contains(words));
        if says(&MISSING) {
            NoResult::Unsupported(feature(why))
        } else if says(&LIMITS) {
            NoResult::Exhausted(feature(why))
        } else {
            NoResult::Invalid(why.to_string())
        }
    }
}

/// The same name wherever in a component the feature is missing, or the limit is met.
fn feature(why: &str) -> String {
    let why = why.trim_start_matches("failed to parse WebAssembly module: ");
    why.split_once(" (at offset").map_or(why, |(feature, _)| feature).to_string()
}

impl fmt::Display for NoResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoResult::Invalid(why) => write!(f, "refused as invalid: {why}"),
            NoResult::Unlinkable(why) => write!(f, "unlinkable: {why}"),
            NoResult::Unsupported(feature) => write!(f, "unsupported: {feature}"),
            NoResult::Trapped(_, words) => write!(f, "trapped: {words}"),
            NoResult::Deadlocked(words) => write!(f, "deadlocked: {words}"),
            NoResult::Exhausted(limit) => write!(f, "met a limit: {limit}"),
            NoResult::Crashed(how) => write!(f, "crashed: {how}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_feature_is_told_from_a_mistake_and_named_without_its_place() {
        let missing = "failed to parse WebAssembly module: maps not enabled (at offset 0x1b)";
        assert_eq!(
            NoResult::refused(missing),
            NoResult::Unsupported("maps not enabled".to_string())
        );
        let mistake = "no export `feature`";
        assert_eq!(NoResult::refused(mistake), NoResult::Invalid(mistake.to_string()));
    }

    #[test]
    fn a_limit_of_the_decoders_is_told_from_a_rule_of_the_spec() {
        let limit = "flag names count exceeds limit of 1000 (at offset 0x1b)";
        let met = "flag names count exceeds limit of 1000".to_string();
        assert_eq!(NoResult::refused(limit), NoResult::Exhausted(met));
        let rule = "value type's maximum in-memory size exceeds maximum byte size";
        assert_eq!(NoResult::refused(rule), NoResult::Invalid(rule.to_string()));
    }
}
