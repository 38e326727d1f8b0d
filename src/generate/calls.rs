//! What happens in a call: arguments, calls of the import, answers and slips.
//! Knows which slips a shape has room for; not what guest data looks like.

use arbitrary::{Result, Unstructured};

use super::draw::{between, chance, position, weighted, weighted_where};
use super::guest::GuestData;
use super::realloc;
use super::values::{Room, fresh, values};
use super::weights;
use crate::case::{Answer, Call, Destructor, Finish, ImportCall, Limits, Passed, PostReturn};
use crate::case::{Shape, Step};
use crate::encode::guest::Side;

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
}

/// Calls for one case of this shape.
pub fn calls(u: &mut Unstructured, shape: &Shape, limits: &Limits) -> Result<Vec<Call>> {
    let count = weighted(u, weights::CALLS)?.min(limits.calls);
    (0..count)
        .map(|index| {
            let conduct = weighted(u, weights::CONDUCTS)?;
            let honest = index + 1 < count && chance(u, weights::HONEST_BEFORE)?;
            call(u, shape, limits, if honest { Conduct::Honest } else { conduct })
        })
        .collect()
}

/// One call.
pub fn call(
    u: &mut Unstructured,
    shape: &Shape,
    limits: &Limits,
    conduct: Conduct,
) -> Result<Call> {
    let imports = match shape.import {
        Some(_) => weighted(u, weights::IMPORT_CALLS)?.min(limits.steps),
        None => 0,
    };
    let slips = slips(u, shape, imports, conduct)?;
    let mut data = GuestData::new(shape);
    let mut room = Room::draw(u)?;
    let args = values(u, &shape.export.ty.params, &mut room)?;
    Ok(Call {
        args,
        realloc: realloc::script(u, shape, limits, slips.contains(&Slip::Realloc))?,
        steps: import_calls(u, shape, imports, &slips, &mut data)?,
        finish: finish(u, shape, &slips, &mut data)?,
        post_return: post_return(u, shape, slips.contains(&Slip::PostReturn))?,
        destructor: Destructor::Nothing,
        host_drops: Vec::new(),
    })
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
            let core = |import| !Side::params(import).core().is_empty();
            imports > 0 && shape.import.as_ref().is_some_and(core)
        }
        Slip::Return => shape.export.ty.result.is_some(),
        Slip::Realloc => realloc::has(shape),
        Slip::Answer | Slip::Reenter => imports > 0,
        Slip::Finish => true,
        Slip::PostReturn => shape.export.opts.post_return,
    }
}

fn import_calls(
    u: &mut Unstructured,
    shape: &Shape,
    count: u32,
    slips: &[Slip],
    data: &mut GuestData,
) -> Result<Vec<Step>> {
    let count = usize::try_from(count).unwrap_or(0);
    let liar = position(u, count)?;
    let has = |index, slip| liar == Some(index) && slips.contains(&slip);
    (0..count)
        .map(|index| {
            let passed = import_args(u, shape, has(index, Slip::Import), data)?;
            let fails = has(index, Slip::Answer);
            let answer = answer(u, shape, fails, has(index, Slip::Reenter))?;
            Ok(Step::Import(ImportCall { passed, answer }))
        })
        .collect()
}

/// What the guest passes to its import.
pub fn import_args(
    u: &mut Unstructured,
    shape: &Shape,
    lies: bool,
    data: &mut GuestData,
) -> Result<Passed> {
    let import = shape.import.as_ref().expect("only what is there is called");
    let side = Side::params(import);
    if lies { data.lie(u, side) } else { data.truth(u, side) }
}

/// What the host's function answers.
pub fn answer(u: &mut Unstructured, shape: &Shape, fails: bool, reenters: bool) -> Result<Answer> {
    if fails {
        return Ok(Answer::Error);
    }
    let result = shape.import.as_ref().and_then(|import| import.ty.result.as_ref());
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
    let side = Side::results(&shape.export);
    let lies = slips.contains(&Slip::Return);
    let passed = if lies { data.lie(u, side) } else { data.truth(u, side) };
    passed.map(Finish::Return)
}

/// What `post-return` does.
pub fn post_return(u: &mut Unstructured, shape: &Shape, slips: bool) -> Result<PostReturn> {
    let leaves = shape.import.is_some() && u.arbitrary()?;
    Ok(match (slips, leaves) {
        (false, _) => PostReturn::Nothing,
        (true, true) => PostReturn::Import,
        (true, false) => PostReturn::Trap,
    })
}
