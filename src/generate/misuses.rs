//! Mistakes of the host's in using an engine's interface.
//! Knows which there is room for, by asking; nothing of how an engine takes them.

use arbitrary::{Result, Unstructured};

use super::draw::position;
use crate::case::allowed::Allowed;
use crate::case::check::{check_manner, ends, last_answer};
use crate::case::misuse::{Mistake, Misuse, Node, nodes};
use crate::case::{Case, Manner};

/// Has the host misuse the interface in one of the calls, in none other. What cannot follow it goes.
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
    let last = Case { calls: case.calls[..=number].to_vec(), ..case.clone() };
    let mut possible = misuses(case, number, allowed);
    possible.retain(|misuse| {
        let mut case = last.clone();
        case.calls[number].manner = Manner::Misused(*misuse);
        check_manner(&case, number).is_ok()
    });
    let Some(chosen) = position(u, possible.len())? else {
        return Ok(());
    };
    case.calls[number].manner = Manner::Misused(possible[chosen]);
    if ends(&case.shape, possible[chosen]) {
        case.calls.truncate(number + 1);
    }
    Ok(())
}

/// All that the host may do wrong in this call, and some that it may not.
fn misuses(case: &Case, number: usize, allowed: &Allowed) -> Vec<Misuse> {
    let call = &case.calls[number];
    let export = &case.shape.guests[0].export.ty;
    let results = case.shape.guests.last().map(|last| last.types_of_import().1);
    let mut misuses =
        vec![Misuse::ArgExtra, Misuse::ArgMissing, Misuse::ResultExtra, Misuse::ResultMissing];
    let args = fitting(&nodes(&export.params, &call.args));
    misuses.extend(args.into_iter().map(|(node, mistake)| Misuse::Arg { node, mistake }));
    let answer = last_answer(call);
    let answer = fitting(&nodes(results.unwrap_or_default(), answer.as_slice()));
    misuses.extend(answer.into_iter().map(|(node, mistake)| Misuse::Answer { node, mistake }));
    let signatures = allowed.signatures.iter().zip(0..);
    let others = signatures.filter(|(signature, _)| signature.ty != *export);
    misuses.extend(others.map(|(_, number)| Misuse::Signature(number)));
    misuses
}

fn fitting(nodes: &[Node]) -> Vec<(u32, Mistake)> {
    let each = (0..).zip(nodes).flat_map(|(number, node)| {
        Mistake::ALL.map(|mistake| (number, mistake, mistake.fits(node)))
    });
    each.filter(|(_, _, fits)| *fits).map(|(number, mistake, _)| (number, mistake)).collect()
}
