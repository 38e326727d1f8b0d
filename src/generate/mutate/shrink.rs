//! Changes that make a case smaller, and what smaller means.
//! Knows nothing of why a case is wanted.

use arbitrary::{Result, Unstructured};

use super::Change;
use super::shape::{any_function, change_tuning};
use super::types::{any_root, count, node, unwrap};
use super::values::any_node;
use crate::abi::StringEncoding;
use crate::case::Shape;
use crate::case::{
    Answer, Call, Case, Chunk, Finish, Function, Passed, Patch, PostReturn, Realloc,
};
use crate::generate::draw::position;
use crate::generate::options::ONE_PAGE;
use crate::generate::values::least;
use crate::types::{FuncType, Label, Type};
use crate::value::Value;

/// How large a case is: what there is of things, then how large their numbers are.
pub fn size(case: &Case) -> (u64, u64) {
    let mut size = Size::default();
    size.shape(&case.shape);
    case.calls.iter().for_each(|call| size.call(call));
    let tuning = case.tuning;
    let tuned = [
        tuning.optimize,
        tuning.pooling,
        tuning.moving_memory,
        tuning.concurrency,
    ];
    size.bits += tuned.map(u64::from).iter().sum::<u64>();
    (size.things, size.bits)
}

#[derive(Default)]
struct Size {
    things: u64,
    bits: u64,
}

impl Size {
    fn things(&mut self, count: usize) {
        self.things += u64::try_from(count).expect("a count fits in 64 bits");
    }

    fn number(&mut self, number: u64) {
        self.bits += u64::from(u64::BITS - number.leading_zeros());
    }

    fn shape(&mut self, shape: &Shape) {
        self.function(&shape.export);
        shape.import.iter().for_each(|import| {
            self.things(1);
            self.function(import);
        });
        self.number(u64::from(shape.pages.initial - 1));
        self.number(u64::from(shape.pages.maximum - 1));
    }

    fn function(&mut self, function: &Function) {
        function
            .ty
            .params
            .iter()
            .chain(&function.ty.result)
            .for_each(|ty| self.ty(ty));
        let opts = function.opts;
        self.bits += [opts.memory, opts.realloc, opts.post_return]
            .map(u64::from)
            .iter()
            .sum::<u64>();
        self.bits += u64::from(opts.string_encoding != StringEncoding::Utf8);
    }

    fn ty(&mut self, ty: &Type) {
        self.things(1 + labels(ty).len());
        self.things(
            labels(ty)
                .iter()
                .filter_map(|label| label.0.as_ref())
                .map(|name| name.len())
                .sum(),
        );
        if let Type::FixedLengthList(_, length) = ty {
            self.number(u64::from(*length));
        }
        ty.children().into_iter().for_each(|child| self.ty(child));
    }

    fn call(&mut self, call: &Call) {
        self.things(1 + call.realloc.len() + call.imports.len());
        call.args.iter().for_each(|value| self.value(value));
        call.realloc.iter().for_each(|action| self.realloc(*action));
        for step in &call.imports {
            self.passed(&step.passed);
            match &step.answer {
                Answer::Return(value) => value.iter().for_each(|value| self.value(value)),
                Answer::Reenter(value) => {
                    self.number(1);
                    value.iter().for_each(|value| self.value(value));
                }
                Answer::Error => self.number(1),
            }
        }
        match &call.finish {
            Finish::Return(passed) => self.passed(passed),
            Finish::Trap => {}
        }
        self.bits += u64::from(call.post_return != PostReturn::Nothing);
    }

    fn realloc(&mut self, action: Realloc) {
        match action {
            Realloc::Bump => {}
            Realloc::At(number) | Realloc::Skew(number) | Realloc::Grow(number) => {
                self.number(u64::from(number));
                self.number(1);
            }
            Realloc::Forget | Realloc::Old | Realloc::Trap | Realloc::Import => self.number(1),
        }
    }

    fn passed(&mut self, passed: &Passed) {
        match passed {
            Passed::Lowered { values, patches } => {
                values.iter().for_each(|value| self.value(value));
                patches.iter().for_each(|patch| self.patch(patch));
            }
            Passed::Raw { flat, memory } => {
                self.things(flat.len());
                flat.iter().for_each(|bits| self.number(*bits));
                memory.iter().for_each(|chunk| self.chunk(chunk));
            }
        }
    }

    fn patch(&mut self, patch: &Patch) {
        match patch {
            Patch::Flat { bits, .. } => {
                self.things(1);
                self.number(*bits);
            }
            Patch::Memory(chunk) => self.chunk(chunk),
        }
    }

    fn chunk(&mut self, chunk: &Chunk) {
        self.things(1 + chunk.bytes.len());
        chunk
            .bytes
            .iter()
            .for_each(|byte| self.number(u64::from(*byte)));
    }

    fn value(&mut self, value: &Value) {
        self.things(1);
        match value {
            Value::Bool(value) => self.number(u64::from(*value)),
            Value::S8(value) => self.number(u64::from(value.cast_unsigned())),
            Value::U8(value) => self.number(u64::from(*value)),
            Value::S16(value) => self.number(u64::from(value.cast_unsigned())),
            Value::U16(value) => self.number(u64::from(*value)),
            Value::S32(value) => self.number(u64::from(value.cast_unsigned())),
            Value::U32(value) | Value::F32(value) | Value::Flags(value) => {
                self.number(u64::from(*value));
            }
            Value::S64(value) => self.number(value.cast_unsigned()),
            Value::U64(value) | Value::F64(value) => self.number(*value),
            Value::Char(value) => self.number(u64::from(u32::from(*value))),
            Value::String(text) => self.things(text.text.len()),
            Value::List(values) | Value::Record(values) => {
                values.iter().for_each(|value| self.value(value));
            }
            Value::Variant(index, payload) => {
                self.number(u64::from(*index));
                payload.iter().for_each(|value| self.value(value));
            }
        }
    }
}

/// Makes one thing smaller. It may turn out that the whole is not.
pub fn shrink(u: &mut Unstructured, change: Change, case: &mut Case) -> Result<()> {
    match change {
        Change::Value => shrink_value(u, case),
        Change::Data => shrink_data(u, case),
        Change::Realloc => shrink_realloc(u, case),
        Change::ImportCall => remove_import_call(u, case),
        Change::Answer => simple_answer(u, case),
        Change::Ending => simple_ending(u, case),
        Change::Call => remove_call(u, case),
        Change::Type => shrink_type(u, case),
        Change::Options => fewer_options(u, case),
        Change::Tuning => change_tuning(u, case),
        Change::Pages => {
            case.shape.pages = ONE_PAGE;
            Ok(())
        }
    }
}

fn shrink_value(u: &mut Unstructured, case: &mut Case) -> Result<()> {
    let Some((value, ty)) = any_node(u, case)? else {
        return Ok(());
    };
    match (value, ty) {
        (Value::List(values), Type::List(_) | Type::Map(..)) if !values.is_empty() => {
            let start = u.choose_index(values.len())?;
            let end = if u.arbitrary()? {
                start + 1
            } else {
                values.len()
            };
            values.drain(start..end);
        }
        (Value::String(text), _) if u.arbitrary()? => {
            let keep = u.int_in_range(0..=text.text.chars().count())?;
            text.text = text.text.chars().take(keep).collect();
        }
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

fn remove<T>(u: &mut Unstructured, from: &mut Vec<T>) -> Result<()> {
    let index = u.choose_index(from.len())?;
    from.remove(index);
    Ok(())
}

/// Takes away a patch or a chunk, or some of its bytes, or makes a word smaller.
fn shrink_data(u: &mut Unstructured, case: &mut Case) -> Result<()> {
    let call = any_call(u, case)?;
    let returned = match &mut call.finish {
        Finish::Return(passed) => Some(passed),
        Finish::Trap => None,
    };
    let imports = call.imports.iter_mut().map(|step| &mut step.passed);
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
    let script = &mut any_call(u, case)?.realloc;
    if u.arbitrary()? {
        return remove(u, script);
    }
    if let Some(index) = position(u, script.len())? {
        script[index] = Realloc::Bump;
    }
    Ok(())
}

fn remove_import_call(u: &mut Unstructured, case: &mut Case) -> Result<()> {
    let call = any_call(u, case)?;
    remove(u, &mut call.imports)
}

fn simple_answer(u: &mut Unstructured, case: &mut Case) -> Result<()> {
    let imports = &mut any_call(u, case)?.imports;
    let index = u.choose_index(imports.len())?;
    let answer = &mut imports[index].answer;
    *answer = match answer {
        Answer::Return(value) | Answer::Reenter(value) => Answer::Return(value.take()),
        // A value in place of the error is larger.
        Answer::Error => return Ok(()),
    };
    Ok(())
}

fn simple_ending(u: &mut Unstructured, case: &mut Case) -> Result<()> {
    let call = any_call(u, case)?;
    if u.arbitrary()? {
        call.post_return = PostReturn::Nothing;
    } else {
        call.finish = Finish::Trap;
    }
    Ok(())
}

fn remove_call(u: &mut Unstructured, case: &mut Case) -> Result<()> {
    if case.calls.len() > 1 {
        remove(u, &mut case.calls)
    } else {
        Ok(())
    }
}

fn shrink_type(u: &mut Unstructured, case: &mut Case) -> Result<()> {
    if u.ratio(1, 8)? {
        case.shape.import = None;
        return Ok(());
    }
    let ty = &mut any_function(u, &mut case.shape)?.ty;
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
    match ty {
        Type::Record(fields) if fields.len() > 1 => remove_some(u, fields),
        Type::Tuple(types) if types.len() > 1 => remove_some(u, types),
        Type::Variant(cases) if cases.len() > 1 => remove_some(u, cases),
        Type::Enum(labels) | Type::Flags(labels) if labels.len() > 1 => remove_some(u, labels),
        Type::FixedLengthList(_, length) => {
            *length = length.div_ceil(2);
            Ok(())
        }
        Type::Result(ok, error) => {
            *(if u.arbitrary()? { ok } else { error }) = None;
            Ok(())
        }
        _ => {
            clear_labels(ty);
            Ok(())
        }
    }
}

/// Takes away one member, or half of them.
fn remove_some<T>(u: &mut Unstructured, members: &mut Vec<T>) -> Result<()> {
    if u.arbitrary()? {
        members.truncate(members.len().div_ceil(2));
        return Ok(());
    }
    remove(u, members)
}

fn labels(ty: &Type) -> Vec<&Label> {
    match ty {
        Type::Record(fields) => fields.iter().map(|field| &field.label).collect(),
        Type::Variant(cases) => cases.iter().map(|case| &case.label).collect(),
        Type::Enum(labels) | Type::Flags(labels) => labels.iter().collect(),
        _ => Vec::new(),
    }
}

fn clear_labels(ty: &mut Type) {
    match ty {
        Type::Record(fields) => fields.iter_mut().for_each(|field| field.label.0 = None),
        Type::Variant(cases) => cases.iter_mut().for_each(|case| case.label.0 = None),
        Type::Enum(labels) | Type::Flags(labels) => {
            labels.iter_mut().for_each(|label| label.0 = None);
        }
        _ => {}
    }
}

/// Those that are needed come back.
fn fewer_options(u: &mut Unstructured, case: &mut Case) -> Result<()> {
    let opts = &mut any_function(u, &mut case.shape)?.opts;
    match u.int_in_range(0..=3)? {
        0 => opts.string_encoding = StringEncoding::Utf8,
        1 => opts.realloc = false,
        2 => (opts.memory, opts.realloc) = (false, false),
        _ => opts.post_return = false,
    }
    Ok(())
}
