//! What deviations make of where a value lies.
//! Knows no memory.

use crate::Deviation;
use crate::context::Cx;
use crate::layout::{Deviates, Layout};

/// All that change a layout.
const LAYOUTS: [Deviation; 5] = [
    Deviation::Float64AlignedToFour,
    Deviation::DiscriminantGrowsEarly,
    Deviation::DiscriminantGrowsLate,
    Deviation::SixteenFlagsTakeFourBytes,
    Deviation::RecordPaddedToEight,
];

/// Whether layouts have to be made anew, since they may be others.
pub(crate) fn may_deviate(cx: &mut Cx) -> bool {
    let watch = cx.guest.watch();
    LAYOUTS.into_iter().any(|deviation| watch.has(deviation))
}

/// The alignment of an f64.
pub(crate) fn float64_alignment(deviates: &mut Deviates) -> u64 {
    if deviates(Deviation::Float64AlignedToFour) { 4 } else { 8 }
}

/// The size of the discriminant, where it is another.
pub(crate) fn discriminant(cases: usize, deviates: &mut Deviates) -> Option<u64> {
    match cases {
        0x100 if deviates(Deviation::DiscriminantGrowsEarly) => Some(2),
        0x101 if deviates(Deviation::DiscriminantGrowsLate) => Some(1),
        _ => None,
    }
}

/// The size of flags, where it is another.
pub(crate) fn flags(count: usize, deviates: &mut Deviates) -> Option<u64> {
    let middle = (9..=16).contains(&count);
    (middle && deviates(Deviation::SixteenFlagsTakeFourBytes)).then_some(4)
}

/// What a record's size is a multiple of.
pub(crate) fn record_padding(alignment: u64, deviates: &mut Deviates) -> u64 {
    if alignment == 4 && deviates(Deviation::RecordPaddedToEight) { 8 } else { alignment }
}

/// Whether a payload lies where its own alignment lets it, where that is elsewhere.
pub(crate) fn payload_at_its_own(cx: &mut Cx, variant: &Layout, case: &Layout) -> bool {
    case.alignment < variant.alignment && cx.deviates(Deviation::PayloadAtItsOwnAlignment)
}

#[cfg(test)]
mod tests {
    use super::LAYOUTS;
    use crate::layout::Layout;
    use crate::types::{Label, Type};
    use crate::{Deviation, PtrType};

    #[test]
    fn all_deviations_that_change_a_layout_are_known() {
        let enumeration = |cases| Type::Enum(vec![Label::default(); cases]);
        let types = [
            Type::F64,
            enumeration(0x100),
            enumeration(0x101),
            Type::Flags(vec![Label::default(); 16]),
            Type::Tuple(vec![Type::U32]),
        ];
        let types = types.map(|ty| Layout::of(&ty, PtrType::I32));
        let changes = |deviation: Deviation| {
            let deviates = &mut |asked| asked == deviation;
            types.iter().any(|ty| ty.with_pointers(PtrType::I32, deviates) != *ty)
        };
        let changing: Vec<_> = Deviation::all().filter(|deviation| changes(*deviation)).collect();
        assert_eq!(changing.len(), LAYOUTS.len());
        assert!(changing.iter().all(|deviation| LAYOUTS.contains(deviation)), "{changing:?}");
    }
}
