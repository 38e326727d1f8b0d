//! Fewer and plainer types.
//! Knows which changes there are; what becomes of values, `carry` does.

use std::ops::Range;

use super::carry::{self, Change, TypeCut};
use super::one::{Cut, ranges};
use crate::abi::flatten::flatten_types;
use crate::abi::{MAX_FLAT_PARAMS, PtrType};
use crate::case::Case;
use crate::generate::mutate::shape::type_of;
use crate::generate::mutate::size::primitive_rank;
use crate::generate::values::least;
use crate::types::{Field, FuncType, Label, PRIMITIVES, Type, VariantCase};
use crate::value::Value;

/// The type of each function, by number.
fn function_types(case: &Case) -> Vec<FuncType> {
    let guests = &case.shape.guests;
    let exports = guests.iter().map(|guest| guest.export.ty.clone());
    let import = guests.last().and_then(|last| last.import.as_ref());
    exports.chain(import.map(|import| import.ty.clone())).collect()
}

/// The params and the result.
fn roots_of(ty: &FuncType) -> impl Iterator<Item = &Type> {
    ty.params.iter().chain(&ty.result)
}

fn cut(cuts: Vec<TypeCut>) -> Cut {
    Cut::new(move |case| cuts.iter().for_each(|cut| carry::apply(case, cut)))
}

/// Fewer params and results, and no import.
pub fn roots(case: &Case) -> Vec<Cut> {
    let mut cuts = vec![Cut::new(|case| {
        if let Some(last) = case.shape.guests.last_mut() {
            last.import = None;
        }
    })];
    for (function, ty) in function_types(case).iter().enumerate() {
        let gone = |root| TypeCut { function, root, path: Vec::new(), change: Change::Gone };
        let count = ty.params.len();
        if ty.result.is_some() {
            // From the last to the first, so that the numbers of the others stay.
            cuts.push(cut((0..=count).rev().map(gone).collect()));
            cuts.push(cut(vec![gone(count)]));
        }
        cuts.extend(ranges(count).into_iter().map(|range| cut(range.rev().map(gone).collect())));
    }
    cuts
}

/// A type that is in a case.
struct Node<'a> {
    function: usize,
    root: usize,
    path: Vec<usize>,
    ty: &'a Type,
}

impl Node<'_> {
    fn cut(&self, change: Change) -> Cut {
        let Node { function, root, path, .. } = self;
        let (function, root, path) = (*function, *root, path.clone());
        cut(vec![TypeCut { function, root, path, change }])
    }
}

/// All types, each before those inside it.
fn nodes(types: &[FuncType]) -> Vec<Node<'_>> {
    let mut nodes = Vec::new();
    for (function, ty) in types.iter().enumerate() {
        for (root, ty) in roots_of(ty).enumerate() {
            collect(Node { function, root, path: Vec::new(), ty }, &mut nodes);
        }
    }
    nodes
}

fn collect<'a>(node: Node<'a>, nodes: &mut Vec<Node<'a>>) {
    let Node { function, root, .. } = node;
    let (path, children) = (node.path.clone(), node.ty.children());
    nodes.push(node);
    for (number, ty) in children.into_iter().enumerate() {
        let path = path.iter().copied().chain([number]).collect();
        collect(Node { function, root, path, ty }, nodes);
    }
}

/// A bool in the place of a type that has others inside, or one of those, or another around them.
pub fn parts(case: &Case) -> Vec<Cut> {
    let types = function_types(case);
    let mut cuts = Vec::new();
    for node in nodes(&types).iter().filter(|node| primitive_rank(node.ty).is_none()) {
        cuts.push(node.cut(Change::Become(Type::Bool)));
        let children = node.ty.children().len();
        cuts.extend((0..children).map(|child| node.cut(Change::Unwrap(child))));
        cuts.extend(simpler(node.ty).map(|ty| node.cut(Change::Become(ty))));
        cuts.extend(payloads(node));
        cuts.extend(equal_members(node.ty).into_iter().map(|run| node.cut(Change::Gather(run))));
    }
    for (function, ty) in types.iter().enumerate() {
        cuts.extend(runs(&ty.params).into_iter().map(|run| gathered_params(function, run)));
        cuts.extend(list_of_params(function, ty));
        let compound =
            ty.params.iter().enumerate().filter_map(|(param, ty)| Some((param, members_of(ty)?)));
        cuts.extend(compound.map(|(param, members)| spread_param(function, param, members)));
    }
    cuts
}

/// The same part of each payload in the place of it: what payloads share in memory or in core values may
/// show only where they have it in the same place.
fn payloads(node: &Node) -> Vec<Cut> {
    if !matches!(node.ty, Type::Variant(_) | Type::Result(..)) {
        return Vec::new();
    }
    let payloads: Vec<usize> = node.ty.children().iter().map(|ty| ty.children().len()).collect();
    let unwrapped = |part: usize| {
        let of_payload = |(number, _)| {
            let path = node.path.iter().copied().chain([number]).collect();
            let change = Change::Unwrap(part);
            TypeCut { function: node.function, root: node.root, path, change }
        };
        let with_part = payloads.iter().enumerate().filter(|(_, parts)| part < **parts);
        cut(with_part.map(of_payload).collect())
    };
    (0..payloads.iter().copied().max().unwrap_or_default()).map(unwrapped).collect()
}

/// The members of a type that is nothing but its members.
fn members_of(ty: &Type) -> Option<Vec<Type>> {
    if let Type::Record(fields) = ty {
        Some(fields.iter().map(|field| field.ty.clone()).collect())
    } else if let Type::Tuple(types) = ty {
        Some(types.clone())
    } else {
        None
    }
}

fn equal_members(ty: &Type) -> Vec<Range<usize>> {
    members_of(ty).map(|types| runs(&types)).unwrap_or_default()
}

/// Where three or more equal types follow each other: two are as many as a list of fixed length takes.
fn runs(types: &[Type]) -> Vec<Range<usize>> {
    let mut runs = Vec::new();
    let mut start = 0;
    for run in types.chunk_by(|a, b| a == b) {
        if run.len() > 2 {
            runs.push(start..start + run.len());
        }
        start += run.len();
    }
    runs
}

/// One list of as many elements as there are core values, in the place of all params: what shows where those
/// are too many.
fn list_of_params(function: usize, ty: &FuncType) -> Vec<Cut> {
    let core = flatten_types(&ty.params, PtrType::I32).len();
    let Some(length) = u32::try_from(core).ok().filter(|_| core > MAX_FLAT_PARAMS) else {
        return Vec::new();
    };
    let mut elems: Vec<Type> = Vec::new();
    for ty in ty.params.iter().filter(|ty| primitive_rank(ty).is_some()) {
        if !elems.contains(ty) {
            elems.push(ty.clone());
        }
    }
    let list = |elem| Type::FixedLengthList(Box::new(elem), length);
    let cut = |list: Type| {
        Cut::new(move |case| {
            type_of(&mut case.shape, function).params = vec![list.clone()];
            carry::each_params(case, function, &mut |values| *values = vec![least(&list)]);
        })
    };
    elems.into_iter().map(list).map(cut).collect()
}

/// One list of fixed length in the place of equal params.
fn gathered_params(function: usize, run: Range<usize>) -> Cut {
    Cut::new(move |case| {
        let params = &mut type_of(&mut case.shape, function).params;
        let length = u32::try_from(run.len()).expect("params are few");
        let list = Type::FixedLengthList(Box::new(params[run.start].clone()), length);
        params.splice(run.clone(), [list]);
        carry::each_params(case, function, &mut |values| {
            if run.end <= values.len() {
                let gathered = Value::List(values[run.clone()].to_vec());
                values.splice(run.clone(), [gathered]);
            }
        });
    })
}

/// Several params in the place of one that consists of them.
fn spread_param(function: usize, param: usize, members: Vec<Type>) -> Cut {
    Cut::new(move |case| {
        let params = &mut type_of(&mut case.shape, function).params;
        params.splice(param..=param, members.iter().cloned());
        carry::each_params(case, function, &mut |values| {
            if let Some(Value::Record(parts)) = values.get(param) {
                let parts = parts.clone();
                values.splice(param..=param, parts);
            }
        });
    })
}

/// A type whose values are the same in memory, with less to say.
fn simpler(ty: &Type) -> Option<Type> {
    if let Type::Record(fields) = ty {
        return all_equal(fields.iter().map(|field| &field.ty))
            .or_else(|| Some(Type::Tuple(fields.iter().map(|field| field.ty.clone()).collect())));
    }
    if let Type::Tuple(types) = ty {
        return all_equal(types.iter());
    }
    if let Type::Variant(cases) = ty {
        return match &cases[..] {
            [VariantCase { ty: None, .. }, VariantCase { ty: Some(ty), .. }] => {
                Some(Type::Option(Box::new(ty.clone())))
            }
            [ok, error] => {
                let payload = |case: &VariantCase| case.ty.clone().map(Box::new);
                Some(Type::Result(payload(ok), payload(error)))
            }
            cases if cases.iter().all(|case| case.ty.is_none()) => {
                Some(Type::Enum(cases.iter().map(|case| case.label.clone()).collect()))
            }
            _ => None,
        };
    }
    if let Type::Map(key, _) = ty { Some(Type::List(key.clone())) } else { None }
}

/// A list of fixed length, where types are several and equal.
fn all_equal<'a>(mut types: impl ExactSizeIterator<Item = &'a Type>) -> Option<Type> {
    let length = u32::try_from(types.len()).ok().filter(|length| *length > 1)?;
    let first = types.next()?;
    types.all(|ty| ty == first).then(|| Type::FixedLengthList(Box::new(first.clone()), length))
}

/// Fewer fields, cases, flags and elements; one stays. Cases without payloads.
pub fn members(case: &Case) -> Vec<Cut> {
    let types = function_types(case);
    let mut cuts = Vec::new();
    for node in nodes(&types) {
        let count = member_count(node.ty);
        let fewer = ranges(count).into_iter().filter(|range| range.len() < count);
        cuts.extend(fewer.map(|range| node.cut(Change::Without(range))));
        cuts.extend(with_payload(node.ty).into_iter().map(|case| node.cut(Change::Bare(case))));
    }
    cuts
}

fn member_count(ty: &Type) -> usize {
    if let Type::Record(fields) = ty {
        fields.len()
    } else if let Type::Tuple(types) = ty {
        types.len()
    } else if let Type::Variant(cases) = ty {
        cases.len()
    } else if let Type::Enum(labels) | Type::Flags(labels) = ty {
        labels.len()
    } else if let Type::FixedLengthList(_, length) = ty {
        usize::try_from(*length).unwrap_or(usize::MAX)
    } else {
        0
    }
}

/// The cases that could be without a payload.
fn with_payload(ty: &Type) -> Vec<usize> {
    if let Type::Variant(cases) = ty {
        let cases = cases.iter().enumerate().filter(|(_, case)| case.ty.is_some());
        cases.map(|(number, _)| number).collect()
    } else if let Type::Result(ok, error) = ty {
        let sides = [ok, error].into_iter().enumerate().filter(|(_, side)| side.is_some());
        sides.map(|(number, _)| number).collect()
    } else {
        Vec::new()
    }
}

/// Plainer types in the place of those that have none inside.
pub fn plainer(case: &Case) -> Vec<Cut> {
    let types = function_types(case);
    let mut cuts = Vec::new();
    for node in nodes(&types) {
        let rank = primitive_rank(node.ty).and_then(|rank| usize::try_from(rank).ok());
        let plainer = PRIMITIVES.into_iter().take(rank.unwrap_or_default());
        cuts.extend(plainer.map(|ty| node.cut(Change::Become(ty))));
    }
    cuts
}

/// Names that are positions, for all and for each.
pub fn labels(case: &Case) -> Vec<Cut> {
    let mut cuts = vec![Cut::new(|case| each_label(case, &mut |_, label| label.0 = None))];
    let mut named = Vec::new();
    each_label(&mut case.clone(), &mut |number, label| {
        named.extend(label.0.is_some().then_some(number));
    });
    cuts.extend(named.into_iter().map(|wanted| {
        Cut::new(move |case| {
            each_label(case, &mut |number, label| {
                if number == wanted {
                    label.0 = None;
                }
            });
        })
    }));
    cuts
}

fn each_label(case: &mut Case, change: &mut dyn FnMut(usize, &mut Label)) {
    let mut number = 0;
    for function in 0..function_types(case).len() {
        let ty = type_of(&mut case.shape, function);
        for ty in ty.params.iter_mut().chain(&mut ty.result) {
            each_label_in(ty, &mut |label| {
                change(number, label);
                number += 1;
            });
        }
    }
}

fn each_label_in(ty: &mut Type, change: &mut dyn FnMut(&mut Label)) {
    if let Type::Record(fields) = ty {
        fields.iter_mut().for_each(|Field { label, .. }| change(label));
    } else if let Type::Variant(cases) = ty {
        cases.iter_mut().for_each(|VariantCase { label, .. }| change(label));
    } else if let Type::Enum(labels) | Type::Flags(labels) = ty {
        labels.iter_mut().for_each(&mut *change);
    }
    ty.children_mut().into_iter().for_each(|ty| each_label_in(ty, change));
}
