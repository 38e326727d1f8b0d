//! The faults that a call between guests may meet, whatever the order in which it lifts and lowers.
//! Knows nothing of who called whom, and runs only after a trap: nobody can look into either guest.

use std::collections::BTreeSet;

use super::context::{Cx, MAX_LIFTED};
use super::despecialize::Despecialized;
use super::handle::{holds_borrows, lower_unknown};
use super::layout::{Layout, align_to};
use super::lift::{CoreValues, lift_flat, lift_flat_case};
use super::load::{MAX_LIST_BYTE_LENGTH, load, load_case};
use super::memory::{load_pair, payload_offset};
use super::spill::{find_spilled, place_spilled};
use super::store::LIST_BLOCK;
use super::string::{MAX_STRING_BYTE_LENGTH, is_misaligned, load_string_from_range};
use super::string::{source_and_byte_length, store_string_into_range, transcode_partly};
use super::{Block, Deviation, PtrType, REALLOC_I32_MAX, ResourceType, Rule, Stop, Trap};
use crate::types::Resource;
use crate::value::{Str, StringSource, Value};

/// How much of what may be lifted in one call is explored: parts that share their blocks are more than
/// any call comes to before it traps. An element counts when it is come to, and what is lifted of it again.
const MAX_EXPLORED: u64 = 1 << 17;

/// Something that lowering does and that may trap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Asks for the block of a list.
    List { alignment: u64, byte_length: u64 },
    /// Lowers a string.
    String(Str),
    /// Lowers a handle.
    Handle { rt: ResourceType, borrowed: bool },
    /// Lowers what is no string: an engine may notice only in the middle of it, or, where it is not
    /// `readable`, after the first call of `realloc`.
    NoString { source: StringSource, code_units: u64, readable: bool },
}

/// Lifting for another guest trapped: collects the faults of everything that can be lifted in spite of
/// that, and answers with what would be lowered. Siblings of what failed are lifted, its parts are not.
pub fn lift(
    cx: &mut Cx,
    max_flat: usize,
    vi: CoreValues,
    types: &Layout,
    stop: Stop,
) -> Option<Vec<Step>> {
    let limited = matches!(stop, Stop::Exhausted(_));
    let peer = cx.peer.filter(|_| !limited && cx.guest.watch().explores())?;
    let (faults, steps) = undisturbed(cx, |cx| {
        let ptr_type = peer.ptr_type;
        let (faults, steps) = (BTreeSet::new(), Vec::new());
        let (met, stopped) = (false, false);
        let mut explorer = Explorer { cx, ptr_type, stop, met, stopped, faults, steps };
        explorer.values(max_flat, vi, types);
        (explorer.faults, explorer.steps)
    });
    let remain = holds_borrows(cx.guest) && !cx.waives(Rule::BorrowsRemain);
    let borrows = remain.then_some(Trap::BorrowsRemain.into());
    faults.into_iter().chain(borrows).chain([stop]).for_each(|stop| cx.fault(stop));
    Some(steps)
}

/// Does what is left to lower, up to its first fault. `realloc` runs: it cannot leave the guest, but for
/// deviations, which are not explored: it would find handles that belong to no call.
pub fn lower(
    cx: &mut Cx,
    max_flat: usize,
    types: &Layout,
    out_param: Option<u64>,
    unlowered: &[Step],
) {
    let leaves = [Deviation::ReallocMayLeave, Deviation::ResourceBuiltInsMayLeave];
    let leaves = leaves.into_iter().any(|deviation| cx.guest.watch().has(deviation));
    let stays = [Rule::LowerMayNotLeave, Rule::NewMayNotLeave, Rule::DropMayNotLeave];
    if leaves || stays.into_iter().any(|rule| cx.guest.watch().omits(rule)) {
        return;
    }
    let lowered = undisturbed(cx, |cx| lower_steps(cx, unlowered, max_flat, types, out_param));
    if let Err(stop) = lowered {
        cx.fault(stop);
    }
}

/// Whatever is done here is no part of the call, but that whoever watches is asked for deviations: what
/// they add to the faults they explain.
fn undisturbed<R>(cx: &mut Cx, explore: impl FnOnce(&mut Cx) -> R) -> R {
    let lifted = std::mem::replace(cx.guest.lifted(), MAX_LIFTED - MAX_EXPLORED);
    cx.guest.watch().exploring(true);
    let explored = explore(cx);
    cx.guest.watch().exploring(false);
    *cx.guest.lifted() = lifted;
    explored
}

fn lower_steps(
    cx: &mut Cx,
    steps: &[Step],
    max_flat: usize,
    types: &Layout,
    out_param: Option<u64>,
) -> Result<(), Stop> {
    if !types.is_flat(max_flat) {
        let (ptr, tuple) = place_spilled(cx, types, out_param)?;
        // Only by a deviation this comes so far. Which of its parts are stored is not known any more.
        if cx.out_of_bounds(ptr, tuple.elem_size) {
            cx.fault(Trap::MemoryOutOfBounds);
        }
    }
    steps.iter().try_for_each(|step| lower_step(cx, step))
}

fn lower_step(cx: &mut Cx, step: &Step) -> Result<(), Stop> {
    match step {
        Step::List { alignment, byte_length } => {
            let ptr = cx.allocate(Block::List, *alignment, *byte_length)?;
            cx.check_range(ptr, *alignment, *byte_length, LIST_BLOCK)
        }
        Step::String(src) => store_string_into_range(cx, src).map(|_| ()),
        Step::Handle { rt, borrowed } => lower_unknown(cx, *rt, *borrowed),
        Step::NoString { source, code_units, readable } => {
            transcode_partly(cx, *source, *code_units, *readable)
        }
    }
}

/// Lifts once more, past all faults.
struct Explorer<'a, 'b> {
    cx: &'a mut Cx<'b>,
    /// That of the memory to lower into.
    ptr_type: PtrType,
    /// What lifting ended in, and whether this came to that place.
    stop: Stop,
    met: bool,
    /// Whether a limit was met. What comes after it is not known, so neither is it lowered.
    stopped: bool,
    faults: BTreeSet<Stop>,
    steps: Vec<Step>,
}

impl Explorer<'_, '_> {
    fn values(&mut self, max_flat: usize, mut vi: CoreValues, types: &Layout) {
        if types.is_flat(max_flat) {
            types.fields().iter().for_each(|ty| self.flat(&mut vi, ty));
        } else {
            let ptr = vi.next(self.cx.opts.ptr_type.core_type());
            let found = find_spilled(self.cx, ptr, types);
            if let Some(tuple) = self.past(found) {
                self.memory(ptr, &tuple);
            }
        }
    }

    /// Spec: `lift_flat`.
    fn flat(&mut self, vi: &mut CoreValues, layout: &Layout) {
        if self.stopped {
            return;
        }
        match &layout.shape {
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
            | Despecialized::Flags(_) => {
                let lifted = lift_flat(self.cx, vi, layout);
                self.past(lifted);
            }
            Despecialized::String => {
                let (ptr, tagged_code_units) = self.flat_pair(vi);
                self.string(ptr, tagged_code_units);
            }
            Despecialized::List(elem) => {
                let (ptr, length) = self.flat_pair(vi);
                let elem = self.cx.layout(elem);
                self.list(ptr, length, &elem);
            }
            Despecialized::FixedLengthList(elem, length) => {
                (0..*length).for_each(|_| self.flat(vi, elem));
            }
            Despecialized::Record(fields) => {
                fields.iter().for_each(|field| self.flat(vi, field));
            }
            Despecialized::Variant(cases) => self.flat_variant(vi, layout, cases),
            Despecialized::Own(resource) => {
                let lifted = lift_flat(self.cx, vi, layout);
                self.handle(lifted, *resource, false);
            }
            Despecialized::Borrow(resource) => {
                let lifted = lift_flat(self.cx, vi, layout);
                self.handle(lifted, *resource, true);
            }
            Despecialized::ErrorContext | Despecialized::Stream(_) | Despecialized::Future(_) => {
                let lifted = lift_flat(self.cx, vi, layout);
                self.past(lifted);
            }
        }
    }

    fn flat_pair(&mut self, vi: &mut CoreValues) -> (u64, u64) {
        let core_type = self.cx.opts.ptr_type.core_type();
        (vi.next(core_type), vi.next(core_type))
    }

    /// Spec: `lift_flat_variant`.
    fn flat_variant(&mut self, vi: &mut CoreValues, layout: &Layout, cases: &[Option<Layout>]) {
        let end = vi.after(layout.flat_types().len());
        let found = lift_flat_case(self.cx, vi, layout, cases);
        if let Some((_, Some(case))) = self.past(found) {
            self.flat(vi, case);
        }
        *vi = end;
    }

    /// Spec: `load`.
    fn memory(&mut self, ptr: u64, layout: &Layout) {
        if self.stopped {
            return;
        }
        let there = self.cx.check_part(ptr, layout, layout.own_size());
        if self.past(there).is_none() {
            return;
        }
        match &layout.shape {
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
            | Despecialized::Flags(_) => {
                let loaded = load(self.cx, ptr, layout);
                self.past(loaded);
            }
            Despecialized::String => {
                let (begin, tagged_code_units) = load_pair(self.cx, ptr);
                self.string(begin, tagged_code_units);
            }
            Despecialized::List(elem) => {
                let (begin, length) = load_pair(self.cx, ptr);
                self.list(begin, length, elem);
            }
            Despecialized::FixedLengthList(elem, length) => {
                self.elems(ptr, u64::from(*length), elem);
            }
            Despecialized::Record(fields) => self.record(ptr, fields),
            Despecialized::Variant(cases) => self.variant(ptr, layout, cases),
            Despecialized::Own(resource) => {
                let loaded = load(self.cx, ptr, layout);
                self.handle(loaded, *resource, false);
            }
            Despecialized::Borrow(resource) => {
                let loaded = load(self.cx, ptr, layout);
                self.handle(loaded, *resource, true);
            }
            Despecialized::ErrorContext | Despecialized::Stream(_) | Despecialized::Future(_) => {
                let loaded = load(self.cx, ptr, layout);
                self.past(loaded);
            }
        }
    }

    /// Spec: `load_record`.
    fn record(&mut self, mut ptr: u64, fields: &[Layout]) {
        for field in fields {
            ptr = align_to(ptr, field.alignment);
            self.memory(ptr, field);
            // It may be far outside of memory, unless whether it is was checked.
            ptr = ptr.saturating_add(field.elem_size);
        }
    }

    /// Spec: `load_variant`.
    fn variant(&mut self, ptr: u64, layout: &Layout, cases: &[Option<Layout>]) {
        let found = load_case(self.cx, ptr, layout, cases);
        if let Some((_, Some(case))) = self.past(found) {
            let ptr = ptr + payload_offset(self.cx, layout, case);
            self.memory(ptr, case);
        }
    }

    /// Spec: `load_string_from_range`.
    fn string(&mut self, ptr: u64, tagged_code_units: u64) {
        let loaded = load_string_from_range(self.cx, ptr, tagged_code_units);
        let read =
            matches!(loaded, Err(Stop::Trap(Trap::InvalidUtf8 | Trap::InvalidUtf16) | Stop::Crash));
        if let Some(src) = self.past(loaded) {
            self.steps.push(Step::String(src));
            return;
        }
        if self.stopped {
            return;
        }
        let (source, byte_length) = source_and_byte_length(self.cx, tagged_code_units);
        let code_units = byte_length / source.code_unit();
        let misaligned = is_misaligned(self.cx, source, ptr);
        let outside = self.cx.out_of_bounds(ptr, byte_length);
        self.check(Rule::StringTooLong, byte_length > MAX_STRING_BYTE_LENGTH);
        self.fault(misaligned, Trap::UnalignedPointer);
        self.check(Rule::StringOutOfBounds, outside && !read);
        if !misaligned {
            let readable = !outside || read;
            self.steps.push(Step::NoString { source, code_units, readable });
        }
    }

    /// Spec: `load_list_from_range`.
    fn list(&mut self, ptr: u64, length: u64, elem: &Layout) {
        let byte_length = length.saturating_mul(elem.elem_size);
        let outside = self.cx.out_of_bounds(ptr, byte_length);
        let too_long = self.check(Rule::ListTooLong, byte_length > MAX_LIST_BYTE_LENGTH);
        let misaligned = self.check(Rule::ListMisaligned, !ptr.is_multiple_of(elem.alignment));
        let outside = self.check(Rule::ListOutOfBounds, outside);
        let there = elem.with_pointers(self.ptr_type, &mut |deviation| self.cx.deviates(deviation));
        let there_byte_length = length.saturating_mul(there.elem_size);
        let larger = self.check(Rule::ListUnallocatable, there_byte_length > REALLOC_I32_MAX);
        if !misaligned && !larger {
            let (alignment, byte_length) = (there.alignment, there_byte_length);
            self.steps.push(Step::List { alignment, byte_length });
        }
        if !misaligned && !outside && !too_long {
            let there = self.cx.access(ptr, byte_length);
            if self.past(there).is_some() {
                self.elems(ptr, length, elem);
            }
        }
    }

    fn elems(&mut self, ptr: u64, length: u64, elem: &Layout) {
        if elem.shape == Despecialized::U8 {
            return;
        }
        for i in 0..length {
            let counted = self.cx.lift(1);
            if self.past(counted).is_none() {
                return;
            }
            self.memory(ptr.saturating_add(i * elem.elem_size), elem);
        }
    }

    /// Whether a handle may be lifted is known of those that were, before it trapped: they are gone.
    fn handle(&mut self, lifted: Result<Value, Stop>, resource: Resource, borrowed: bool) {
        let here = lifted == Err(self.stop) || matches!(lifted, Err(Stop::Exhausted(_)));
        if here || self.met {
            self.past(lifted);
        }
        // It may have been lifted before, and what comes after one that may not be is never lowered.
        let rt = self.cx.guest.handles().map(|handles| handles.resource(resource));
        self.steps.extend(rt.map(|rt| Step::Handle { rt, borrowed }));
    }

    fn past<V>(&mut self, lifted: Result<V, Stop>) -> Option<V> {
        let lifted = lifted.inspect_err(|stop| self.fault(true, *stop));
        lifted.ok()
    }

    /// Adds what a check traps with, unless it is left out, and says whether it did.
    fn check(&mut self, rule: Rule, condition: bool) -> bool {
        let traps = condition && !self.cx.waives(rule);
        self.fault(traps, rule.trap());
        traps
    }

    fn fault(&mut self, condition: bool, stop: impl Into<Stop>) {
        if condition {
            let stop = stop.into();
            self.met |= stop == self.stop;
            self.stopped |= matches!(stop, Stop::Exhausted(_));
            self.faults.insert(stop);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StringEncoding;
    use crate::bytes_guest::ByteGuest;
    use crate::lift::lift_flat_values;
    use crate::lower::lower_flat_values;
    use crate::types::Type;
    use crate::{
        Core, Course, Deviations, Faults, LiftLowerOptions, MAX_FLAT_PARAMS, Received, Recorder,
    };
    use StringEncoding::{Latin1OrUtf16, Utf8, Utf16};
    use Trap::{InvalidChar, InvalidDiscriminant, InvalidUtf8, InvalidUtf16, ListOutOfBounds};
    use Trap::{MemoryOutOfBounds, StringOutOfBounds, UnalignedPointer};

    /// Calls of `realloc`: old_size, align, new_size.
    type Calls<'a> = &'a [(u64, u64, u64)];

    fn opts(string_encoding: StringEncoding) -> LiftLowerOptions {
        LiftLowerOptions { string_encoding, ptr_type: PtrType::I32 }
    }

    /// Passes params that cannot be lifted from a memory of 64 bytes, which begins with these. On the
    /// other side `realloc` answers with `answers`, and then as it should.
    #[track_caller]
    fn check_strings(
        (from, to): (StringEncoding, StringEncoding),
        (types, flat, memory): (&[Type], &[u32], &[u8]),
        answers: &[u64],
        faults: &[Trap],
        calls: Calls,
    ) {
        let mut guest = ByteGuest::watched(memory.to_vec(), 0, Recorder::default());
        guest.memory.resize(64, 0);
        let flat: Vec<Core> = flat.iter().copied().map(Core::I32).collect();
        let cx = &mut Cx { opts: opts(from), peer: Some(opts(to)), guest: &mut guest };
        let types = &Layout::of_tuple(types, cx.opts.ptr_type);
        let lifted = lift_flat_values(cx, MAX_FLAT_PARAMS, &mut CoreValues::new(&flat), types);
        let trap = lifted.unwrap_err();
        let steps = lift(cx, MAX_FLAT_PARAMS, CoreValues::new(&flat), types, trap).unwrap();
        guest.memory.fill(0);
        guest.overrides.extend(answers.iter().copied().enumerate());
        let cx = &mut Cx { opts: opts(to), peer: Some(opts(from)), guest: &mut guest };
        lower(cx, MAX_FLAT_PARAMS, types, None, &steps);
        assert_eq!(guest.watch.faults, faults.iter().copied().collect());
        let call =
            |call: &crate::bytes_guest::ReallocCall| (call.old_size, call.align, call.new_size);
        assert_eq!(guest.calls.iter().map(call).collect::<Vec<_>>(), calls);
        assert_eq!(guest.watch.course, Course::default());
        assert_eq!(guest.watch.lowered(0).received, Received::default());
    }

    /// The same between guests that both have UTF-8.
    #[track_caller]
    fn check(what: (&[Type], &[u32], &[u8]), answers: &[u64], faults: &[Trap], calls: Calls) {
        check_strings((Utf8, Utf8), what, answers, faults, calls);
    }

    fn list(elem: Type) -> Type {
        Type::List(Box::new(elem))
    }

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    #[test]
    fn siblings_of_what_cannot_be_lifted_are_lifted() {
        let enumeration = Type::Result(None, None);
        let faults = [InvalidChar, InvalidDiscriminant];
        check((&[Type::Char, enumeration], &[0xd800, 2], &[]), &[], &faults, &[]);
        let pairs = list(Type::Tuple(vec![Type::Char, Type::String]));
        let memory = words(&[0xd800, 65, 0, 65, 60, 4]);
        let calls = [(0, 4, 24), (0, 1, 0), (0, 1, 4)];
        let faults = [InvalidChar, StringOutOfBounds];
        check((&[pairs], &[0, 2], &memory), &[], &faults, &calls);
    }

    #[test]
    fn parts_of_what_cannot_be_lifted_are_not() {
        let option = Type::Option(Box::new(Type::Char));
        check((&[option], &[2, 0xd800], &[]), &[], &[InvalidDiscriminant], &[]);
        check(
            (&[list(Type::Char)], &[1, 2], &words(&[u32::MAX; 4])),
            &[],
            &[UnalignedPointer],
            &[],
        );
    }

    #[test]
    fn lowering_is_explored_up_to_its_first_fault() {
        let types = [list(Type::U16), Type::Char, Type::String, Type::String];
        let flat = [0, 3, 0xd800, 0, 2, 0, 1];
        let calls = [(0, 2, 6), (0, 1, 2), (0, 1, 1)];
        check((&types, &flat, &[]), &[], &[InvalidChar], &calls);
        let faults = [InvalidChar, UnalignedPointer];
        check((&types, &flat, &[]), &[1], &faults, &calls[..1]);
        let faults = [InvalidChar, StringOutOfBounds];
        check((&types, &flat, &[]), &[0, 63], &faults, &calls[..2]);
    }

    #[test]
    fn one_place_may_have_two_faults() {
        let faults = [UnalignedPointer, ListOutOfBounds];
        check((&[list(Type::U16)], &[63, 1], &[]), &[], &faults, &[]);
        check(
            (&[list(Type::U16), Type::Char], &[0, 1, 0xd800], &[]),
            &[63],
            &{ [InvalidChar, UnalignedPointer, ListOutOfBounds] },
            &[(0, 2, 2)],
        );
        let faults = [UnalignedPointer, StringOutOfBounds];
        check_strings((Utf16, Utf8), (&[Type::String], &[63, 1], &[]), &[], &faults, &[]);
        let faults = [UnalignedPointer, MemoryOutOfBounds];
        check((&[const { Type::U16 }; 17], &[63], &[]), &[], &faults, &[(0, 2, 34)]);
    }

    #[test]
    fn what_cannot_be_read_may_be_noticed_after_the_first_call_of_realloc() {
        let what: (&[Type], &[u32], &[u8]) = (&[Type::String], &[60, 8], &[]);
        for (from, to, call) in [
            (Utf8, Utf8, (0, 1, 8)),
            (Utf8, Utf16, (0, 2, 16)),
            (Utf16, Utf8, (0, 1, 8)),
            (Utf16, Latin1OrUtf16, (0, 2, 8)),
            (Latin1OrUtf16, Utf8, (0, 1, 8)),
            (Latin1OrUtf16, Latin1OrUtf16, (0, 2, 8)),
        ] {
            check_strings((from, to), what, &[], &[StringOutOfBounds], &[call]);
            let faults = [StringOutOfBounds, Trap::Guest];
            let huge: (&[Type], &[u32], &[u8]) = (&[Type::String], &[2, 65], &[]);
            let (old, align, size) = call;
            check_strings((from, to), huge, &[], &faults, &[(old, align, size / 8 * 65)]);
        }
        let calls = [(0, 8, 64)];
        check((&[list(Type::U64)], &[8, 8], &[]), &[], &[ListOutOfBounds], &calls);
    }

    #[test]
    fn a_bad_sequence_may_be_noticed_after_the_string_has_grown() {
        let utf8: (&[Type], &[u32], &[u8]) = (&[Type::String], &[0, 2], &[0x61, 0xff]);
        let utf16: (&[Type], &[u32], &[u8]) = (&[Type::String], &[0, 2], &[0x61, 0, 0, 0xd8]);
        let tagged: (&[Type], &[u32], &[u8]) = (&[Type::String], &[0, 2 | 1 << 31], utf16.2);
        check_strings((Utf8, Utf8), utf8, &[], &[InvalidUtf8], &[(0, 1, 2)]);
        check_strings((Utf8, Utf16), utf8, &[], &[InvalidUtf8], &[(0, 2, 4)]);
        let calls = [(0, 2, 2), (2, 2, 4)];
        check_strings((Utf8, Latin1OrUtf16), utf8, &[], &[InvalidUtf8], &calls);
        check_strings((Utf16, Latin1OrUtf16), utf16, &[], &[InvalidUtf16], &calls);
        let faults = [InvalidUtf16, StringOutOfBounds];
        check_strings((Utf16, Latin1OrUtf16), utf16, &[0, 62], &faults, &calls);
        check_strings((Utf16, Utf16), utf16, &[], &[InvalidUtf16], &[(0, 2, 4)]);
        check_strings((Latin1OrUtf16, Latin1OrUtf16), tagged, &[], &[InvalidUtf16], &[(0, 2, 4)]);
        let calls = [(0, 1, 2), (2, 1, 6)];
        check_strings((Utf16, Utf8), utf16, &[], &[InvalidUtf16], &calls);
        check_strings((Latin1OrUtf16, Utf8), tagged, &[], &[InvalidUtf16], &calls);
    }

    #[test]
    fn parts_that_share_their_blocks_are_not_explored_without_end() {
        const LENGTH: u32 = 2000;
        let types = [list(list(list(Type::Char))), Type::Result(None, None)];
        let types = Layout::of_tuple(&types, PtrType::I32);
        let block = |word: u32| [word, LENGTH].repeat(usize::try_from(LENGTH).unwrap());
        let memory = [block(8 * LENGTH), block(16 * LENGTH), block(0xd800)].concat();
        let mut guest = ByteGuest::watched(words(&memory), 0, Recorder::default());
        let flat = [0, LENGTH, 2].map(Core::I32);
        let cx = &mut Cx { opts: opts(Utf8), peer: Some(opts(Utf8)), guest: &mut guest };
        let steps = lift(cx, MAX_FLAT_PARAMS, CoreValues::new(&flat), &types, InvalidChar.into());
        assert!(steps.is_some_and(|steps| steps.len() < 1 << 16));
        assert_eq!(guest.watch.faults, Faults::from_iter([InvalidChar]));
        assert!(guest.watch.unexplored);
        assert_eq!(guest.lifted, 0);
    }

    #[test]
    fn what_a_deviation_tolerates_is_no_fault() {
        let too_long = 1 << 28;
        let strings = Layout::of_tuple(&[Type::String, Type::Char], PtrType::I32);
        let faults = |deviation: Option<Deviation>, flat: [u32; 3]| {
            let recorder = Recorder::deviating(Deviations::from_iter(deviation));
            let mut guest = ByteGuest::watched(vec![0; 64], 0, recorder);
            let flat = flat.map(Core::I32);
            let peer = Some(opts(Utf8));
            let cx = &mut Cx { opts: opts(Latin1OrUtf16), peer, guest: &mut guest };
            lift(cx, MAX_FLAT_PARAMS, CoreValues::new(&flat), &strings, InvalidChar.into());
            guest.watch.faults.traps.clone()
        };
        let bounds = BTreeSet::from([InvalidChar, StringOutOfBounds]);
        let flat = [0, too_long, 0xd800];
        assert!(faults(None, flat).contains(&Trap::StringTooLong));
        assert_eq!(faults(Some(Deviation::StringLengthUnlimited), flat), bounds);
        let flat = [63, 2, 0xd800];
        assert!(faults(None, flat).contains(&UnalignedPointer));
        assert_eq!(faults(Some(Deviation::Latin1AlignedToOne), flat), bounds);
    }

    #[test]
    fn an_answer_of_realloc_may_have_two_faults_only_between_guests() {
        for (peer, faults) in [(None, &[][..]), (Some(opts(Utf8)), &[ListOutOfBounds])] {
            let mut guest = ByteGuest::watched(vec![0; 64], 0, Recorder::default());
            guest.overrides.insert(0, 65);
            let cx = &mut Cx { opts: opts(Utf8), peer, guest: &mut guest };
            let value = [Value::List(vec![Value::U16(7)])];
            let types = Layout::of_tuple(&[list(Type::U16)], PtrType::I32);
            let lowered = lower_flat_values(cx, MAX_FLAT_PARAMS, &value, &types, None);
            assert_eq!(lowered, Err(UnalignedPointer.into()));
            assert_eq!(guest.watch.faults, faults.iter().copied().collect());
        }
    }
}
