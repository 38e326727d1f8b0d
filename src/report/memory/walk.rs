//! Through the values that a guest holds, by their types: flat ones, and from there into its memory.
//! Knows one memory and one set of options. What cannot be lifted is told of and not followed.

use super::{Field, FieldKind, FlatValue, Root, len};
use crate::abi::bytes_guest::ByteGuest;
use crate::abi::flatten::{flatten_type, flatten_within};
use crate::abi::layout::{Layout, align_to};
use crate::abi::lift::{CoreValues, lift_flat};
use crate::abi::load::{MAX_LIST_BYTE_LENGTH, load};
use crate::abi::string::{load_string_from_range, utf16_tag};
use crate::abi::{Core, Cx, LiftLowerOptions, PtrType, Stop, StringEncoding, Trap};
use crate::case::text::wave;
use crate::report::layout::{At, parts};
use crate::report::timeline::word;
use crate::types::{CASE, PARAM, Type, positional, scalar};
use crate::value::Value;

/// Fields and core values of one root that are told of.
const FIELDS: usize = 300;
/// Elements of one list that are.
const ELEMENTS: u64 = 48;
/// Characters of one value that are.
const QUOTED: usize = 200;

pub(super) struct Walk {
    guest: ByteGuest,
    opts: LiftLowerOptions,
    flat: Vec<FlatValue>,
    fields: Vec<Field>,
    cut: bool,
}

impl Walk {
    pub fn new(memory: &[u8], string_encoding: StringEncoding, ptr_type: PtrType) -> Walk {
        Walk {
            guest: ByteGuest::new(memory.to_vec(), 0),
            opts: LiftLowerOptions { string_encoding, ptr_type },
            flat: Vec::new(),
            fields: Vec::new(),
            cut: false,
        }
    }

    pub fn params(self, title: String, types: &[Type], flat: &[Core], max_flat: usize) -> Root {
        let names: Vec<_> = (0..types.len()).map(|i| positional(PARAM, i)).collect();
        self.root(title, &names, types, flat, max_flat)
    }

    pub fn result(self, title: String, types: &[Type], flat: &[Core], max_flat: usize) -> Root {
        self.root(title, &["result".to_string()], types, flat, max_flat)
    }

    fn root(
        mut self,
        title: String,
        names: &[String],
        types: &[Type],
        flat: &[Core],
        max_flat: usize,
    ) -> Root {
        let ptr = self.opts.ptr_type;
        let spilled = flatten_within(types, ptr, max_flat).is_none();
        if spilled {
            self.spilled(names, types, flat);
        } else {
            let mut rest = flat;
            for (name, ty) in names.iter().zip(types) {
                let (own, after) = rest.split_at(flatten_type(ty, ptr).len().min(rest.len()));
                self.flat(name, ty, own);
                rest = after;
            }
        }
        let Walk { flat, fields, cut, .. } = self;
        Root { title, spilled, flat, fields, cut }
    }

    /// A pointer to all the values, which lie there as those of a tuple.
    fn spilled(&mut self, names: &[String], types: &[Type], flat: &[Core]) {
        let Some(pointer) = flat.first() else { return };
        let layout = Layout::of_tuple(types, self.opts.ptr_type);
        let at = pointer.bits();
        let wrong = self.misplaced(at, layout.alignment, layout.elem_size, Trap::MemoryOutOfBounds);
        self.flat.push(FlatValue {
            path: "pointer".to_string(),
            core: *pointer,
            to: Some(at),
            value: address(at),
            wrong: wrong.map(said),
            other: None,
        });
        if !self.is_inside(at, layout.elem_size) {
            return;
        }
        let mut end = 0;
        for (name, ty) in names.iter().zip(types) {
            end = self.member(name, ty, at, end);
        }
        self.padding(at + end, at + layout.elem_size);
    }

    /// A member that begins behind `end`, counted from `at`; answers with its own end.
    fn member(&mut self, path: &str, ty: &Type, at: u64, end: u64) -> u64 {
        let layout = Layout::of(ty, self.opts.ptr_type);
        let offset = align_to(end, layout.alignment);
        self.padding(at + end, at + offset);
        self.value(path, ty, at + offset);
        offset + layout.elem_size
    }

    fn padding(&mut self, start: u64, end: u64) {
        if start < end {
            self.push(Field {
                at: start,
                size: end - start,
                path: "padding".to_string(),
                kind: FieldKind::Padding,
                ty: "",
                value: String::new(),
                wrong: None,
            });
        }
    }

    fn push(&mut self, field: Field) {
        self.cut |= self.is_full();
        if !self.is_full() {
            self.fields.push(field);
        }
    }

    fn is_full(&self) -> bool {
        self.fields.len() + self.flat.len() >= FIELDS
    }

    /// A value in memory. The caller knows that there is room for it.
    fn value(&mut self, path: &str, ty: &Type, at: u64) {
        if self.is_full() {
            self.cut = true;
            return;
        }
        match ty {
            scalar!() | Type::Flags(_) | Type::Handle(_) => self.scalar(path, ty, at),
            Type::String | Type::List(_) | Type::Map(..) => self.pair(path, ty, at),
            Type::FixedLengthList(elem, length) => {
                self.elements(path, elem, at, u64::from(*length));
            }
            Type::Record(_) | Type::Tuple(_) => self.members(path, ty, at),
            Type::Variant(_) | Type::Enum(_) | Type::Option(_) | Type::Result(..) => {
                self.variant(path, ty, at);
            }
        }
    }

    fn scalar(&mut self, path: &str, ty: &Type, at: u64) {
        let layout = Layout::of(ty, self.opts.ptr_type);
        let bits = self.int(at, layout.elem_size);
        // A handle says nothing without its table, and what is misaligned is not loaded.
        let loads = !matches!(ty, Type::Handle(_)) && at.is_multiple_of(layout.alignment);
        let loaded = loads.then(|| load(&mut self.cx(), at, &layout));
        let (value, wrong) = told(ty, bits, loaded);
        let wrong = wrong.or_else(|| beyond_labels(ty, bits));
        self.push(Field {
            at,
            size: layout.elem_size,
            path: path.to_string(),
            kind: FieldKind::Value,
            ty: ty.kind(),
            value,
            wrong,
        });
    }

    fn members(&mut self, path: &str, ty: &Type, at: u64) {
        let mut end = 0;
        for part in parts(ty, self.opts.ptr_type) {
            end = self.member(&format!("{path}.{}", part.name), part.ty, at, end);
        }
        self.padding(at + end, at + Layout::of(ty, self.opts.ptr_type).elem_size);
    }

    fn variant(&mut self, path: &str, ty: &Type, at: u64) {
        let layout = Layout::of(ty, self.opts.ptr_type);
        let case = self.int(at, layout.own_size());
        self.push(Field {
            at,
            size: layout.own_size(),
            path: path.to_string(),
            kind: FieldKind::Discriminant,
            ty: ty.kind(),
            value: case_name(ty, case),
            wrong: no_case(&layout, case),
        });
        let mut end = layout.own_size();
        if let Some((name, payload)) = self.payload(ty, case) {
            let offset = layout.payload_offset();
            self.padding(at + end, at + offset);
            self.value(&format!("{path}.{name}"), payload, at + offset);
            end = offset + Layout::of(payload, self.opts.ptr_type).elem_size;
        }
        self.padding(at + end, at + layout.elem_size);
    }

    fn payload<'a>(&self, ty: &'a Type, case: u64) -> Option<(String, &'a Type)> {
        let case = usize::try_from(case).ok()?;
        let is = |at: At| matches!(at, At::Payload { case: of, .. } if of == case);
        let found = parts(ty, self.opts.ptr_type).into_iter().find(|part| is(part.at));
        found.map(|part| (part.name, part.ty))
    }

    fn elements(&mut self, path: &str, elem: &Type, at: u64, count: u64) {
        let size = Layout::of(elem, self.opts.ptr_type).elem_size;
        self.cut |= count > ELEMENTS;
        for i in 0..count.min(ELEMENTS) {
            self.value(&format!("{path}[{i}]"), elem, at + i * size);
        }
    }

    /// Where a string, list or map lies, and how long it is.
    fn pair(&mut self, path: &str, ty: &Type, at: u64) {
        let size = self.opts.ptr_type.size();
        let (to, length) = (self.int(at, size), self.int(at + size, size));
        let (value, wrong) = self.behind(ty, to, length);
        let field = |at, kind, value| Field {
            at,
            size,
            path: path.to_string(),
            kind,
            ty: ty.kind(),
            value,
            wrong: None,
        };
        self.push(Field { wrong, ..field(at, FieldKind::Pointer { to }, address(to)) });
        self.push(field(at + size, FieldKind::Length, word(length)));
        self.follow(path, ty, to, length, value);
    }

    /// What a pointer and a length say, and why it cannot be lifted. Elements are not looked at.
    fn behind(&mut self, ty: &Type, to: u64, length: u64) -> (String, Option<String>) {
        if *ty == Type::String {
            return match load_string_from_range(&mut self.cx(), to, length) {
                Ok(text) => (cut(&wave(&Value::String(text), ty)), None),
                Err(stop) => (String::new(), Some(said(stop))),
            };
        }
        let elem = Layout::of(&element(ty), self.opts.ptr_type);
        let size = elem.elem_size.saturating_mul(length);
        let wrong = if size > MAX_LIST_BYTE_LENGTH {
            Some(Trap::ListTooLong)
        } else {
            self.misplaced(to, elem.alignment, size, Trap::ListOutOfBounds)
        };
        (String::new(), wrong.map(said))
    }

    /// Into what a pointer points to, as far as that is memory.
    fn follow(&mut self, path: &str, ty: &Type, to: u64, length: u64, value: String) {
        if *ty == Type::String {
            let size = self.byte_length(length);
            if size > 0 && self.is_inside(to, size) {
                let (path, kind) = (path.to_string(), FieldKind::Text);
                self.push(Field { at: to, size, path, kind, ty: "string", value, wrong: None });
            }
            return;
        }
        let elem = element(ty);
        let size = Layout::of(&elem, self.opts.ptr_type).elem_size;
        if self.is_inside(to, size.saturating_mul(length)) {
            self.elements(path, &elem, to, length);
        }
    }

    fn byte_length(&self, tagged_code_units: u64) -> u64 {
        let tag = utf16_tag(self.opts.ptr_type);
        match self.opts.string_encoding {
            StringEncoding::Utf8 => tagged_code_units,
            StringEncoding::Utf16 => tagged_code_units.saturating_mul(2),
            StringEncoding::Latin1OrUtf16 if tagged_code_units & tag != 0 => {
                (tagged_code_units ^ tag).saturating_mul(2)
            }
            StringEncoding::Latin1OrUtf16 => tagged_code_units,
        }
    }

    /// A value in these core values.
    fn flat(&mut self, path: &str, ty: &Type, flat: &[Core]) {
        match ty {
            scalar!() | Type::Flags(_) | Type::Handle(_) => self.flat_scalar(path, ty, flat),
            Type::String | Type::List(_) | Type::Map(..) => self.flat_pair(path, ty, flat),
            Type::FixedLengthList(elem, _) => {
                let count = flatten_type(elem, self.opts.ptr_type).len().max(1);
                for (i, flat) in flat.chunks(count).enumerate() {
                    self.flat(&format!("{path}[{i}]"), elem, flat);
                }
            }
            Type::Record(_) | Type::Tuple(_) => {
                let mut rest = flat;
                for part in parts(ty, self.opts.ptr_type) {
                    let count = flatten_type(part.ty, self.opts.ptr_type).len();
                    let (own, after) = rest.split_at(count.min(rest.len()));
                    self.flat(&format!("{path}.{}", part.name), part.ty, own);
                    rest = after;
                }
            }
            Type::Variant(_) | Type::Enum(_) | Type::Option(_) | Type::Result(..) => {
                self.flat_variant(path, ty, flat);
            }
        }
    }

    fn flat_scalar(&mut self, path: &str, ty: &Type, flat: &[Core]) {
        let Some(core) = flat.first() else { return };
        let wanted = flatten_type(ty, self.opts.ptr_type);
        let taken: Vec<_> = wanted.iter().map(|ty| Core::from_bits(*ty, core.bits())).collect();
        let loads = !matches!(ty, Type::Handle(_));
        let layout = Layout::of(ty, self.opts.ptr_type);
        let vi = &mut CoreValues::new(&taken);
        let lifted = loads.then(|| lift_flat(&mut self.cx(), vi, &layout));
        let (value, wrong) = told(ty, core.bits(), lifted);
        let wrong = wrong.or_else(|| beyond_labels(ty, core.bits()));
        self.flat.push(FlatValue {
            path: path.to_string(),
            core: *core,
            to: None,
            value,
            wrong,
            other: None,
        });
    }

    fn flat_pair(&mut self, path: &str, ty: &Type, flat: &[Core]) {
        let [pointer, length] = flat else { return };
        let bits =
            |core: &Core| Core::from_bits(self.opts.ptr_type.core_type(), core.bits()).bits();
        let (to, count) = (bits(pointer), bits(length));
        let (value, wrong) = self.behind(ty, to, count);
        let pointing = FlatValue {
            path: format!("{path}: pointer"),
            core: *pointer,
            to: Some(to),
            value: address(to),
            wrong,
            other: None,
        };
        self.flat.push(pointing);
        let path_of_length = format!("{path}: length");
        let value_of_length = word(count);
        self.flat.push(FlatValue {
            path: path_of_length,
            core: *length,
            to: None,
            value: value_of_length,
            wrong: None,
            other: None,
        });
        self.follow(path, ty, to, count, value);
    }

    fn flat_variant(&mut self, path: &str, ty: &Type, flat: &[Core]) {
        let [discriminant, rest @ ..] = flat else { return };
        let case = u64::from(crate::abi::wrap(discriminant.bits()));
        let layout = Layout::of(ty, self.opts.ptr_type);
        self.flat.push(FlatValue {
            path: format!("{path}: case"),
            core: *discriminant,
            to: None,
            value: case_name(ty, case),
            wrong: no_case(&layout, case),
            other: None,
        });
        let payload = self.payload(ty, case);
        let used = payload.as_ref().map_or(0, |(_, ty)| flatten_type(ty, self.opts.ptr_type).len());
        let (own, unused) = rest.split_at(used.min(rest.len()));
        if let Some((name, payload)) = payload {
            self.flat(&format!("{path}.{name}"), payload, own);
        }
        let unused = unused.iter().map(|core| FlatValue {
            path: format!("{path}: unused"),
            core: *core,
            to: None,
            value: word(core.bits()),
            wrong: None,
            other: None,
        });
        self.flat.extend(unused);
    }

    fn cx(&mut self) -> Cx<'_> {
        Cx { opts: self.opts, peer: None, guest: &mut self.guest }
    }

    /// Why bytes cannot be lifted from there at all.
    fn misplaced(&self, at: u64, alignment: u64, size: u64, outside: Trap) -> Option<Trap> {
        if !at.is_multiple_of(alignment) {
            Some(Trap::UnalignedPointer)
        } else {
            (!self.is_inside(at, size)).then_some(outside)
        }
    }

    fn is_inside(&self, at: u64, size: u64) -> bool {
        at.checked_add(size).is_some_and(|end| end <= len(&self.guest.memory))
    }

    /// The bytes there as a number; 0 for those that are outside.
    fn int(&self, at: u64, size: u64) -> u64 {
        let byte = |i: u64| {
            let address = usize::try_from(at.checked_add(i)?).ok()?;
            self.guest.memory.get(address).copied()
        };
        (0..size.min(8)).rev().fold(0, |bits, i| bits << 8 | u64::from(byte(i).unwrap_or(0)))
    }
}

/// A value in words, or its bits and why it is none.
fn told(ty: &Type, bits: u64, loaded: Option<Result<Value, Stop>>) -> (String, Option<String>) {
    match loaded {
        Some(Ok(value)) => (cut(&wave(&value, ty)), None),
        Some(Err(stop)) => (word(bits), Some(said(stop))),
        None => (word(bits), None),
    }
}

/// A pointer in words: as the addresses beside it.
fn address(ptr: u64) -> String {
    format!("{ptr:#06x}")
}

fn said(stop: impl Into<Stop>) -> String {
    let stop = stop.into();
    stop.trap().map_or(stop.to_string(), |trap| format!("{trap:?}"))
}

/// Bits that no flag has. Lifting ignores them.
fn beyond_labels(ty: &Type, bits: u64) -> Option<String> {
    let Type::Flags(labels) = ty else { return None };
    let count = u32::try_from(labels.len()).unwrap_or(u32::MAX);
    let beyond = bits.checked_shr(count).unwrap_or(0);
    (beyond != 0).then(|| "bits beyond the labels".to_string())
}

fn no_case(layout: &Layout, case: u64) -> Option<String> {
    let cases = u64::try_from(layout.shape.members()).unwrap_or(u64::MAX);
    (case >= cases).then(|| said(Trap::InvalidDiscriminant))
}

/// What the elements of a list or map are.
fn element(ty: &Type) -> Type {
    if let Type::List(elem) = ty {
        (**elem).clone()
    } else if let Type::Map(key, value) = ty {
        Type::Tuple(vec![(**key).clone(), (**value).clone()])
    } else {
        unreachable!("only these have elements elsewhere")
    }
}

/// The number of a case, and its label.
fn case_name(ty: &Type, case: u64) -> String {
    let index = usize::try_from(case).unwrap_or(usize::MAX);
    let name = if let Type::Variant(cases) = ty {
        cases.get(index).map(|case| case.label.at(CASE, index).to_string())
    } else if let Type::Enum(labels) = ty {
        labels.get(index).map(|label| label.at(CASE, index).to_string())
    } else if matches!(ty, Type::Option(_)) {
        ["none", "some"].get(index).map(ToString::to_string)
    } else {
        ["ok", "error"].get(index).map(ToString::to_string)
    };
    name.map_or_else(|| word(case), |name| format!("{case} {name}"))
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(QUOTED) {
        Some((end, _)) => format!("{} …", &text[..end]),
        None => text.to_string(),
    }
}
