//! A linear memory: its blocks, the checks of where something lies, and the integers in it.
//! Knows nothing of values.

use std::borrow::Cow;

use super::bytes::valid_range;
use super::context::Cx;
use super::despecialize::Despecialized;
use super::deviations;
use super::layout::{Layout, align_to, discriminant_size, never};
use super::point::{Point, Rule};
use super::{Block, Core, Stop};

/// The rules that say where something may lie.
#[derive(Clone, Copy, Debug)]
pub struct Checked {
    pub misaligned: Point,
    pub out_of_bounds: Point,
    /// What a pointer of 64 bits is a case of.
    pub wide: Rule,
}

impl Checked {
    /// Of what is loaded.
    pub(super) const fn loaded(misaligned: Rule, out_of_bounds: Rule) -> Checked {
        let (misaligned, out_of_bounds) = (Point::Rule(misaligned), Point::Rule(out_of_bounds));
        Checked { misaligned, out_of_bounds, wide: Rule::LoadWidePointer }
    }

    /// Of what is stored.
    pub(super) const fn stored(misaligned: Rule, out_of_bounds: Rule) -> Checked {
        let (misaligned, out_of_bounds) = (Point::Rule(misaligned), Point::Rule(out_of_bounds));
        Checked { misaligned, out_of_bounds, wide: Rule::StoreWidePointer }
    }
}

impl Cx<'_> {
    /// Spec: `reallocate`. `old` has the old block and its size.
    pub fn reallocate(
        &mut self,
        block: Block,
        old: (u64, u64),
        align: u64,
        new_size: u64,
    ) -> Result<u64, Stop> {
        let ptr = self.call_realloc(block, old, align, new_size)?;
        // It may have more bits than the pointers of the options, if those are taken for others.
        Ok(Core::from_bits(self.opts.ptr_type.core_type(), ptr).bits())
    }

    /// Calls the guest's `realloc`, and notes what for. Ends as who fails at that.
    fn call_realloc(
        &mut self,
        block: Block,
        (old, old_size): (u64, u64),
        align: u64,
        new_size: u64,
    ) -> Result<u64, Stop> {
        let (instance, peer) = (self.guest.instance(), self.peer);
        self.guest.watch().realloc(instance, peer, block);
        deviations::memory::before_realloc(self)?;
        let answer = self.guest.realloc(old, old_size, align, new_size);
        answer.inspect_err(|_| self.reach(Rule::ReallocTraps))
    }

    /// Spec: `allocate`.
    pub fn allocate(&mut self, block: Block, align: u64, new_size: u64) -> Result<u64, Stop> {
        self.reallocate(block, (0, 0), align, new_size)
    }

    /// How a type lies in the guest's memory: as it was laid out, but for deviations.
    pub fn layout<'a>(&mut self, layout: &'a Layout) -> Cow<'a, Layout> {
        if !deviations::layout::may_deviate(self) {
            return Cow::Borrowed(layout);
        }
        let deviates = &mut |deviation| self.guest.watch().deviates(deviation);
        Cow::Owned(layout.with_pointers(self.opts.ptr_type, deviates))
    }

    /// How wide the discriminant of so many cases is in the guest's memory.
    pub fn discriminant_size(&mut self, cases: usize) -> u64 {
        discriminant_size(cases, &mut |deviation| self.deviates(deviation))
    }

    /// Traps where that many bytes from `ptr` on are not aligned, or not all inside the memory.
    pub fn check_range(
        &mut self,
        ptr: u64,
        alignment: u64,
        byte_length: u64,
        what: Checked,
    ) -> Result<(), Stop> {
        let misaligned = !ptr.is_multiple_of(alignment);
        let outside = self.out_of_bounds(ptr, byte_length);
        if misaligned && outside && self.peer.is_some() && !self.waives(what.out_of_bounds) {
            self.fault(what.out_of_bounds.trap());
        }
        self.trap_if(what.misaligned, misaligned)?;
        self.trap_if(what.out_of_bounds, outside)?;
        self.reach_pointer(what.wide);
        Ok(())
    }

    /// Ends where the first `size` bytes of a part are not in memory: where nobody checked that of the whole.
    pub fn check_part(&self, ptr: u64, layout: &Layout, size: u64) -> Result<(), Stop> {
        match self.out_of_bounds(ptr, layout.elem_size) {
            true => self.access(ptr, size),
            false => Ok(()),
        }
    }
}

/// Spec: `load_int`.
pub(super) fn load_int(cx: &Cx, ptr: u64, nbytes: u64) -> u64 {
    let bytes = &cx.guest.memory()[valid_range(ptr, nbytes)];
    bytes.iter().rev().fold(0, |int, byte| (int << 8) | u64::from(*byte))
}

/// Spec: `load_int`.
pub(super) fn load_bytes<const NBYTES: usize>(cx: &Cx, ptr: u64) -> [u8; NBYTES] {
    let start = valid_range(ptr, 0).start;
    *cx.guest.memory()[start..].first_chunk().expect("the caller checked the range")
}

/// The pair that a string or list is in memory: where it begins and how long it is.
pub(super) fn load_pair(cx: &Cx, ptr: u64) -> (u64, u64) {
    let ptr_size = cx.opts.ptr_type.size();
    (load_int(cx, ptr, ptr_size), load_int(cx, ptr + ptr_size, ptr_size))
}

/// Spec: `store_int`.
pub(super) fn store_int(cx: &mut Cx, int: u64, ptr: u64, nbytes: u64) {
    let bytes = int.to_le_bytes();
    store_bytes(cx, &bytes[valid_range(0, nbytes)], ptr);
}

/// Copies into the memory.
pub(super) fn store_bytes(cx: &mut Cx, bytes: &[u8], ptr: u64) {
    let start = valid_range(ptr, 0).start;
    cx.guest.memory_mut()[start..start + bytes.len()].copy_from_slice(bytes);
}

/// The pair that a string or list is in memory: where it begins and how long it is.
pub(super) fn store_pair(cx: &mut Cx, begin: u64, length: u64, ptr: u64) -> Result<(), Stop> {
    let ptr_size = cx.opts.ptr_type.size();
    cx.access(ptr, 2 * ptr_size)?;
    store_int(cx, begin, ptr, ptr_size);
    store_int(cx, length, ptr + ptr_size, ptr_size);
    Ok(())
}

/// Where in a variant of this layout the payload of one of its cases lies.
pub(super) fn payload_offset(cx: &mut Cx, variant: &Layout, case: &Layout) -> u64 {
    if deviations::layout::payload_at_its_own(cx, variant, case) {
        let Despecialized::Variant(cases) = &variant.shape else { unreachable!("it has cases") };
        return align_to(discriminant_size(cases.len(), &mut never), case.alignment);
    }
    variant.payload_offset()
}
