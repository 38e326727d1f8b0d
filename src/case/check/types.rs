//! Whether types are valid and within bounds.

use std::collections::BTreeSet;

use crate::abi::PtrType;
use crate::abi::layout::elem_size;
use crate::types::{CASE, FIELD, FLAG, FuncType, Label, MAP_KEYS, Type, scalar};

use super::{Limits, at_most, refuse_if};

/// Validation refuses more flags in one type.
const FLAGS: u32 = 32;

fn is_key(ty: &Type) -> bool {
    MAP_KEYS.contains(ty)
}

/// Returns the bytes of all labels, each counted as often as it occurs.
pub fn check_functype(ty: &FuncType, ptr_type: PtrType, limits: &Limits) -> Result<usize, String> {
    at_most("params", ty.params.len(), limits.params)?;
    let mut walk = Walk { limits, ptr_type, nodes: 0, label_bytes: 0 };
    for (index, param) in ty.params.iter().enumerate() {
        walk.check_root(param).map_err(|why| format!("param {index}: {why}"))?;
    }
    if let Some(result) = &ty.result {
        walk.check_root(result).map_err(|why| format!("result: {why}"))?;
    }
    Ok(walk.label_bytes)
}

/// One function's types, and what they come to so far.
struct Walk<'a> {
    limits: &'a Limits,
    ptr_type: PtrType,
    nodes: usize,
    label_bytes: usize,
}

impl Walk<'_> {
    fn check_root(&mut self, ty: &Type) -> Result<(), String> {
        self.check_type(ty, 0)?;
        self.check_size(ty, 1)
    }

    /// `depth` is how many types are around this one.
    fn check_type(&mut self, ty: &Type, depth: u32) -> Result<(), String> {
        let depth = depth + levels(ty);
        refuse_if(depth > self.limits.type_depth, "the type is nested too deeply")?;
        self.count(ty)?;
        self.check_members(ty)?;
        for child in ty.children() {
            self.check_type(child, depth)?;
        }
        self.check_rest(ty)
    }

    /// A member without a type costs as much as one with.
    fn count(&mut self, ty: &Type) -> Result<(), String> {
        let untyped = members(ty).iter().flatten().filter(|(_, ty)| ty.is_none()).count();
        self.nodes += 1 + untyped;
        at_most("types", self.nodes, self.limits.type_nodes)
    }

    fn check_members(&mut self, ty: &Type) -> Result<(), String> {
        let Some(members) = members(ty) else {
            return Ok(());
        };
        refuse_if(members.is_empty(), format_args!("{} without members", ty.kind()))?;
        at_most("members", members.len(), self.limits.members)?;
        let given = members.iter().filter_map(|(label, _)| (*label)?.0.as_deref());
        self.label_bytes += given.map(str::len).sum::<usize>();
        at_most("bytes of labels", self.label_bytes, self.limits.payload_bytes)?;
        check_labels(&members, letter(ty))
    }

    /// Asked of inner types first, so that no size can overflow on the way.
    fn check_rest(&self, ty: &Type) -> Result<(), String> {
        if let Type::FixedLengthList(elem, length) = ty {
            refuse_if(*length == 0, "a fixed-length list has length 0")?;
            self.check_size(elem, *length)?;
        }
        if let Type::Flags(labels) = ty {
            at_most("flags", labels.len(), FLAGS)?;
        }
        if let Type::Map(key, value) = ty {
            refuse_if(!is_key(key), format_args!("no map has keys of type {}", key.kind()))?;
            refuse_if(!value.handles().is_empty(), "no map has handles in its values")?;
        }
        Ok(())
    }

    fn check_size(&self, ty: &Type, count: u32) -> Result<(), String> {
        let bytes = elem_size(ty, self.ptr_type).saturating_mul(u64::from(count));
        at_most("bytes of one value", bytes, self.limits.type_bytes)
    }
}

/// How many nodes of WAVE are around a part of a value of type `ty`: an entry of a map is a tuple.
fn levels(ty: &Type) -> u32 {
    if matches!(ty, Type::Map(..)) { 2 } else { 1 }
}

/// A member of a type: its label, where it has one, and its type, where it has one.
type Member<'a> = (Option<&'a Label>, Option<&'a Type>);

/// The members of a type that must have some.
fn members(ty: &Type) -> Option<Vec<Member<'_>>> {
    match ty {
        scalar!() | Type::String | Type::List(_) | Type::FixedLengthList(..) => None,
        Type::Record(fields) => {
            Some(fields.iter().map(|field| (Some(&field.label), Some(&field.ty))).collect())
        }
        Type::Tuple(types) => Some(types.iter().map(|ty| (None, Some(ty))).collect()),
        Type::Variant(cases) => {
            Some(cases.iter().map(|case| (Some(&case.label), case.ty.as_ref())).collect())
        }
        Type::Enum(labels) | Type::Flags(labels) => {
            Some(labels.iter().map(|label| (Some(label), None)).collect())
        }
        Type::Option(_) | Type::Result(..) | Type::Map(..) | Type::Handle(_) => None,
    }
}

/// The letter in the positional names of the members of `ty`.
fn letter(ty: &Type) -> char {
    if matches!(ty, Type::Record(_)) {
        FIELD
    } else if matches!(ty, Type::Flags(_)) {
        FLAG
    } else {
        CASE
    }
}

/// Labels must differ in more than case and `-`. Positional ones alone always do.
fn check_labels(members: &[Member], letter: char) -> Result<(), String> {
    let labels: Vec<&Label> = members.iter().filter_map(|(label, _)| *label).collect();
    if labels.iter().all(|label| label.0.is_none()) {
        return Ok(());
    }
    let mut seen = BTreeSet::new();
    for (position, label) in labels.into_iter().enumerate() {
        let name = label.at(letter, position);
        refuse_if(!is_kebab_case(&name), format_args!("label `{name}` is not in kebab-case"))?;
        let normal = Label::named(&name, letter, position) == *label;
        refuse_if(!normal, format_args!("label `{name}` is given where it is implied"))?;
        let new = seen.insert(name.replace('-', "").to_ascii_lowercase());
        refuse_if(!new, format_args!("label `{name}` is there twice"))?;
    }
    Ok(())
}

/// Words joined by `-`, each all lower-case or all upper-case; the first starts with a letter.
fn is_kebab_case(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic()) && name.split('-').all(is_word)
}

fn is_word(word: &str) -> bool {
    let of = |letter: fn(&char) -> bool| word.chars().all(|c| c.is_ascii_digit() || letter(&c));
    !word.is_empty() && (of(char::is_ascii_lowercase) || of(char::is_ascii_uppercase))
}
