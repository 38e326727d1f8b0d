//! How values lie in a linear memory: alignment and size of their types.
//! Knows no values and no memory, only pointers of one of two widths.

use std::borrow::Cow;

use crate::types::Type;

use super::despecialize::{Despecialized, Part, despecialize};
use super::deviations::layout as deviations;
use super::flatten::{Flatten, Flattener};
use super::{CoreType, Deviation, MAX_FLAT_PARAMS, PtrType};

/// A type, laid out: what `load`, `store`, `lift_flat` and `lower_flat` need to know of it and of all its
/// parts, worked out once for memories with pointers of one width. Values of it may be many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    pub alignment: u64,
    pub elem_size: u64,
    /// Spec: `flatten_type`. Nothing where these are more than `MAX_FLAT_PARAMS`, which nobody passes flat.
    pub flat: Option<Vec<CoreType>>,
    pub shape: Despecialized<Layout>,
    /// Whether the type is spelled `enum`. Only a deviation asks.
    pub is_enum: bool,
}

/// Whether to deviate. Asked only where the answer changes something.
pub type Deviates<'a> = dyn FnMut(Deviation) -> bool + 'a;

/// The answer of who deviates nowhere.
pub fn never(_: Deviation) -> bool {
    false
}

impl Layout {
    /// The layout of one type.
    pub fn of<'a>(part: impl Into<Part<'a>>, ptr: PtrType) -> Layout {
        let part = part.into();
        let shape = despecialize(part).map(&mut |part| Layout::of(*part, ptr));
        Layout { is_enum: part.is_enum(), ..Layout::new(shape, ptr, &mut never) }
    }

    /// The layout of the tuple of these types: how params or results are passed.
    pub fn of_tuple(types: &[Type], ptr: PtrType) -> Layout {
        let fields = types.iter().map(|ty| Layout::of(ty, ptr)).collect();
        Layout::new(Despecialized::Record(fields), ptr, &mut never)
    }

    /// The layout of the same type in a memory with such pointers, with some deviations in force.
    pub fn with_pointers(&self, ptr: PtrType, deviates: &mut Deviates) -> Layout {
        let shape = self.shape.map(&mut |part| part.with_pointers(ptr, deviates));
        Layout { is_enum: self.is_enum, ..Layout::new(shape, ptr, deviates) }
    }

    /// Whether values are passed as so many core values at most, not in memory.
    pub fn is_flat(&self, max_flat: usize) -> bool {
        self.flat.as_ref().is_some_and(|flat| flat.len() <= max_flat)
    }

    /// The core types of what is passed flat.
    pub fn flat_types(&self) -> &[CoreType] {
        self.flat.as_ref().expect("what is more is passed in memory")
    }

    /// The fields of a record or tuple.
    pub fn fields(&self) -> &[Layout] {
        let Despecialized::Record(fields) = &self.shape else { panic!("{self:?} has no fields") };
        fields
    }

    /// How many bytes are read or written before those of its parts.
    pub fn own_size(&self) -> u64 {
        match &self.shape {
            Despecialized::FixedLengthList(..) | Despecialized::Record(_) => 0,
            Despecialized::Variant(cases) => discriminant_size(cases.len(), &mut never),
            Despecialized::Bool
            | Despecialized::S8
            | Despecialized::U8
            | Despecialized::S16
            | Despecialized::U16
            | Despecialized::S32
            | Despecialized::U32
            | Despecialized::S64
            | Despecialized::U64
            | Despecialized::F32
            | Despecialized::F64
            | Despecialized::Char
            | Despecialized::String
            | Despecialized::List(_)
            | Despecialized::Flags(_)
            | Despecialized::Own(_)
            | Despecialized::Borrow(_)
            | Despecialized::ErrorContext
            | Despecialized::Stream(_)
            | Despecialized::Future(_) => self.elem_size,
        }
    }

    /// Where the payload of this variant lies, whatever its case.
    pub fn payload_offset(&self) -> u64 {
        // Both are powers of two, so aligning the end of the discriminant to the payloads gives
        // the larger of the two, and that is what `alignment_variant` is.
        self.alignment
    }

    fn new(shape: Despecialized<Layout>, ptr: PtrType, deviates: &mut Deviates) -> Layout {
        let alignment = shape_alignment(&shape, ptr, deviates);
        let elem_size = shape_elem_size(&shape, ptr, deviates);
        let flat = Flattener { ptr, max_flat: MAX_FLAT_PARAMS }.flatten_type(&shape);
        Layout { alignment, elem_size, flat, shape, is_enum: false }
    }
}

impl Flatten for Layout {
    fn flatten(&self, _: Flattener) -> Option<Cow<'_, [CoreType]>> {
        self.flat.as_deref().map(Cow::Borrowed)
    }
}

/// Spec: `alignment`.
pub fn alignment(ty: &Type, ptr: PtrType) -> u64 {
    Layout::of(ty, ptr).alignment
}

/// Spec: `elem_size`. A size of 2^64 or more, which no valid component has, is 2^64-1.
pub fn elem_size(ty: &Type, ptr: PtrType) -> u64 {
    Layout::of(ty, ptr).elem_size
}

/// Spec: `alignment`.
fn shape_alignment(shape: &Despecialized<Layout>, ptr: PtrType, deviates: &mut Deviates) -> u64 {
    match shape {
        Despecialized::Bool => 1,
        Despecialized::S8 | Despecialized::U8 => 1,
        Despecialized::S16 | Despecialized::U16 => 2,
        Despecialized::S32 | Despecialized::U32 => 4,
        Despecialized::S64 | Despecialized::U64 => 8,
        Despecialized::F32 => 4,
        Despecialized::F64 => deviations::float64_alignment(deviates),
        Despecialized::Char => 4,
        Despecialized::String => ptr.size(),
        Despecialized::List(_) => ptr.size(),
        Despecialized::FixedLengthList(elem, _) => elem.alignment,
        Despecialized::Record(fields) => alignment_record(fields),
        Despecialized::Variant(cases) => alignment_variant(cases, deviates),
        Despecialized::Flags(count) => alignment_flags(*count, deviates),
        Despecialized::Own(_) | Despecialized::Borrow(_) | Despecialized::ErrorContext => 4,
        Despecialized::Stream(_) | Despecialized::Future(_) => 4,
    }
}

/// Spec: `alignment_record`.
fn alignment_record(fields: &[Layout]) -> u64 {
    fields.iter().map(|field| field.alignment).max().unwrap_or(1)
}

/// Spec: `alignment_variant`.
fn alignment_variant(cases: &[Option<Layout>], deviates: &mut Deviates) -> u64 {
    discriminant_size(cases.len(), deviates).max(max_case_alignment(cases))
}

/// Spec: `discriminant_type`, by its size, which is its alignment as well.
pub fn discriminant_size(cases: usize, deviates: &mut Deviates) -> u64 {
    deviations::discriminant(cases, deviates).unwrap_or(match cases {
        ..=0x100 => 1,
        0x101..=0x1_0000 => 2,
        // Differs from the spec: beyond 2^24 cases its formula has no answer.
        0x1_0001.. => 4,
    })
}

/// Spec: `max_case_alignment`.
pub fn max_case_alignment(cases: &[Option<Layout>]) -> u64 {
    cases.iter().flatten().map(|case| case.alignment).max().unwrap_or(1)
}

/// Spec: `alignment_flags`.
fn alignment_flags(count: usize, deviates: &mut Deviates) -> u64 {
    assert!((1..=32).contains(&count), "{count} flags are refused by validation");
    deviations::flags(count, deviates).unwrap_or(match count {
        ..=8 => 1,
        9..=16 => 2,
        17.. => 4,
    })
}

/// Spec: `elem_size`.
fn shape_elem_size(shape: &Despecialized<Layout>, ptr: PtrType, deviates: &mut Deviates) -> u64 {
    match shape {
        Despecialized::Bool => 1,
        Despecialized::S8 | Despecialized::U8 => 1,
        Despecialized::S16 | Despecialized::U16 => 2,
        Despecialized::S32 | Despecialized::U32 => 4,
        Despecialized::S64 | Despecialized::U64 => 8,
        Despecialized::F32 => 4,
        Despecialized::F64 => 8,
        Despecialized::Char => 4,
        Despecialized::String => 2 * ptr.size(),
        Despecialized::List(_) => 2 * ptr.size(),
        Despecialized::FixedLengthList(elem, length) => {
            elem.elem_size.saturating_mul(u64::from(*length))
        }
        Despecialized::Record(fields) => elem_size_record(fields, deviates),
        Despecialized::Variant(cases) => elem_size_variant(cases, deviates),
        Despecialized::Flags(count) => alignment_flags(*count, deviates),
        Despecialized::Own(_) | Despecialized::Borrow(_) | Despecialized::ErrorContext => 4,
        Despecialized::Stream(_) | Despecialized::Future(_) => 4,
    }
}

/// Spec: `elem_size_record`.
fn elem_size_record(fields: &[Layout], deviates: &mut Deviates) -> u64 {
    // Differs from the spec: it asserts that there are fields. A function may have no params.
    let size = end_of_fields(fields);
    align_to(size, deviations::record_padding(alignment_record(fields), deviates))
}

/// The size of a record without the padding at its end.
pub(super) fn end_of_fields(fields: &[Layout]) -> u64 {
    let end = |end, field: &Layout| align_to(end, field.alignment).saturating_add(field.elem_size);
    fields.iter().fold(0, end)
}

/// Spec: `align_to`.
pub fn align_to(ptr: u64, alignment: u64) -> u64 {
    ptr.checked_next_multiple_of(alignment).unwrap_or(u64::MAX)
}

/// Spec: `elem_size_variant`.
fn elem_size_variant(cases: &[Option<Layout>], deviates: &mut Deviates) -> u64 {
    let discriminant_size = discriminant_size(cases.len(), deviates);
    let payload_offset = align_to(discriminant_size, max_case_alignment(cases));
    let payload_size = cases.iter().flatten().map(|case| case.elem_size).max().unwrap_or(0);
    align_to(payload_offset.saturating_add(payload_size), alignment_variant(cases, deviates))
}

/// Where in a record or tuple its fields lie.
pub fn field_offsets<'a>(types: impl IntoIterator<Item = &'a Type>, ptr: PtrType) -> Vec<u64> {
    let mut end = 0;
    types
        .into_iter()
        .map(|ty| {
            let layout = Layout::of(ty, ptr);
            let offset = align_to(end, layout.alignment);
            end = offset.saturating_add(layout.elem_size);
            offset
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flatten::flatten_type;
    use crate::types::{Label, VariantCase};

    /// Alignment and size, for both widths of pointers.
    #[track_caller]
    fn check(ty: Type, i32: (u64, u64), i64: (u64, u64)) {
        let measure = |ptr| (alignment(&ty, ptr), elem_size(&ty, ptr));
        assert_eq!((measure(PtrType::I32), measure(PtrType::I64)), (i32, i64));
    }

    fn variant(types: impl IntoIterator<Item = Option<Type>>) -> Type {
        Type::Variant(types.into_iter().map(VariantCase::new).collect())
    }

    #[test]
    fn pointers_decide_the_layout_of_strings_lists_and_maps() {
        check(Type::String, (4, 8), (8, 16));
        check(Type::List(Box::new(Type::U64)), (4, 8), (8, 16));
        check(Type::Map(Box::new(Type::U8), Box::new(Type::U64)), (4, 8), (8, 16));
    }

    #[test]
    fn a_record_ends_at_a_multiple_of_its_alignment() {
        check(Type::Tuple(vec![Type::U8, Type::U32, Type::U8]), (4, 12), (4, 12));
        check(Type::Tuple(vec![Type::U8, Type::String, Type::U8]), (4, 16), (8, 32));
    }

    #[test]
    fn the_number_of_cases_decides_the_discriminant() {
        check(Type::Enum(vec![Label::default(); 256]), (1, 1), (1, 1));
        check(Type::Enum(vec![Label::default(); 257]), (2, 2), (2, 2));
        check(Type::Enum(vec![Label::default(); 65_537]), (4, 4), (4, 4));
    }

    #[test]
    fn the_most_aligned_case_decides_where_all_payloads_lie() {
        let ty = variant([Some(Type::U8), Some(Type::U64), None]);
        assert_eq!(Layout::of(&ty, PtrType::I32).payload_offset(), 8);
        check(ty, (8, 16), (8, 16));
    }

    #[test]
    fn the_discriminant_may_be_wider_than_all_payloads() {
        let ty = variant(vec![Some(Type::U8); 300]);
        assert_eq!(Layout::of(&ty, PtrType::I32).payload_offset(), 2);
        check(ty, (2, 4), (2, 4));
    }

    #[test]
    fn flags_fill_whole_integers() {
        check(Type::Flags(vec![Label::default(); 8]), (1, 1), (1, 1));
        check(Type::Flags(vec![Label::default(); 9]), (2, 2), (2, 2));
        check(Type::Flags(vec![Label::default(); 17]), (4, 4), (4, 4));
    }

    #[test]
    fn what_may_be_passed_flat_is_flattened_with_all_its_parts() {
        let variant = variant([Some(Type::F32), Some(Type::Tuple(vec![Type::U64, Type::String]))]);
        let layout = Layout::of(&variant, PtrType::I64);
        assert_eq!(layout.flat, Some(flatten_type(&variant, PtrType::I64)));
        let Despecialized::Variant(cases) = &layout.shape else { panic!("{layout:?}") };
        let payloads = cases.iter().flatten().map(|case| case.flat_types().len());
        assert_eq!(payloads.collect::<Vec<_>>(), [1, 3]);
        let many = Layout::of_tuple(&vec![variant; 5], PtrType::I64);
        assert_eq!(many.flat, None);
        assert!(many.fields().iter().all(|field| field.is_flat(4) && !field.is_flat(3)));
    }

    #[test]
    fn a_size_beyond_all_bounds_does_not_wrap() {
        let mut ty = Type::U64;
        for _ in 0..3 {
            ty = Type::FixedLengthList(Box::new(ty), u32::MAX);
        }
        check(Type::Tuple(vec![Type::U8, ty]), (8, u64::MAX), (8, u64::MAX));
    }

    #[test]
    fn fields_lie_where_their_alignment_lets_them() {
        let types = [Type::U8, Type::String, Type::U16];
        assert_eq!(field_offsets(&types, PtrType::I32), [0, 4, 12]);
        assert_eq!(field_offsets(&types, PtrType::I64), [0, 8, 24]);
    }
}
