//! Changes to resources, to the built-ins on them and to what the host drops.
//! Knows which numbers mean a resource, and changes them all where one is taken away.

use arbitrary::{Result, Unstructured};

use crate::abi::wrap;
use crate::case::{Act, Case, Script};
use crate::generate::draw::{integer, position};
use crate::generate::handles::after;
use crate::generate::options::resource;
use crate::types::{self, Handle, Type};

/// A number that no resource has.
const GONE: types::Resource = types::Resource::MAX;

/// Adds, removes, repeats, moves or changes a step that calls a built-in.
pub fn change_built_ins(u: &mut Unstructured, case: &mut Case) -> Result<()> {
    let Case { shape, calls, .. } = case;
    if shape.resources.is_empty() {
        return Ok(());
    }
    let number = u.choose_index(calls.len())?;
    let guest = u.choose_index(shape.guests.len())?;
    let handles = &mut after(shape, &calls[..number])[guest];
    let call = &mut calls[number];
    if guest == 0 {
        handles.lower(&call.args, &shape.guests[0].export.ty.params);
    }
    let more = Act::BuiltIn(handles.any_built_in(u)?);
    let steps = &mut call.scripts[guest].function.acts;
    match (position(u, steps.len())?, u.int_in_range(0..=5)?) {
        (Some(index), 0) => drop(steps.remove(index)),
        (Some(index), 1) => steps.insert(index, steps[index].clone()),
        (Some(index), 2) => steps.swap(0, index),
        (Some(index), 3) => steps.insert(index, more),
        (Some(index), 4) => change_operand(u, &mut steps[index])?,
        _ => steps.push(more),
    }
    Ok(())
}

fn change_operand(u: &mut Unstructured, act: &mut Act) -> Result<()> {
    let Some(built_in) = act.built_in_mut() else {
        return Ok(());
    };
    let operand = &mut built_in.operand;
    *operand = match u.int_in_range(0..=2)? {
        0 => operand.wrapping_add(1),
        1 => operand.wrapping_sub(1),
        _ => wrap(integer(u, 32)?),
    };
    Ok(())
}

/// Adds, removes or changes a resource.
pub fn change_resources(u: &mut Unstructured, case: &mut Case) -> Result<()> {
    let other = resource(u, case.shape.guests.len())?;
    let resources = &mut case.shape.resources;
    match (position(u, resources.len())?, u.int_in_range(0..=3)?) {
        (Some(index), 0) => remove(case, index),
        (Some(index), 1 | 2) => resources[index] = other,
        _ => resources.push(other),
    }
    Ok(())
}

/// What mentions it has a number that nobody has, until it is repaired.
pub fn remove(case: &mut Case, index: usize) {
    case.shape.resources.remove(index);
    let index = u32::try_from(index).expect("resources are few");
    let renumber = |number: &mut u32| {
        *number = match *number {
            number if number == index => GONE,
            number if number > index => number - 1,
            number => number,
        };
    };
    let guests = case.shape.guests.iter_mut();
    let functions =
        guests.flat_map(|guest| [&mut guest.export].into_iter().chain(&mut guest.import));
    for ty in
        functions.flat_map(|function| function.ty.params.iter_mut().chain(&mut function.ty.result))
    {
        each_number(ty, &renumber);
    }
    let scripts = case.calls.iter_mut().flat_map(|call| &mut call.scripts);
    scripts.flat_map(Script::built_ins_mut).for_each(|built_in| renumber(&mut built_in.of));
}

fn each_number(ty: &mut Type, change: &impl Fn(&mut u32)) {
    if let Type::Handle(Handle::Own(resource) | Handle::Borrow(resource)) = ty {
        change(resource);
    }
    ty.children_mut().into_iter().for_each(|ty| each_number(ty, change));
}

/// Adds, removes or changes what the host drops.
pub fn change_host_drops(u: &mut Unstructured, case: &mut Case) -> Result<()> {
    let Case { shape, calls, .. } = case;
    let number = u.choose_index(calls.len())?;
    let mut numbers = after(shape, &calls[..=number])[0].held(|_| true);
    numbers.push(u.int_in_range(0..=3)?);
    let more = *u.choose(&numbers)?;
    let drops = &mut calls[number].host_drops;
    match (position(u, drops.len())?, u.int_in_range(0..=2)?) {
        (Some(index), 0) => drop(drops.remove(index)),
        (Some(index), 1) => drops[index] = more,
        _ => drops.push(more),
    }
    Ok(())
}
