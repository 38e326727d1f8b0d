//! Where the specification says what a difference is about.
//! Knows the headings and definitions of `CanonicalABI.md`, and nothing of cases.

use crate::abi::{BuiltIn, Trap};
use crate::case::{Case, Manner};
use crate::observation::{GuestEvent, HostEvent, Outcome};
use crate::oracle::{Difference, Observed, Where};

/// What is said where a host's mistake is not met as it should be.
pub(super) const NO_RULE: &str =
    "no rule of the ABI: the engine's interface has to refuse this mistake of the host's";

/// Whether the host makes a mistake in this call.
pub(super) fn is_misused(case: &Case, call: usize) -> bool {
    case.calls.get(call).is_some_and(|call| matches!(call.manner, Manner::Misused(_)))
}

/// A chapter of `CanonicalABI.md`, and the definitions in it to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    pub section: &'static str,
    pub functions: Vec<&'static str>,
}

/// The rules that a difference is about, by chapters.
pub(super) fn rules(difference: &Difference) -> Vec<Rule> {
    by_section(functions(difference))
}

fn by_section(functions: &'static str) -> Vec<Rule> {
    let mut rules: Vec<Rule> = Vec::new();
    for function in functions.split(", ") {
        let section = section(function);
        match rules.iter_mut().find(|rule| rule.section == section) {
            Some(rule) => rule.functions.push(function),
            None => rules.push(Rule { section, functions: vec![function] }),
        }
    }
    rules
}

/// The heading below which a definition stands; by the beginning of its name, the longest first.
fn section(function: &str) -> &'static str {
    const SECTIONS: [(&str, &str); 15] = [
        ("lift_flat_values", "Lifting and Lowering Values"),
        ("lower_flat_values", "Lifting and Lowering Values"),
        ("lift_flat", "Flat Lifting"),
        ("lower_flat", "Flat Lowering"),
        ("lift_", "Loading"),
        ("load", "Loading"),
        ("convert_", "Loading"),
        ("lower_", "Storing"),
        ("store", "Storing"),
        ("Store.", "Embedding"),
        ("Table.", "Table State"),
        ("Task.", "Tasks"),
        ("canon_lift", "canon lift"),
        ("canon_lower", "canon lower"),
        ("", "Canonical ABI Explainer"),
    ];
    let built_ins = BuiltIn::OF_RESOURCES.map(|which| which.row());
    if let Some(built_in) = built_ins.iter().find(|one| one.definition == function) {
        return built_in.canon;
    }
    let found = SECTIONS.iter().find(|(start, _)| function.starts_with(start));
    found.expect("every name starts with nothing").1
}

/// The definitions of `CanonicalABI.md` to read.
pub(super) fn functions(difference: &Difference) -> &'static str {
    match (&difference.at, &difference.expected, &difference.observed) {
        (Where::Outcome, Observed::Outcome(Outcome::Trapped(Some(trap), _)), _)
        | (Where::Outcome, _, Observed::Outcome(Outcome::Trapped(Some(trap), _))) => {
            trap_rule(*trap)
        }
        (Where::Outcome, _, _) => "canon_lift, canon_lower",
        (Where::HostEvent(_), Observed::HostEvent(HostEvent::Destructor { .. }), _)
        | (Where::HostEvent(_), _, Observed::HostEvent(HostEvent::Destructor { .. })) => {
            "canon_resource_drop"
        }
        (Where::HostEvent(_), _, _) => "canon_lower: lift_flat_values of the params",
        // A call of `realloc` that only one side makes is what is wrong.
        (Where::GuestEvent { .. }, _, Observed::GuestEvent(event @ GuestEvent::Realloc { .. }))
        | (Where::GuestEvent { .. }, Observed::GuestEvent(event), _)
        | (Where::GuestEvent { .. }, _, Observed::GuestEvent(event)) => guest_rule(event),
        (Where::GuestEvent { .. }, _, _) => "lower_flat_values",
        (Where::Result, _, _) => "canon_lift: lift_flat_values of the result",
        (Where::MemorySize { .. } | Where::Memory { .. }, _, _) => "store",
    }
}

fn guest_rule(event: &GuestEvent) -> &'static str {
    match event {
        GuestEvent::Called(_) | GuestEvent::ImportReturned(_) | GuestEvent::Reallocated(_) => {
            "lower_flat_values"
        }
        GuestEvent::Realloc { .. } => {
            "store_string_into_range, store_list_into_range, lower_flat_values"
        }
        GuestEvent::PostReturn(_) => "canon_lift: post_return",
        GuestEvent::BuiltIn { which, .. } => which.row().definition,
        GuestEvent::Destructor { .. } => BuiltIn::ResourceDrop.row().definition,
    }
}

/// The functions of the spec where a trap comes from.
pub fn trap_rule(trap: Trap) -> &'static str {
    match trap {
        Trap::UnalignedPointer => {
            "load_list_from_range, load_string_from_range, lift_flat_values, lower_flat_values"
        }
        Trap::MemoryOutOfBounds => "lift_flat_values, lower_flat_values, store_*_into_range",
        Trap::StringTooLong | Trap::StringOutOfBounds | Trap::InvalidUtf8 | Trap::InvalidUtf16 => {
            "load_string_from_range"
        }
        Trap::ListTooLong | Trap::ListOutOfBounds => "load_list_from_range",
        Trap::InvalidChar => "convert_i32_to_char",
        Trap::InvalidDiscriminant => "load_variant, lift_flat_variant",
        Trap::UnknownHandle => "Table.get, Table.remove",
        Trap::HandleOfOtherType | Trap::HandleLent => {
            "lift_own, lift_borrow, canon_resource_drop, canon_resource_rep"
        }
        Trap::HandleNotOwned => "lift_own",
        Trap::TooManyHandles => "Table.add",
        Trap::BorrowsRemain => "Task.return_",
        Trap::CannotEnterComponent => "Store.lift: may_enter",
        Trap::CannotLeaveComponent => "canon_lower: may_leave",
        Trap::CannotBlockSyncTask => "canon_lift: its end, canon_lower",
        Trap::Guest | Trap::Host => "canon_lift, canon_lower",
        Trap::Async(_) => "Task, WaitableSet, Subtask, CopyEnd, and the built-ins on them",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(functions: &'static str, expected: &[(&str, &[&str])]) {
        let rules = by_section(functions);
        let rules: Vec<_> = rules.iter().map(|rule| (rule.section, &rule.functions[..])).collect();
        assert_eq!(rules, expected);
    }

    #[test]
    fn definitions_stand_below_their_headings() {
        check(
            trap_rule(Trap::UnalignedPointer),
            &[
                ("Loading", &["load_list_from_range", "load_string_from_range"]),
                ("Lifting and Lowering Values", &["lift_flat_values", "lower_flat_values"]),
            ],
        );
        check(
            trap_rule(Trap::HandleLent),
            &[
                ("Loading", &["lift_own", "lift_borrow"]),
                ("canon resource.drop", &["canon_resource_drop"]),
                ("canon resource.rep", &["canon_resource_rep"]),
            ],
        );
        check(trap_rule(Trap::UnknownHandle), &[("Table State", &["Table.get", "Table.remove"])]);
        check(trap_rule(Trap::BorrowsRemain), &[("Tasks", &["Task.return_"])]);
        check(trap_rule(Trap::CannotEnterComponent), &[("Embedding", &["Store.lift: may_enter"])]);
        check("store", &[("Storing", &["store"])]);
    }
}
