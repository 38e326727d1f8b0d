//! What a guest hands over: well-formed, damaged or anything.
//! Knows where the encoder lowers guest data to, and lowers it there itself to see what it hits.

use arbitrary::{Result, Unstructured};

use super::choices::{Lie, PlaceKind};
use super::damage::{damage, patch};
use super::draw::{between, chance, integer, pick, weighted_where};
use super::handles::{Handles, Party, mentioned};
use super::places::{Place, out_pointer, places};
use super::values::{Room, least, values};
use super::weights::{self, Habits};
use crate::abi::layout::Layout;
use crate::abi::string::utf16_tag;
use crate::abi::{Core, CoreType, wrap};
use crate::case::{Call, Chunk, GUEST_DATA, Guest, Part, Passed, Patch, Script, Shape};
use crate::encode::guest::{Lowering, Side, initial_size};

/// A guest in one call, into which the encoder will have lowered the same.
pub struct Giver<'a> {
    guest: &'a Guest,
    habits: &'static Habits,
    /// Whether there are other guests.
    chained: bool,
    lowering: Lowering,
    pub handles: Handles<'a>,
}

/// What the guest passes to its import, where it has one.
pub fn params(guest: &Guest) -> Option<Side<'_>> {
    guest.import.as_ref().map(|import| Side::params(import, guest.ptr_type))
}

/// What the guest returns.
pub fn results(guest: &Guest) -> Side<'_> {
    Side::results(&guest.export, guest.ptr_type)
}

/// All that the guest hands over by this script, and where.
pub fn handed_over<'a>(
    guest: &'a Guest,
    script: &'a Script,
) -> impl Iterator<Item = (Side<'a>, &'a Passed)> {
    script.passed().filter_map(|(part, passed)| Some((side(guest, part)?, passed)))
}

/// Where the guest hands over what is such a part of its script.
pub fn side(guest: &Guest, part: Part) -> Option<Side<'_>> {
    match part {
        Part::Params => params(guest),
        Part::Result => Some(results(guest)),
        Part::Answer => None,
    }
}

/// Whether the encoder can lower what the guests hand over in this call.
pub fn fits(shape: &Shape, call: &Call) -> bool {
    (0..shape.guests.len()).all(|guest| script_fits(shape, guest, &call.scripts[guest]))
}

fn script_fits(shape: &Shape, guest: usize, script: &Script) -> bool {
    let mut data = Giver::new(shape, guest);
    let guest = &shape.guests[guest];
    let mut passed = handed_over(guest, script);
    passed.all(|(side, passed)| data.advance(side, passed).is_some())
}

impl<'a> Giver<'a> {
    /// A guest that has no handles yet.
    pub fn new(shape: &'a Shape, guest: usize) -> Giver<'a> {
        Giver::with(shape, guest, Handles::new(shape, guest))
    }

    pub fn with(shape: &'a Shape, guest: usize, handles: Handles<'a>) -> Giver<'a> {
        let (chained, guest) = (shape.guests.len() > 1, &shape.guests[guest]);
        let lowering = Lowering::new(vec![0; initial_size(guest.pages)]);
        Giver { guest, habits: weights::habits(shape), chained, lowering, handles }
    }

    /// Where the heap begins once all has been handed over.
    pub fn heap(&self) -> u64 {
        self.lowering.guest.bump.next_multiple_of(16)
    }

    /// Hands over something well-formed.
    pub fn truth(&mut self, u: &mut Unstructured, side: Side) -> Result<Passed> {
        let (mut passed, places) = self.lowered(u, side, false)?;
        if self.chained
            && let Passed::Lowered { patches, .. } = &mut passed
        {
            *patches = self.elsewhere(u, &places)?;
        }
        Ok(passed)
    }

    /// Puts something where the memory ends, or in a longer encoding, which is as good, mostly not.
    fn elsewhere(&self, u: &mut Unstructured, places: &[Place]) -> Result<Vec<Patch>> {
        if chance(u, weights::chain::RETAGGED)? {
            return Ok(self.retagged(u, places)?.unwrap_or_default());
        }
        if chance(u, weights::chain::MOVED)? {
            return Ok(self
                .moved(u, places, |last, align| vec![last / align * align])?
                .unwrap_or_default());
        }
        Ok(Vec::new())
    }

    /// Hands over something that is wrong, if there is anything that can be.
    pub fn lie(&mut self, u: &mut Unstructured, side: Side) -> Result<Passed> {
        let has_handles = mentioned(side.types);
        let lie = weighted_where(u, self.habits.lies, |lie| lie != Lie::Handle || has_handles)?;
        if lie == Lie::Raw {
            return self.raw(u, side);
        }
        let (mut passed, places) = self.lowered(u, side, lie == Lie::Handle)?;
        if lie == Lie::Handle {
            return Ok(passed);
        }
        match &mut passed {
            Passed::Lowered { patches, .. } if !places.is_empty() => {
                *patches = self.patches(u, lie, &places)?;
                Ok(passed)
            }
            Passed::Lowered { .. } | Passed::Raw { .. } => self.raw(u, side),
        }
    }

    fn patches(&self, u: &mut Unstructured, lie: Lie, places: &[Place]) -> Result<Vec<Patch>> {
        let count = match lie {
            Lie::Move => {
                let around = |last: u64, align: u64| {
                    let end = last / align * align;
                    vec![end, last, end.saturating_sub(align), align]
                };
                return self.moved(u, places, around)?.map_or_else(|| self.damaged(u, places), Ok);
            }
            Lie::Retag => {
                return self.retagged(u, places)?.map_or_else(|| self.damaged(u, places), Ok);
            }
            Lie::OnePatch | Lie::Raw | Lie::Handle => 1,
            Lie::Patches => between(u, 2, weights::PATCHES)?,
        };
        let mut patches = Vec::new();
        for _ in 0..count {
            patches.extend(damage(u, places, &self.lowering.guest.memory)?);
        }
        Ok(patches)
    }

    fn damaged(&self, u: &mut Unstructured, places: &[Place]) -> Result<Vec<Patch>> {
        Ok(damage(u, places, &self.lowering.guest.memory)?.into_iter().collect())
    }

    /// Puts what a pointer points to somewhere else, if one does: `to` one of the addresses for the
    /// last at which there is room, and an alignment.
    fn moved(
        &self,
        u: &mut Unstructured,
        places: &[Place],
        to: impl Fn(u64, u64) -> Vec<u64>,
    ) -> Result<Option<Vec<Patch>>> {
        let movable: Vec<(&Place, u64, &[u8])> = (places.iter())
            .filter_map(|place| {
                let PlaceKind::Pointer { align, .. } = place.kind else {
                    return None;
                };
                Some((place, align, self.pointed_to(place)?))
            })
            .collect();
        if movable.is_empty() {
            return Ok(None);
        }
        let (place, align, bytes) = *u.choose(&movable)?;
        let last = self.size() - u64::try_from(bytes.len()).expect("a few bytes");
        let at = pick(u, &to(last, align))?;
        let bytes = bytes.to_vec();
        Ok(Some(vec![patch(place.spot, at), Patch::Memory(Chunk { at: wrap(at), bytes })]))
    }

    /// Puts a Latin-1 string as UTF-16 where the memory ends, if there is one.
    fn retagged(&self, u: &mut Unstructured, places: &[Place]) -> Result<Option<Vec<Patch>>> {
        let strings: Vec<(&Place, &Place, Vec<u8>)> = (places.windows(2))
            .filter_map(|pair| Some((&pair[0], &pair[1], self.latin1_as_utf16(pair)?)))
            .collect();
        if strings.is_empty() {
            return Ok(None);
        }
        let (pointer, length, bytes) = u.choose(&strings)?;
        let at = self.size() - u64::try_from(bytes.len()).expect("a few bytes");
        let mut patches = vec![
            patch(pointer.spot, at),
            patch(length.spot, length.bits | utf16_tag(self.guest.ptr_type)),
        ];
        if !bytes.is_empty() {
            patches.push(Patch::Memory(Chunk { at: wrap(at), bytes: bytes.clone() }));
        }
        Ok(Some(patches))
    }

    /// What a pointer and the length beside it denote, if that is a short string in Latin-1.
    fn latin1_as_utf16(&self, pair: &[Place]) -> Option<Vec<u8>> {
        let [pointer, Place { kind: PlaceKind::Length { tagged: true, .. }, bits, .. }] = pair
        else {
            return None;
        };
        if *bits == 0 {
            return Some(Vec::new());
        }
        let latin1 = self.pointed_to(pointer)?;
        let untagged = u64::try_from(latin1.len()) == Ok(*bits);
        untagged.then(|| latin1.iter().flat_map(|byte| [*byte, 0]).collect())
    }

    /// The bytes that a pointer points to, if there are some, but not many.
    fn pointed_to(&self, place: &Place) -> Option<&[u8]> {
        let PlaceKind::Pointer { bytes, .. } = place.kind else {
            return None;
        };
        let (start, length) = (usize::try_from(place.bits).ok()?, usize::try_from(bytes).ok()?);
        let bytes = self.lowering.guest.memory.get(start..start.checked_add(length)?)?;
        (1..=weights::MOVED_BYTES).contains(&length).then_some(bytes)
    }

    /// Lowers what is handed over without drawing anything; nothing where it does not fit.
    pub fn advance(&mut self, side: Side, passed: &Passed) -> Option<Vec<Place>> {
        match passed {
            Passed::Lowered { values, .. } => {
                let types = side.layout();
                let flat = self.lowering.lower(side, &types, values)?;
                Some(self.places(side, &types, &flat))
            }
            Passed::Raw { .. } => Some(Vec::new()),
        }
    }

    /// One more patch for data that this side hands over next.
    pub fn patch(
        &mut self,
        u: &mut Unstructured,
        side: Side,
        passed: &Passed,
    ) -> Result<Option<Patch>> {
        match self.advance(side, passed) {
            Some(places) => damage(u, &places, &self.lowering.guest.memory),
            None => Ok(None),
        }
    }

    fn size(&self) -> u64 {
        u64::from(self.guest.pages.initial) << 16
    }

    /// Hands over well-formed values, but perhaps for a handle.
    fn lowered(
        &mut self,
        u: &mut Unstructured,
        side: Side,
        spoils: bool,
    ) -> Result<(Passed, Vec<Place>)> {
        let mut room = Room::draw(u, self.habits)?;
        let (start, types) = (self.lowering.guest.bump, side.layout());
        for attempt in 0..2 {
            let mut values = if attempt == 0 {
                values(u, side.types, &mut room)?
            } else {
                side.types.iter().map(least).collect()
            };
            let before = self.handles.clone();
            self.handles.settle(u, &mut values, side.types, Party::Guest)?;
            if spoils {
                self.handles.spoil(u, &mut values, side.types)?;
            }
            if let Some(flat) = self.lowering.lower(side, &types, &values) {
                let places = self.places(side, &types, &flat);
                return Ok((Passed::Lowered { values, patches: Vec::new() }, places));
            }
            self.lowering.guest.bump = start;
            self.handles = before;
        }
        Ok((zeros(side), Vec::new()))
    }

    fn places(&self, side: Side, types: &Layout, flat: &[Core]) -> Vec<Place> {
        let core: Vec<CoreType> = flat.iter().map(|core| core.ty()).collect();
        let bits: Vec<u64> = flat.iter().copied().map(Core::bits).collect();
        let encoding = side.function.opts.string_encoding;
        let guest = &self.lowering.guest;
        let mut places = places(guest, encoding, side.ptr_type, types, side.max_flat, &bits, &core);
        places.extend(side.out.and_then(|ty| out_pointer(ty, side.ptr_type, &bits)));
        places
    }

    /// Core values and memory without regard to what they mean.
    fn raw(&mut self, u: &mut Unstructured, side: Side) -> Result<Passed> {
        let word = |ty: CoreType| Ok(Core::from_bits(ty, self.word(u)?).bits());
        let flat = side.core().into_iter().map(word).collect::<Result<Vec<u64>>>()?;
        let mut memory = Vec::new();
        if side.function.opts.memory {
            for _ in 0..between(u, 0, weights::RAW_CHUNKS)? {
                memory.push(self.chunk(u, &flat)?);
            }
        }
        Ok(Passed::Raw { flat, memory })
    }

    /// A number that may be an address, a small count or anything.
    fn word(&self, u: &mut Unstructured) -> Result<u64> {
        match u.int_in_range(0..=3)? {
            0 => u.int_in_range(0..=8),
            1 => Ok(u64::from(GUEST_DATA) + 8 * u.int_in_range(0..=64)?),
            2 => Ok(u.int_in_range(0..=self.size())?),
            _ => integer(u, 64),
        }
    }

    /// Memory where one of the core values points to, if one does.
    pub fn chunk(&self, u: &mut Unstructured, flat: &[u64]) -> Result<Chunk> {
        let length = between(u, 1, weights::RAW_BYTES)?;
        let last = self.size() - u64::try_from(length).expect("a few bytes");
        let inside: Vec<u64> = flat.iter().copied().filter(|at| *at <= last).collect();
        let at = if inside.is_empty() { u64::from(GUEST_DATA) } else { pick(u, &inside)? };
        let mut bytes = Vec::new();
        for _ in 0..length.div_ceil(4) {
            bytes.extend_from_slice(&wrap(self.word(u)?).to_le_bytes());
        }
        bytes.truncate(length);
        Ok(Chunk { at: wrap(at), bytes })
    }
}

/// What always fits.
pub fn zeros(side: Side) -> Passed {
    Passed::Raw { flat: vec![0; side.core().len()], memory: Vec::new() }
}
