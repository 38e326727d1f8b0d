//! What happens in a call: arguments, calls of the import, answers and slips.
//! Knows which slips a shape has room for; not what guest data looks like.

use arbitrary::{Result, Unstructured};

use super::draw::{between, chance, position, weighted, weighted_where};
use super::guest::GuestData;
use super::handles::{Handles, Party};
use super::values::{Room, fresh, least, values};
use super::weights;
use super::{acts, realloc};
use crate::case::{Answer, Call, Finish, ImportCall, Limits, Passed, Script, Shape, Step};
use crate::encode::guest::Side;
use crate::value::Value;

/// How guest and host behave in one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conduct {
    Honest,
    OneSlip,
    Slips,
}

/// Where something goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slip {
    /// What the guest passes to its import.
    Import,
    /// What the guest returns.
    Return,
    Realloc,
    /// The host fails.
    Answer,
    Reenter,
    /// The guest traps.
    Finish,
    PostReturn,
    /// A built-in is called with a handle that is another, or none.
    BuiltIn,
    /// The guest does not drop what it borrowed.
    KeptBorrow,
    Destructor,
    /// The host speaks of a handle that it does not hold.
    Host,
}

/// Calls for one case of this shape.
pub fn calls(u: &mut Unstructured, shape: &Shape, limits: &Limits) -> Result<Vec<Call>> {
    let counts = if shape.resources.is_empty() { weights::CALLS } else { weights::RESOURCE_CALLS };
    let count = weighted(u, counts)?.min(limits.calls);
    let mut handles = Handles::new(shape);
    (0..count)
        .map(|index| {
            let conduct = weighted(u, weights::CONDUCTS)?;
            let honest = index + 1 < count && chance(u, weights::HONEST_BEFORE)?;
            let conduct = if honest { Conduct::Honest } else { conduct };
            call(u, shape, limits, conduct, &mut handles)
        })
        .collect()
}

/// One call, after which `handles` are others.
pub fn call<'a>(
    u: &mut Unstructured,
    shape: &'a Shape,
    limits: &Limits,
    conduct: Conduct,
    handles: &mut Handles<'a>,
) -> Result<Call> {
    let imports = match shape.guests[0].import {
        Some(_) => weighted(u, weights::IMPORT_CALLS)?.min(limits.steps),
        None => 0,
    };
    let slips = slips(u, shape, imports, conduct)?;
    let mut data = GuestData::with(shape, handles.clone());
    let args = args(u, shape, &slips, &mut data.handles)?;
    let realloc = realloc::script(u, shape, limits, slips.contains(&Slip::Realloc), &data.handles)?;
    let destructor = acts::destructor(u, shape, slips.contains(&Slip::Destructor), &data.handles)?;
    data.handles.destructor = destructor;
    let mut steps = steps(u, shape, limits, imports, &slips, &mut data)?;
    let finish = finish(u, shape, &slips, &mut data)?;
    steps.extend(data.handles.made().into_iter().map(Step::BuiltIn));
    let slips_after = slips.contains(&Slip::PostReturn);
    let post_return = acts::post_return(u, shape, slips_after, &data.handles)?;
    let host_drops = acts::host_drops(u, limits, slips.contains(&Slip::Host), &mut data.handles)?;
    *handles = data.handles;
    let script = Script { realloc, steps, finish, post_return, destructor };
    Ok(Call { args, scripts: vec![script], host_drops })
}

/// What the host passes, which the guest then has.
fn args(
    u: &mut Unstructured,
    shape: &Shape,
    slips: &[Slip],
    handles: &mut Handles,
) -> Result<Vec<Value>> {
    let types = &shape.guests[0].export.ty.params;
    let mut room = Room::draw(u)?;
    let mut args = values(u, types, &mut room)?;
    if !handles.settle(u, &mut args, types, Party::Host)? {
        args = types.iter().map(least).collect();
        handles.settle(u, &mut args, types, Party::Host)?;
    }
    if slips.contains(&Slip::Host) {
        handles.spoil_args(u, &mut args, types)?;
    }
    handles.lower(&mut args, types);
    Ok(args)
}

fn slips(u: &mut Unstructured, shape: &Shape, imports: u32, conduct: Conduct) -> Result<Vec<Slip>> {
    let count = match conduct {
        Conduct::Honest => 0,
        Conduct::OneSlip => 1,
        Conduct::Slips => between(u, 2, 3)?,
    };
    let possible = |slip| possible(shape, imports, slip);
    (0..count).map(|_| weighted_where(u, weights::SLIPS, possible)).collect()
}

/// Whether the shape has room for this slip.
fn possible(shape: &Shape, imports: u32, slip: Slip) -> bool {
    match slip {
        Slip::Import => {
            let core = |import| !Side::params(import, shape.guests[0].ptr_type).core().is_empty();
            imports > 0 && shape.guests[0].import.as_ref().is_some_and(core)
        }
        Slip::Return => shape.guests[0].export.ty.result.is_some(),
        Slip::Realloc => realloc::has(shape),
        Slip::Answer | Slip::Reenter => imports > 0,
        Slip::Finish => true,
        Slip::PostReturn => shape.guests[0].export.opts.post_return,
        Slip::BuiltIn => !shape.resources.is_empty(),
        Slip::KeptBorrow => acts::borrows(shape),
        Slip::Destructor => acts::destroys(shape),
        Slip::Host => acts::defines(shape),
    }
}

/// Calls of the import and of built-ins, in any order, and then what has to be dropped.
fn steps(
    u: &mut Unstructured,
    shape: &Shape,
    limits: &Limits,
    imports: u32,
    slips: &[Slip],
    data: &mut GuestData,
) -> Result<Vec<Step>> {
    let most = usize::try_from(limits.steps).unwrap_or(usize::MAX);
    let imports = usize::try_from(imports).unwrap_or(0);
    let built_ins = acts::built_in_count(u, shape, slips.contains(&Slip::BuiltIn))?;
    let liar = position(u, imports)?;
    let wrong = position(u, built_ins)?.filter(|_| slips.contains(&Slip::BuiltIn));
    let (mut called, mut built) = (0, 0);
    let mut steps = Vec::new();
    while steps.len() < most && called + built < imports + built_ins {
        let import = called < imports && (built == built_ins || u.arbitrary()?);
        if import {
            let lies = liar == Some(called);
            let has = |slip| lies && slips.contains(&slip);
            called += 1;
            steps.extend(import_call(u, shape, has, data)?.map(Step::Import));
        } else {
            let wrong = wrong == Some(built);
            built += 1;
            steps.extend(acts::built_in(u, wrong, &mut data.handles)?.map(Step::BuiltIn));
        }
    }
    let kept = slips.contains(&Slip::KeptBorrow);
    steps.extend(acts::drop_borrows(u, kept, &mut data.handles)?.into_iter().map(Step::BuiltIn));
    steps.truncate(most);
    data.handles.room = most - steps.len();
    Ok(steps)
}

/// One call of the import; none where the guest would have to pass what it does not have.
fn import_call(
    u: &mut Unstructured,
    shape: &Shape,
    has: impl Fn(Slip) -> bool,
    data: &mut GuestData,
) -> Result<Option<ImportCall>> {
    let (params, results) = shape.guests[0].types_of_import();
    if !has(Slip::Import) && !data.handles.can(params, Party::Guest) {
        return Ok(None);
    }
    let passed = import_args(u, shape, has(Slip::Import), data)?;
    let mut answer = answer(u, shape, has(Slip::Answer), has(Slip::Reenter))?;
    match &mut answer {
        Answer::Return(value) | Answer::Reenter(value) => {
            data.handles.settle(u, value.as_mut_slice(), results, Party::Host)?;
            data.handles.lower(value.as_mut_slice(), results);
        }
        Answer::Guest | Answer::Error => {}
    }
    Ok(Some(ImportCall { passed, answer }))
}

/// What the guest passes to its import.
pub fn import_args(
    u: &mut Unstructured,
    shape: &Shape,
    lies: bool,
    data: &mut GuestData,
) -> Result<Passed> {
    let import = shape.guests[0].import.as_ref().expect("only what is there is called");
    let side = Side::params(import, shape.guests[0].ptr_type);
    if lies { data.lie(u, side) } else { data.truth(u, side) }
}

/// What the host's function answers.
pub fn answer(u: &mut Unstructured, shape: &Shape, fails: bool, reenters: bool) -> Result<Answer> {
    if fails {
        return Ok(Answer::Error);
    }
    let result = shape.guests[0].import.as_ref().and_then(|import| import.ty.result.as_ref());
    let value = result.map(|ty| fresh(u, ty)).transpose()?;
    Ok(if reenters { Answer::Reenter(value) } else { Answer::Return(value) })
}

fn finish(
    u: &mut Unstructured,
    shape: &Shape,
    slips: &[Slip],
    data: &mut GuestData,
) -> Result<Finish> {
    if slips.contains(&Slip::Finish) {
        return Ok(Finish::Trap);
    }
    let side = Side::results(&shape.guests[0].export, shape.guests[0].ptr_type);
    let lies = slips.contains(&Slip::Return);
    let passed = if lies { data.lie(u, side) } else { data.truth(u, side) };
    passed.map(Finish::Return)
}
