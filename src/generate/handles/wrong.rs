//! Handles that are wrong where they are, and what is called with them.
//! Knows which mistakes there are, and makes none that is none.

use arbitrary::{Result, Unstructured};

use super::{Entry, Handles, Leaf, leaves};
use crate::abi::BuiltIn;
use crate::case::BuiltInCall;
use crate::generate::choices::WrongHandle;
use crate::generate::draw::{pick, position, weighted_where};
use crate::generate::weights;
use crate::types::{self, Handle, Type};
use crate::value::Value;

/// Where a handle is to be.
struct Seat {
    resource: types::Resource,
    owned: bool,
    /// The other handles of the same resource that are passed with it.
    siblings: Vec<u32>,
    /// Those of them that are lent before it, where it is given away.
    lent: Vec<u32>,
    /// Handles of other resources that are lent before it, where it is given away.
    lent_others: Vec<u32>,
}

impl Seat {
    fn among(seen: &[(&Handle, u32)], index: usize) -> Seat {
        let resource = seen[index].0.resource();
        let owned = matches!(seen[index].0, Handle::Own(_));
        let mut seat = Seat { owned, ..Seat::of(resource.unwrap_or(0)) };
        for (other, (handle, number)) in seen.iter().enumerate() {
            let lent = owned && other < index && matches!(handle, Handle::Borrow(_));
            match (handle.resource() == resource, lent) {
                (true, _) if other == index => {}
                (true, lent) => {
                    seat.siblings.push(*number);
                    seat.lent.extend(lent.then_some(*number));
                }
                (false, true) => seat.lent_others.push(*number),
                (false, false) => {}
            }
        }
        seat
    }

    /// For a built-in, which has it for itself.
    fn of(resource: types::Resource) -> Seat {
        let (siblings, lent, lent_others) = (Vec::new(), Vec::new(), Vec::new());
        Seat { resource, owned: false, siblings, lent, lent_others }
    }
}

impl Handles<'_> {
    /// Puts something wrong in the place of one of the handles.
    pub fn spoil(&self, u: &mut Unstructured, values: &mut [Value], types: &[Type]) -> Result<()> {
        let mut leaves = leaves(values, types);
        let seen: Vec<(&Handle, u32)> = leaves.iter().map(|(handle, n)| (*handle, **n)).collect();
        let seats: Vec<Seat> = (0..seen.len()).map(|index| Seat::among(&seen, index)).collect();
        let fits = |wrong, seat: &Seat| !self.candidates(wrong, seat).is_empty();
        let possible = |wrong| seats.iter().any(|seat| fits(wrong, seat));
        if seats.is_empty() {
            return Ok(());
        }
        let wrong = weighted_where(u, weights::WRONG_HANDLES, possible)?;
        let here: Vec<usize> = (0..seats.len()).filter(|i| fits(wrong, &seats[*i])).collect();
        let index = pick(u, &here)?;
        *leaves.swap_remove(index).1 = pick(u, &self.candidates(wrong, &seats[index]))?;
        Ok(())
    }

    /// Makes the host pass a handle of a guest's resource that it does not hold; false where it
    /// passes none.
    pub fn spoil_args(
        &self,
        u: &mut Unstructured,
        args: &mut [Value],
        types: &[Type],
    ) -> Result<bool> {
        let guests = |handle: &Handle| handle.resource().is_some_and(|r| !self.hosts(r));
        let mut leaves: Vec<Leaf> =
            leaves(args, types).into_iter().filter(|(handle, _)| guests(handle)).collect();
        let Some(index) = position(u, leaves.len())? else {
            return Ok(false);
        };
        *leaves.swap_remove(index).1 = self.not_held(u)?;
        Ok(true)
    }

    /// The index of a handle that is not what a built-in on this resource takes.
    fn wrong(&self, u: &mut Unstructured, resource: types::Resource) -> Result<u32> {
        let seat = Seat::of(resource);
        let possible = |wrong| !self.candidates(wrong, &seat).is_empty();
        let wrong = weighted_where(u, weights::WRONG_HANDLES, possible)?;
        pick(u, &self.candidates(wrong, &seat))
    }

    /// The indices that are wrong in this way there.
    fn candidates(&self, wrong: WrongHandle, seat: &Seat) -> Vec<u32> {
        let beyond = u32::try_from(self.table.len()).expect("a case is small") + 1;
        let other = |entry: &Entry| entry.resource != seat.resource;
        let borrowed = |entry: &Entry| seat.owned && !entry.owned && !other(entry);
        match wrong {
            WrongHandle::Zero => vec![0],
            WrongHandle::Sibling => seat.siblings.clone(),
            WrongHandle::Lent => seat.lent.clone(),
            WrongHandle::LentOther => seat.lent_others.clone(),
            WrongHandle::Freed => self.free.clone(),
            WrongHandle::OtherType => self.indices(other).collect(),
            WrongHandle::Borrowed => self.indices(borrowed).collect(),
            WrongHandle::Beyond => vec![beyond],
            WrongHandle::Far => vec![u32::MAX, 1 << 28, (1 << 28) - 1, 1 << 31, beyond + 7],
        }
    }

    /// A built-in with a handle that is not what it should be.
    pub fn wrong_built_in(&self, u: &mut Unstructured) -> Result<BuiltInCall> {
        let guests = self.defined();
        if !guests.is_empty() && u.ratio(3, 5)? {
            let resource = pick(u, &guests)?;
            let operand = self.wrong(u, resource)?;
            return Ok(BuiltInCall { which: BuiltIn::ResourceRep, of: resource, operand });
        }
        let resource = pick(u, &self.known())?;
        let operand = self.wrong(u, resource)?;
        Ok(BuiltInCall { which: BuiltIn::ResourceDrop, of: resource, operand })
    }

    /// `resource.rep` of what it is not for, if the guest defines anything: it may be called anywhere,
    /// so that only the handle is wrong.
    fn wrong_rep(&self, u: &mut Unstructured) -> Result<Option<BuiltInCall>> {
        let guests = self.defined();
        if guests.is_empty() {
            return Ok(None);
        }
        let resource = pick(u, &guests)?;
        let operand = self.mistaken(u, resource)?;
        Ok(Some(BuiltInCall { which: BuiltIn::ResourceRep, of: resource, operand }))
    }

    /// A handle that is of another type, if there is one.
    fn mistaken(&self, u: &mut Unstructured, resource: types::Resource) -> Result<u32> {
        let others = self.candidates(WrongHandle::OtherType, &Seat::of(resource));
        let other = !others.is_empty() && u.ratio(3, 4)?;
        if other { pick(u, &others) } else { self.wrong(u, resource) }
    }

    /// `resource.rep` or `resource.drop` of what they are not for, where both may be called but little
    /// is at hand.
    pub fn mistake(&self, u: &mut Unstructured) -> Result<BuiltInCall> {
        if u.arbitrary()?
            && let Some(rep) = self.wrong_rep(u)?
        {
            return Ok(rep);
        }
        let resource = pick(u, &self.known())?;
        let operand = self.mistaken(u, resource)?;
        Ok(BuiltInCall { which: BuiltIn::ResourceDrop, of: resource, operand })
    }

    /// Any built-in, for where most of them may not be called.
    pub fn any_built_in(&self, u: &mut Unstructured) -> Result<BuiltInCall> {
        if u.arbitrary()?
            && let Some(rep) = self.wrong_rep(u)?
        {
            return Ok(rep);
        }
        match self.built_in(u)? {
            Some(built_in) if u.arbitrary()? => Ok(built_in),
            Some(_) | None => self.wrong_built_in(u),
        }
    }
}
