//! What a guest hands over: well-formed, damaged or anything.
//! Knows where the encoder lowers guest data to, and lowers it there itself to see what it hits.

use arbitrary::{Result, Unstructured};

use super::damage::{damage, patch};
use super::draw::{between, integer, pick, weighted};
use super::places::{Kind, Place, out_pointer, places};
use super::values::{Room, least, values};
use super::weights;
use crate::abi::bytes_guest::ByteGuest;
use crate::abi::flatten::{Context, flatten_functype};
use crate::abi::layout::{align_to, alignment, elem_size};
use crate::abi::lower::lower_flat_values;
use crate::abi::{
    Core, CoreType, Cx, LiftLowerOptions, MAX_FLAT_PARAMS, MAX_FLAT_RESULTS, PtrType, wrap,
};
use crate::case::GUEST_DATA;
use crate::case::{Call, Chunk, Finish, Function, Passed, Patch, Shape};
use crate::types::Type;
use crate::value::Value;

/// How guest data is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    OnePatch,
    Patches,
    /// No lie yet: the same elsewhere, often where the memory ends.
    Move,
    Raw,
}

/// The guest of one call, into which the encoder will have lowered the same.
pub struct GuestData<'a> {
    shape: &'a Shape,
    guest: ByteGuest,
}

/// One place where a guest hands something over.
#[derive(Clone, Copy)]
pub struct Side<'a> {
    pub function: &'a Function,
    pub types: &'a [Type],
    pub max_flat: usize,
    /// What the out-pointer is for, where there is one.
    out: Option<&'a Type>,
}

/// What was handed over, as core values.
struct Flat {
    bits: Vec<u64>,
    core: Vec<CoreType>,
}

impl<'a> Side<'a> {
    /// The guest returns from its function.
    pub fn results(export: &'a Function) -> Side<'a> {
        let types = export.ty.results();
        Side { function: export, types, max_flat: MAX_FLAT_RESULTS, out: None }
    }

    /// The guest calls the host's function.
    pub fn params(import: &'a Function) -> Side<'a> {
        let core = flatten_functype(&import.ty, PtrType::I32, Context::Lower);
        let out = import.ty.result.as_ref().filter(|_| core.results.is_empty());
        Side { function: import, types: &import.ty.params, max_flat: MAX_FLAT_PARAMS, out }
    }

    pub fn core(&self) -> Vec<CoreType> {
        if self.max_flat == MAX_FLAT_RESULTS {
            flatten_functype(&self.function.ty, PtrType::I32, Context::Lift).results
        } else {
            flatten_functype(&self.function.ty, PtrType::I32, Context::Lower).params
        }
    }
}

/// Whether the encoder can lower what the guest hands over in this call.
pub fn fits(shape: &Shape, call: &Call) -> bool {
    let mut data = GuestData::new(shape);
    let imports = shape.import.iter().flat_map(|import| {
        call.imports.iter().map(move |call| (Side::params(import), &call.passed))
    });
    let results = match &call.finish {
        Finish::Return(passed) => Some((Side::results(&shape.export), passed)),
        Finish::Trap => None,
    };
    imports.chain(results).all(|(side, passed)| data.advance(side, passed).is_some())
}

impl<'a> GuestData<'a> {
    pub fn new(shape: &'a Shape) -> GuestData<'a> {
        let pages = usize::try_from(shape.pages.initial).expect("pages are few");
        let guest = ByteGuest::new(vec![0; pages << 16], u64::from(GUEST_DATA));
        GuestData { shape, guest }
    }

    /// Hands over something well-formed.
    pub fn truth(&mut self, u: &mut Unstructured, side: Side) -> Result<Passed> {
        Ok(self.lowered(u, side)?.0)
    }

    /// Hands over something that is wrong, if there is anything that can be.
    pub fn lie(&mut self, u: &mut Unstructured, side: Side) -> Result<Passed> {
        let lie = weighted(u, weights::LIES)?;
        if lie == Lie::Raw {
            return self.raw(u, side);
        }
        let (mut passed, places) = self.lowered(u, side)?;
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
            Lie::Move => return self.moved(u, places),
            Lie::OnePatch | Lie::Raw => 1,
            Lie::Patches => between(u, 2, weights::PATCHES)?,
        };
        let mut patches = Vec::new();
        for _ in 0..count {
            patches.extend(damage(u, places, self.size())?);
        }
        Ok(patches)
    }

    /// Puts what a pointer points to somewhere else, or damages something where none does.
    fn moved(&self, u: &mut Unstructured, places: &[Place]) -> Result<Vec<Patch>> {
        let movable: Vec<(&Place, u64, &[u8])> = (places.iter())
            .filter_map(|place| {
                let Kind::Pointer { align, .. } = place.kind else {
                    return None;
                };
                Some((place, align, self.pointed_to(place)?))
            })
            .collect();
        if movable.is_empty() {
            return Ok(damage(u, places, self.size())?.into_iter().collect());
        }
        let (place, align, bytes) = *u.choose(&movable)?;
        let last = self.size() - u64::try_from(bytes.len()).expect("a few bytes");
        let at = pick(u, &[last / align * align, last, last / align * align - align, align])?;
        let bytes = bytes.to_vec();
        Ok(vec![patch(place.spot, at), Patch::Memory(Chunk { at: wrap(at), bytes })])
    }

    /// The bytes that a pointer points to, if there are some, but not many.
    fn pointed_to(&self, place: &Place) -> Option<&[u8]> {
        let Kind::Pointer { bytes, .. } = place.kind else {
            return None;
        };
        let (start, length) = (usize::try_from(place.bits).ok()?, usize::try_from(bytes).ok()?);
        let bytes = self.guest.memory.get(start..start.checked_add(length)?)?;
        (1..=weights::MOVED_BYTES).contains(&length).then_some(bytes)
    }

    /// Lowers what is handed over without drawing anything; nothing where it does not fit.
    pub fn advance(&mut self, side: Side, passed: &Passed) -> Option<Vec<Place>> {
        match passed {
            Passed::Lowered { values, .. } => {
                let flat = self.lower(side, values)?;
                Some(self.places(side, &flat))
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
            Some(places) => damage(u, &places, self.size()),
            None => Ok(None),
        }
    }

    fn size(&self) -> u64 {
        u64::from(self.shape.pages.initial) << 16
    }

    fn lowered(&mut self, u: &mut Unstructured, side: Side) -> Result<(Passed, Vec<Place>)> {
        let mut room = Room::draw(u)?;
        let start = self.guest.bump;
        for attempt in 0..2 {
            let values = if attempt == 0 {
                values(u, side.types, &mut room)?
            } else {
                side.types.iter().map(least).collect()
            };
            if let Some(flat) = self.lower(side, &values) {
                let places = self.places(side, &flat);
                return Ok((Passed::Lowered { values, patches: Vec::new() }, places));
            }
            self.guest.bump = start;
        }
        Ok((zeros(side), Vec::new()))
    }

    fn lower(&mut self, side: Side, values: &[Value]) -> Option<Flat> {
        let string_encoding = side.function.opts.string_encoding;
        let opts = LiftLowerOptions { string_encoding, ptr_type: PtrType::I32 };
        let mut cx = Cx { opts, guest: &mut self.guest };
        let flat = lower_flat_values(&mut cx, side.max_flat, values, side.types, None).ok()?;
        let mut core: Vec<CoreType> = flat.iter().map(|core| core.ty()).collect();
        let mut bits: Vec<u64> = flat.into_iter().map(Core::bits).collect();
        if let Some(ty) = side.out {
            bits.push(self.allocate(ty));
            core.push(CoreType::I32);
        }
        Some(Flat { bits, core })
    }

    /// The encoder, too, takes this much without a look at the memory's size.
    fn allocate(&mut self, ty: &Type) -> u64 {
        let ptr = align_to(self.guest.bump, alignment(ty, PtrType::I32));
        self.guest.bump = ptr + elem_size(ty, PtrType::I32);
        ptr
    }

    fn places(&self, side: Side, flat: &Flat) -> Vec<Place> {
        let Flat { bits, core } = flat;
        let encoding = side.function.opts.string_encoding;
        let mut places = places(&self.guest, encoding, side.types, side.max_flat, bits, core);
        places.extend(side.out.and_then(|ty| out_pointer(ty, bits)));
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
