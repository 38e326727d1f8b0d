//! Changes that make a case smaller.
//! Knows nothing of why a case is wanted.

use arbitrary::{Result, Unstructured};

use super::bounds::Bounds;
use super::paths::{change_signature, plainer_manner, plainer_paths};
use super::shape::{any_function, any_type, change_tuning, type_of};
use super::types::{any_root, count, node, unwrap};
use super::values::any_node;
use super::{guests, resources};
use crate::abi::{PtrType, StringEncoding};
use crate::case::import_calls_mut;
use crate::case::{
    Answer, Call, Case, Destructor, Finish, Function, ImportCall, Pages, Passed, PostReturn,
    Realloc, Script,
};
use crate::generate::choices::Change;
use crate::generate::draw::position;
use crate::generate::noise;
use crate::generate::values::least;
use crate::types::{FuncType, Label, Type, scalar};
use crate::value::Value;

/// Makes one thing smaller. It may turn out that the whole is not.
pub fn shrink(u: &mut Unstructured, change: Change, case: &mut Case, bounds: Bounds) -> Result<()> {
    match change {
        Change::Value => shrink_value(u, case),
        Change::Data => shrink_data(u, case),
        Change::Realloc => shrink_realloc(u, case),
        Change::ImportCall => remove_import_call(u, case),
        Change::Answer => simple_answer(u, case),
        Change::Ending => simple_ending(u, case),
        Change::Call => remove_call(u, case),
        Change::Type => shrink_type(u, case, bounds),
        Change::Options => fewer_options(u, case),
        Change::Tuning => change_tuning(u, case),
        Change::Pages => fewer_pages(u, case),
        Change::BuiltIn => resources::smaller_built_in(u, case),
        Change::Resource => resources::remove_resource(u, case),
        Change::HostDrop => {
            let call = any_call(u, case)?;
            remove(u, &mut call.host_drops)
        }
        Change::Guest => guests::remove(u, case),
        Change::Paths => plainer_paths(u, case),
        Change::Manner => plainer_manner(u, case),
        Change::Noise => noise::shrink(u, &mut case.shape),
    }
}

/// Makes a memory one page, or its addresses those of 32 bits.
fn fewer_pages(u: &mut Unstructured, case: &mut Case) -> Result<()> {
    let guest = u.choose_index(case.shape.guests.len())?;
    let guest = &mut case.shape.guests[guest];
    if u.arbitrary()? {
        guest.pages = Pages::ONE;
    } else {
        guest.ptr_type = PtrType::I32;
    }
    Ok(())
}

fn shrink_value(u: &mut Unstructured, case: &mut Case) -> Result<()> {
    let Some((value, ty)) = any_node(u, case)? else {
        return Ok(());
    };
    match (value, ty) {
        (Value::List(values), Type::List(_) | Type::Map(..)) if !values.is_empty() => {
            let start = u.choose_index(values.len())?;
            let end = if u.arbitrary()? { start + 1 } else { values.len() };
            values.drain(start..end);
        }
        (Value::String(text), _) if u.arbitrary()? => {
            let keep = u.int_in_range(0..=text.text.chars().count())?;
            text.text = text.text.chars().take(keep).collect();
        }
        (Value::Handle(number), _) if u.arbitrary()? => *number /= 2,
        (Value::U32(value), _) if u.arbitrary()? => *value /= 2,
        (Value::U64(value), _) if u.arbitrary()? => *value /= 2,
        (value, ty) => *value = least(ty),
    }
    Ok(())
}

fn any_call<'a>(u: &mut Unstructured, case: &'a mut Case) -> Result<&'a mut Call> {
    let index = u.choose_index(case.calls.len())?;
    Ok(&mut case.calls[index])
}

fn any_script<'a>(u: &mut Unstructured, case: &'a mut Case) -> Result<&'a mut Script> {
    let scripts = &mut any_call(u, case)?.scripts;
    let index = u.choose_index(scripts.len())?;
    Ok(&mut scripts[index])
}

fn remove<T>(u: &mut Unstructured, from: &mut Vec<T>) -> Result<()> {
    let index = u.choose_index(from.len())?;
    from.remove(index);
    Ok(())
}

/// Takes away a patch or a chunk, or some of its bytes, or makes a word smaller.
fn shrink_data(u: &mut Unstructured, case: &mut Case) -> Result<()> {
    let script = any_script(u, case)?;
    let returned = match &mut script.finish {
        Finish::Return(passed) => Some(passed),
        Finish::Trap => None,
    };
    let imports = import_calls_mut(&mut script.steps).map(|step| &mut step.passed);
    let mut all: Vec<&mut Passed> = imports.chain(returned).collect();
    let index = u.choose_index(all.len())?;
    match &mut *all[index] {
        Passed::Lowered { patches, .. } => remove(u, patches),
        Passed::Raw { memory, .. } if !memory.is_empty() && u.arbitrary()? => {
            let index = u.choose_index(memory.len())?;
            let keep = memory[index].bytes.len() / 2;
            memory[index].bytes.truncate(keep);
            memory.retain(|chunk| !chunk.bytes.is_empty());
            Ok(())
        }
        Passed::Raw { flat, .. } => {
            let index = u.choose_index(flat.len())?;
            flat[index] = if u.arbitrary()? { 0 } else { flat[index] / 2 };
            Ok(())
        }
    }
}

fn shrink_realloc(u: &mut Unstructured, case: &mut Case) -> Result<()> {
    let script = &mut any_script(u, case)?.realloc;
    if u.arbitrary()? {
        return remove(u, script);
    }
    if let Some(index) = position(u, script.len())? {
        script[index] = Realloc::Bump;
    }
    Ok(())
}

fn remove_import_call(u: &mut Unstructured, case: &mut Case) -> Result<()> {
    let script = any_script(u, case)?;
    remove(u, &mut script.steps)
}

fn simple_answer(u: &mut Unstructured, case: &mut Case) -> Result<()> {
    let steps = &mut any_script(u, case)?.steps;
    let mut calls: Vec<&mut ImportCall> = import_calls_mut(steps).collect();
    let index = u.choose_index(calls.len())?;
    let answer = &mut calls[index].answer;
    *answer = match answer {
        Answer::Return(value) | Answer::Reenter(value) => Answer::Return(value.take()),
        // A value in place of the error is larger.
        Answer::Guest | Answer::Error => return Ok(()),
    };
    Ok(())
}

fn simple_ending(u: &mut Unstructured, case: &mut Case) -> Result<()> {
    let script = any_script(u, case)?;
    match u.int_in_range(0..=3)? {
        0 | 1 => script.post_return = PostReturn::Nothing,
        2 => script.destructor = Destructor::Nothing,
        _ => least_finish(script),
    }
    Ok(())
}

/// Returns what repair finds to be the least.
fn least_finish(script: &mut Script) {
    script.finish = Finish::Return(Passed::Lowered { values: Vec::new(), patches: Vec::new() });
}

fn remove_call(u: &mut Unstructured, case: &mut Case) -> Result<()> {
    if case.calls.len() > 1 { remove(u, &mut case.calls) } else { Ok(()) }
}

fn shrink_type(u: &mut Unstructured, case: &mut Case, bounds: Bounds) -> Result<()> {
    if u.ratio(1, 8)? {
        // Those of guests before the last come back.
        case.shape.guests.iter_mut().for_each(|guest| guest.import = None);
        return Ok(());
    }
    let number = any_type(u, &case.shape)?;
    if u.arbitrary()? && change_signature(u, case, number, bounds.allowed)? {
        return Ok(());
    }
    let ty = type_of(&mut case.shape, number);
    if u.ratio(1, 3)? {
        return fewer_params(u, ty);
    }
    let Some(root) = any_root(u, ty)? else {
        return Ok(());
    };
    let mut index = u.choose_index(count(root))?;
    let Some(ty) = node(root, &mut index) else {
        return Ok(());
    };
    match u.int_in_range(0..=3)? {
        0 => *ty = Type::Bool,
        1 => unwrap(u, ty)?,
        _ => fewer_members(u, ty)?,
    }
    Ok(())
}

fn fewer_params(u: &mut Unstructured, ty: &mut FuncType) -> Result<()> {
    if u.ratio(1, 3)? {
        ty.result = None;
        return Ok(());
    }
    remove(u, &mut ty.params)
}

fn fewer_members(u: &mut Unstructured, ty: &mut Type) -> Result<()> {
    if u.ratio(1, 4)? {
        labels_mut(ty).into_iter().for_each(|label| label.0 = None);
        return Ok(());
    }
    match ty {
        scalar!()
        | Type::String
        | Type::List(_)
        | Type::Option(_)
        | Type::Map(..)
        | Type::Handle(_) => {}
        Type::FixedLengthList(_, length) => *length = length.div_ceil(2),
        Type::Record(fields) => remove_some(u, fields)?,
        Type::Tuple(types) => remove_some(u, types)?,
        Type::Variant(cases) => remove_some(u, cases)?,
        Type::Enum(labels) | Type::Flags(labels) => remove_some(u, labels)?,
        Type::Result(ok, error) => *(if u.arbitrary()? { ok } else { error }) = None,
    }
    Ok(())
}

/// Takes away one member, or half of them; one stays.
fn remove_some<T>(u: &mut Unstructured, members: &mut Vec<T>) -> Result<()> {
    if members.len() == 1 || u.arbitrary()? {
        members.truncate(members.len().div_ceil(2));
        return Ok(());
    }
    remove(u, members)
}

fn labels_mut(ty: &mut Type) -> Vec<&mut Label> {
    if let Type::Record(fields) = ty {
        fields.iter_mut().map(|field| &mut field.label).collect()
    } else if let Type::Variant(cases) = ty {
        cases.iter_mut().map(|case| &mut case.label).collect()
    } else if let Type::Enum(labels) | Type::Flags(labels) = ty {
        labels.iter_mut().collect()
    } else {
        Vec::new()
    }
}

/// Those that are needed come back.
fn fewer_options(u: &mut Unstructured, case: &mut Case) -> Result<()> {
    let Function { ty, opts } = any_function(u, &mut case.shape)?;
    match u.int_in_range(0..=4)? {
        0 => opts.string_encoding = StringEncoding::Utf8,
        1 => opts.realloc = false,
        2 => (opts.memory, opts.realloc) = (false, false),
        3 => opts.post_return = false,
        _ => ty.is_async = false,
    }
    Ok(())
}
