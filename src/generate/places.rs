//! Where in well-formed guest data something can be damaged, by what stands there.
//! Knows layout and flattening; reads the data, not the values that it was lowered from.

use super::choices::{PlaceKind, TextKind};
use crate::abi::bytes_guest::ByteGuest;
use crate::abi::despecialize::Despecialized;
use crate::abi::layout::{Layout, align_to, discriminant_size, never};
use crate::abi::string::utf16_tag;
use crate::abi::{CoreType, PtrType, StringEncoding};
use crate::types::Type;

/// The walk ends here: more choice would not make a better one.
const PLACES: usize = 256;

/// Something that guest data consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub kind: PlaceKind,
    pub spot: Spot,
    /// What stands there.
    pub bits: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spot {
    Flat { index: usize, ty: CoreType },
    Memory { at: u64, width: u64 },
}

/// The places in what was just lowered into `guest` and `flat`, of the types of this tuple.
pub fn places(
    guest: &ByteGuest,
    encoding: StringEncoding,
    ptr_type: PtrType,
    types: &Layout,
    max_flat: usize,
    flat: &[u64],
    core: &[CoreType],
) -> Vec<Place> {
    let mut walk = Walk { guest, encoding, ptr_type, flat, core, next: 0, places: Vec::new() };
    if types.is_flat(max_flat) {
        types.fields().iter().for_each(|ty| walk.flat(ty));
    } else {
        walk.pointer_to(types);
    }
    walk.places
}

/// The out-pointer among the core params, which is the last.
pub fn out_pointer(ty: &Type, ptr_type: PtrType, flat: &[u64]) -> Option<Place> {
    let Layout { alignment, elem_size, .. } = Layout::of(ty, ptr_type);
    let bits = *flat.last()?;
    let spot = Spot::Flat { index: flat.len() - 1, ty: ptr_type.core_type() };
    let kind = PlaceKind::Pointer { align: alignment, bytes: elem_size, ptr_type };
    Some(Place { kind, spot, bits })
}

struct Walk<'a> {
    guest: &'a ByteGuest,
    encoding: StringEncoding,
    ptr_type: PtrType,
    flat: &'a [u64],
    core: &'a [CoreType],
    /// The core value that is read next.
    next: usize,
    places: Vec<Place>,
}

impl Walk<'_> {
    fn add(&mut self, kind: PlaceKind, spot: Spot, bits: u64) {
        if self.places.len() < PLACES {
            self.places.push(Place { kind, spot, bits });
        }
    }

    /// Takes the next core value; as much of it as counts is `width` bits.
    fn take(&mut self, kind: Option<PlaceKind>, width: u32) -> u64 {
        let index = self.next;
        self.next += 1;
        let (bits, ty) = (self.flat[index], self.core[index]);
        let spot = Spot::Flat { index, ty };
        if let Some(kind) = kind {
            self.add(kind, spot, bits);
        }
        if width == 32 && matches!(ty, CoreType::I64) {
            self.add(PlaceKind::UpperHalf, spot, bits);
        }
        bits
    }

    fn flat(&mut self, layout: &Layout) {
        match &layout.shape {
            Despecialized::Bool => self.leaf(Some(PlaceKind::Bool), 32),
            Despecialized::S8 | Despecialized::U8 => {
                self.leaf(Some(PlaceKind::Narrow { width: 8 }), 32)
            }
            Despecialized::S16 | Despecialized::U16 => {
                self.leaf(Some(PlaceKind::Narrow { width: 16 }), 32);
            }
            Despecialized::S32 | Despecialized::U32 => self.leaf(None, 32),
            Despecialized::S64 | Despecialized::U64 => self.leaf(None, 64),
            Despecialized::F32 => self.leaf(Some(PlaceKind::Float { width: 32 }), 32),
            Despecialized::F64 => self.leaf(Some(PlaceKind::Float { width: 64 }), 64),
            Despecialized::Char => self.leaf(Some(PlaceKind::Char), 32),
            Despecialized::String => self.flat_range(None),
            Despecialized::List(elem) => self.flat_range(Some(elem)),
            Despecialized::FixedLengthList(elem, length) => {
                (0..*length).for_each(|_| self.flat(elem));
            }
            Despecialized::Record(fields) => fields.iter().for_each(|field| self.flat(field)),
            Despecialized::Variant(cases) => self.flat_variant(layout, cases),
            Despecialized::Flags(count) => self.leaf(Some(PlaceKind::Flags { count: *count }), 32),
            Despecialized::Own(_)
            | Despecialized::Borrow(_)
            | Despecialized::ErrorContext
            | Despecialized::Stream(_)
            | Despecialized::Future(_) => {
                self.leaf(Some(PlaceKind::Handle), 32);
            }
        }
    }

    /// The bits of a pointer.
    fn width(&self) -> u32 {
        match self.ptr_type {
            PtrType::I32 => 32,
            PtrType::I64 => 64,
        }
    }

    fn leaf(&mut self, kind: Option<PlaceKind>, width: u32) {
        self.take(kind, width);
    }

    /// A pointer and a length, of a list or (without elements) of a string.
    fn flat_range(&mut self, elem: Option<&Layout>) {
        let index = self.next;
        let width = self.width();
        let ptr = self.take(None, width);
        let length = self.take(None, width);
        let spot = |index| Spot::Flat { index, ty: self.core[index] };
        let spots = [spot(index), spot(index + 1)];
        self.range(elem, spots, ptr, length);
    }

    fn flat_variant(&mut self, layout: &Layout, cases: &[Option<Layout>]) {
        let end = self.next + layout.flat_types().len();
        let index = self.take(Some(PlaceKind::Discriminant { cases: cases.len() }), 32);
        if let Some(payload) = case(cases, index) {
            self.flat(payload);
        }
        while self.next < end {
            self.leaf(Some(PlaceKind::Unused), 64);
        }
    }

    /// The one core value that points to spilled values.
    fn pointer_to(&mut self, tuple: &Layout) {
        let (align, bytes, ptr_type) = (tuple.alignment, tuple.elem_size, self.ptr_type);
        let ptr = self.take(Some(PlaceKind::Pointer { align, bytes, ptr_type }), self.width());
        self.memory(tuple, ptr);
    }

    fn range(&mut self, elem: Option<&Layout>, spots: [Spot; 2], ptr: u64, length: u64) {
        let [pointer, count] = spots;
        let mask = u64::MAX >> (64 - self.width());
        let (ptr, length) = (ptr & mask, length & mask);
        match elem {
            None => self.text(spots, ptr, length),
            Some(elem) => {
                let Layout { alignment, elem_size, .. } = *elem;
                let (bytes, ptr_type) = (elem_size * length, self.ptr_type);
                self.add(PlaceKind::Pointer { align: alignment, bytes, ptr_type }, pointer, ptr);
                self.add(
                    PlaceKind::Length { elem_size, ptr, tagged: false, ptr_type },
                    count,
                    length,
                );
                self.elems(elem, ptr, length);
            }
        }
    }

    fn text(&mut self, [pointer, count]: [Spot; 2], ptr: u64, length: u64) {
        let code_units = length & !utf16_tag(self.ptr_type);
        let (encoding, unit) = match self.encoding {
            StringEncoding::Utf8 => (TextKind::Utf8, 1),
            StringEncoding::Utf16 => (TextKind::Utf16, 2),
            StringEncoding::Latin1OrUtf16 if code_units == length => (TextKind::Latin1, 1),
            StringEncoding::Latin1OrUtf16 => (TextKind::Utf16, 2),
        };
        let align = if self.encoding == StringEncoding::Utf8 { 1 } else { 2 };
        let tagged = self.encoding == StringEncoding::Latin1OrUtf16;
        let (bytes, ptr_type) = (code_units * unit, self.ptr_type);
        self.add(PlaceKind::Pointer { align, bytes, ptr_type }, pointer, ptr);
        self.add(PlaceKind::Length { elem_size: unit, ptr, tagged, ptr_type }, count, length);
        if bytes > 0 {
            let spot = Spot::Memory { at: ptr, width: 1 };
            self.add(PlaceKind::Text { bytes, encoding }, spot, self.load(ptr, 1));
        }
    }

    /// The first, the last and one between.
    fn elems(&mut self, elem: &Layout, ptr: u64, length: u64) {
        let mut last = None;
        for index in [0, length / 2, length.saturating_sub(1)] {
            if index < length && last != Some(index) {
                self.memory(elem, ptr + index * elem.elem_size);
                last = Some(index);
            }
        }
    }

    fn load(&self, at: u64, width: u64) -> u64 {
        let mut word = [0; 8];
        let range = |at, width| Some(usize::try_from(at).ok()?..usize::try_from(at + width).ok()?);
        let bytes = range(at, width).and_then(|range| self.guest.memory.get(range));
        let bytes = bytes.expect("it was lowered into the memory");
        word[..bytes.len()].copy_from_slice(bytes);
        u64::from_le_bytes(word)
    }

    fn stored(&mut self, kind: PlaceKind, at: u64, width: u64) {
        let bits = self.load(at, width);
        self.add(kind, Spot::Memory { at, width }, bits);
    }

    fn memory(&mut self, layout: &Layout, at: u64) {
        if self.places.len() >= PLACES {
            return;
        }
        match &layout.shape {
            Despecialized::Bool => self.stored(PlaceKind::Bool, at, 1),
            Despecialized::S8
            | Despecialized::U8
            | Despecialized::S16
            | Despecialized::U16
            | Despecialized::S32
            | Despecialized::U32
            | Despecialized::S64
            | Despecialized::U64 => {}
            Despecialized::F32 => self.stored(PlaceKind::Float { width: 32 }, at, 4),
            Despecialized::F64 => self.stored(PlaceKind::Float { width: 64 }, at, 8),
            Despecialized::Char => self.stored(PlaceKind::Char, at, 4),
            Despecialized::String => self.stored_range(None, at),
            Despecialized::List(elem) => self.stored_range(Some(elem), at),
            Despecialized::FixedLengthList(elem, length) => {
                self.elems(elem, at, u64::from(*length));
            }
            Despecialized::Record(fields) => self.stored_record(fields, at),
            Despecialized::Variant(cases) => self.stored_variant(layout, cases, at),
            Despecialized::Flags(count) => {
                self.stored(PlaceKind::Flags { count: *count }, at, layout.elem_size);
            }
            Despecialized::Own(_)
            | Despecialized::Borrow(_)
            | Despecialized::ErrorContext
            | Despecialized::Stream(_)
            | Despecialized::Future(_) => {
                self.stored(PlaceKind::Handle, at, 4);
            }
        }
    }

    fn stored_range(&mut self, elem: Option<&Layout>, at: u64) {
        let width = self.ptr_type.size();
        let spots = [at, at + width].map(|at| Spot::Memory { at, width });
        self.range(elem, spots, self.load(at, width), self.load(at + width, width));
    }

    fn stored_record(&mut self, fields: &[Layout], at: u64) {
        let mut end = at;
        for field in fields {
            let start = align_to(end, field.alignment);
            if start > end {
                self.stored(PlaceKind::Padding, end, 1);
            }
            self.memory(field, start);
            end = start + field.elem_size;
        }
    }

    fn stored_variant(&mut self, layout: &Layout, cases: &[Option<Layout>], at: u64) {
        let width = discriminant_size(cases.len(), &mut never);
        self.stored(PlaceKind::Discriminant { cases: cases.len() }, at, width);
        if let Some(payload) = case(cases, self.load(at, width)) {
            self.memory(payload, at + layout.payload_offset());
        }
    }
}

fn case(cases: &[Option<Layout>], index: u64) -> Option<&Layout> {
    cases.get(usize::try_from(index).ok()?)?.as_ref()
}
