//! Mistakes of the host's in using an engine's interface.
//! Knows which there is room for, by asking; nothing of how an engine takes them.

use std::collections::BTreeMap;

use arbitrary::{Result, Unstructured};

use super::draw::position;
use crate::case::allowed::Allowed;
use crate::case::check::{check_manner, ends, last_answer};
use crate::case::misuse::{Mistake, Misuse, Node, nodes};
use crate::case::{Case, Manner};

/// What is the same of several mistakes: who makes it where, what is wrong, and whether with a part of
/// something.
type Group = (u8, Option<Mistake>, bool);

/// Has the host misuse the interface in one of the calls, in none other. What cannot follow it goes.
/// Each group of mistakes is as likely as any other: most values have room for few mistakes but
/// that of another type.
pub fn misuse(u: &mut Unstructured, case: &mut Case, allowed: &Allowed) -> Result<()> {
    let Some(number) = position(u, case.calls.len())? else {
        return Ok(());
    };
    for call in &mut case.calls {
        match call.manner {
            Manner::Misused(_) => call.manner = Manner::Once,
            Manner::Once | Manner::Twice => {}
        }
    }
    let mut groups = misuses(case, number, allowed);
    // A copy to ask with, in which the call is the last.
    let mut asked = case.clone();
    asked.calls.truncate(number + 1);
    groups.retain(|misuses| is_possible(&mut asked, misuses[0]));
    let Some(group) = position(u, groups.len())? else {
        return Ok(());
    };
    let Some(chosen) = position(u, groups[group].len())? else {
        return Ok(());
    };
    let chosen = groups[group][chosen];
    case.calls[number].manner = Manner::Misused(chosen);
    if ends(&case.shape, chosen) {
        case.calls.truncate(number + 1);
    }
    Ok(())
}

/// Whether the host may make this mistake in the last call, which it then does.
fn is_possible(case: &mut Case, misuse: Misuse) -> bool {
    let last = case.calls.len() - 1;
    case.calls[last].manner = Manner::Misused(misuse);
    check_manner(case, last).is_ok()
}

/// All that the host may do wrong in this call, and some that it may not, in groups of which all are
/// possible or none.
fn misuses(case: &Case, number: usize, allowed: &Allowed) -> Vec<Vec<Misuse>> {
    let call = &case.calls[number];
    let export = &case.shape.guests[0].export.ty;
    let results = case.shape.guests.last().map(|last| last.types_of_import().1);
    let counts = [Misuse::ArgExtra, Misuse::ArgMissing, Misuse::ResultExtra, Misuse::ResultMissing];
    let mut groups: BTreeMap<Group, Vec<Misuse>> = BTreeMap::new();
    let mut add = |group, misuse| groups.entry(group).or_default().push(misuse);
    (0..).zip(counts).for_each(|(i, misuse)| add((i, None, false), misuse));
    for (node, mistake, deep) in fitting(&nodes(&export.params, &call.args)) {
        add((4, Some(mistake), deep), Misuse::Arg { node, mistake });
    }
    let answer = last_answer(call);
    for (node, mistake, deep) in fitting(&nodes(results.unwrap_or_default(), answer.as_slice())) {
        add((5, Some(mistake), deep), Misuse::Answer { node, mistake });
    }
    let signatures = allowed.signatures.iter().zip(0..);
    let others = signatures.filter(|(signature, _)| !signature.stands_for(export));
    others.for_each(|(_, number)| add((6, None, false), Misuse::Signature(number)));
    groups.into_values().collect()
}

/// What can be wrong with which of these, and whether that is a part of another.
fn fitting(nodes: &[Node]) -> Vec<(u32, Mistake, bool)> {
    let each = (0..).zip(nodes).flat_map(|(number, node)| {
        let fits = Mistake::ALL.into_iter().filter(|mistake| mistake.fits(node));
        fits.map(move |mistake| (number, mistake, node.depth > 0))
    });
    each.collect()
}
