//! Each guest's table of handles and what the host holds, followed through the calls of a case.
//! Knows which handle may be used for what as long as all goes well; foresees no trap.

mod follow;
mod wrong;

use arbitrary::{Result, Unstructured};

use super::draw::{integer, pick, weighted};
use super::values::least;
use super::weights;
use crate::abi::built_in::OfResource;
use crate::abi::{BuiltIn, wrap};
use crate::case::is_host;
use crate::case::parts::parts_mut;
use crate::case::{Act, BuiltInCall, Passed, Resource, Shape, Turn};
use crate::types::{self, Handle, Type};
use crate::value::Value;

pub use follow::{after, tables};

/// A guest, between two events.
#[derive(Clone)]
pub struct Handles<'a> {
    resources: &'a [Resource],
    /// The guest's number, and how many there are.
    guest: u32,
    guests: u32,
    /// The guest's table. The entry of index 1 comes first.
    table: Vec<Option<Entry>>,
    /// What was freed last is used first.
    free: Vec<u32>,
    /// The guests' resources that the host received of the first guest; it no longer holds all of
    /// them.
    held: Vec<Option<types::Resource>>,
    /// What destructors do in the running call.
    pub destructor: Turn,
    /// What the guest made for what it is about to hand over.
    made: Vec<BuiltInCall>,
    /// How much more it may make.
    pub room: usize,
    /// Whether it gives away what it only borrows.
    pub embezzles: bool,
}

#[derive(Clone, Copy)]
struct Entry {
    resource: types::Resource,
    owned: bool,
}

/// Who passes a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Party {
    Host,
    Guest,
}

/// What one value used of the handles already.
#[derive(Clone, Default)]
struct Used {
    given: Vec<u32>,
    lent: Vec<u32>,
    /// Borrows that the guest will have to drop.
    borrows: usize,
}

type Leaf<'a> = (&'a Handle, &'a mut u32);

/// All handles in values of these types, in the order of the ABI.
fn leaves<'a>(values: &'a mut [Value], types: &'a [Type]) -> Vec<Leaf<'a>> {
    let mut all = Vec::new();
    values.iter_mut().zip(types).for_each(|(value, ty)| add_leaves(value, ty, &mut all));
    all
}

fn add_leaves<'a>(value: &'a mut Value, ty: &'a Type, all: &mut Vec<Leaf<'a>>) {
    match (value, ty) {
        (Value::Handle(number), Type::Handle(handle)) => all.push((handle, number)),
        (value, ty) => {
            parts_mut(value, ty).into_iter().for_each(|(value, ty)| add_leaves(value, ty, all));
        }
    }
}

/// Whether values of these types can have handles.
pub fn mentioned(types: &[Type]) -> bool {
    types.iter().any(|ty| ty.any(&mut |ty| matches!(ty, Type::Handle(_))))
}

/// Whether every value of this type has a handle of a resource of a guest's.
pub fn needs_guests(resources: &[Resource], ty: &Type) -> bool {
    let guests = |handle: &Handle| handle.resource().is_some_and(|r| !is_host(resources, r));
    !resources.is_empty() && needed(ty).iter().any(guests)
}

/// The handles that every value of this type has.
pub fn needed(ty: &Type) -> Vec<Handle> {
    let mut least = [least(ty)];
    let leaves = leaves(&mut least, std::slice::from_ref(ty));
    leaves.into_iter().map(|(handle, _)| handle.clone()).collect()
}

impl<'a> Handles<'a> {
    /// Before the first call.
    pub fn new(shape: &'a Shape, guest: usize) -> Handles<'a> {
        let number = |count| u32::try_from(count).expect("guests are few");
        Handles {
            resources: &shape.resources,
            guest: number(guest),
            guests: number(shape.guests.len()),
            table: Vec::new(),
            free: Vec::new(),
            held: Vec::new(),
            destructor: Turn::PLAIN,
            made: Vec::new(),
            room: 0,
            embezzles: false,
        }
    }

    /// Whether the host defines it.
    fn hosts(&self, resource: types::Resource) -> bool {
        is_host(self.resources, resource)
    }

    /// Whether this guest defines it.
    fn mine(&self, resource: types::Resource) -> bool {
        self.by(resource) == Some(self.guest)
    }

    /// The guest that defines it, if one does.
    fn by(&self, resource: types::Resource) -> Option<u32> {
        match self.resources.get(usize::try_from(resource).ok()?)? {
            Resource::Host => None,
            Resource::Guest { by, .. } => Some(*by),
        }
    }

    /// The resources of which this guest has built-ins.
    pub fn known(&self) -> Vec<types::Resource> {
        let numbers = (0..).zip(self.resources).map(|(number, _)| number);
        numbers.filter(|n| self.by(*n).is_none_or(|by| by >= self.guest)).collect()
    }

    fn add(&mut self, resource: types::Resource, owned: bool) -> u32 {
        let entry = Some(Entry { resource, owned });
        if let Some(index) = self.free.pop() {
            *self.entry(index).expect("it was freed") = entry;
            return index;
        }
        self.table.push(entry);
        u32::try_from(self.table.len()).expect("a case is small")
    }

    fn entry(&mut self, index: u32) -> Option<&mut Option<Entry>> {
        self.table.get_mut(usize::try_from(index).ok()?.checked_sub(1)?)
    }

    fn remove(&mut self, index: u32, resource: types::Resource) -> Option<Entry> {
        let entry = self.entry(index)?;
        let removed = entry.take_if(|entry| entry.resource == resource)?;
        self.free.push(index);
        Some(removed)
    }

    /// The handles in values, without a look at them where there are no resources.
    fn numbers(&self, values: &[Value], types: &[Type]) -> Vec<(Handle, u32)> {
        if self.resources.is_empty() {
            return Vec::new();
        }
        let mut values = values.to_vec();
        let leaves = leaves(&mut values, types).into_iter();
        leaves.map(|(handle, number)| (handle.clone(), *number)).collect()
    }

    /// The guest receives values, those that the first one is called with from the host.
    pub fn lower(&mut self, values: &[Value], types: &[Type]) {
        for (handle, number) in self.numbers(values, types) {
            match handle {
                Handle::Own(resource) => {
                    self.add(resource, true);
                    if !self.hosts(resource) {
                        self.take_held(number);
                    }
                }
                Handle::Borrow(resource) if !self.mine(resource) => {
                    self.add(resource, false);
                }
                // Who defines a resource borrows its representation.
                Handle::Borrow(_) => {}
                Handle::ErrorContext | Handle::Stream(_) | Handle::Future(_) => {}
            }
        }
    }

    /// The guest passes values.
    fn lift(&mut self, values: &[Value], types: &[Type], to: Party) {
        for (handle, number) in self.numbers(values, types) {
            if let Handle::Own(resource) = handle {
                self.remove(number, resource);
                if to == Party::Host && !self.hosts(resource) {
                    self.held.push(Some(resource));
                }
            }
        }
    }

    /// The guest hands something over.
    pub fn pass(&mut self, passed: &Passed, types: &[Type], to: Party) {
        self.lift(passed.values(), types, to);
    }

    fn take_held(&mut self, number: u32) -> Option<types::Resource> {
        let position = usize::try_from(number).ok()?;
        self.held.get_mut(position)?.take()
    }

    /// The guest calls a built-in.
    pub fn apply(&mut self, BuiltInCall { which, of, operand }: BuiltInCall) {
        match which.of_resource() {
            Some(OfResource::New) => drop(self.add(of, true)),
            Some(OfResource::Rep) | None => {}
            Some(OfResource::Drop) => {
                let dropped = self.remove(operand, of);
                if dropped.is_some_and(|entry| entry.owned) {
                    self.destroy(of);
                }
            }
        }
    }

    fn destroy(&mut self, resource: types::Resource) {
        let position = usize::try_from(resource).unwrap_or(usize::MAX);
        let defined = self.resources.get(position);
        let destroys = Resource::Guest { by: self.guest, destructor: true };
        if defined != Some(&destroys) {
            return;
        }
        // A destructor that drops what has one does not come to an end that matters.
        let made: Vec<types::Resource> = self.destructor.acts.iter().filter_map(makes).collect();
        for resource in made {
            self.add(resource, true);
        }
    }

    /// The host drops what it holds under this number.
    pub fn host_drop(&mut self, number: u32) {
        if let Some(resource) = self.take_held(number) {
            self.destroy(resource);
        }
    }

    /// What the guest made lately, in order.
    pub fn made(&mut self) -> Vec<BuiltInCall> {
        std::mem::take(&mut self.made)
    }

    /// How the guest drops what it borrows.
    pub fn drops_of_borrows(&self) -> Vec<BuiltInCall> {
        let borrowed = |entry: &Entry| !entry.owned;
        self.indices(borrowed).filter_map(|handle| self.drop_of(handle)).collect()
    }

    fn drop_of(&self, handle: u32) -> Option<BuiltInCall> {
        let resource = self.at(handle)?.resource;
        Some(BuiltInCall { which: BuiltIn::ResourceDrop, of: resource, operand: handle })
    }

    fn at(&self, index: u32) -> Option<Entry> {
        let position = usize::try_from(index).ok()?.checked_sub(1)?;
        self.table.get(position).copied().flatten()
    }

    fn indices(&self, wanted: impl Fn(&Entry) -> bool) -> impl Iterator<Item = u32> {
        let entries = (1..).zip(&self.table);
        entries
            .filter_map(move |(index, entry)| entry.as_ref().filter(|e| wanted(e)).map(|_| index))
    }

    /// What the host holds, by number.
    pub fn held(&self, wanted: impl Fn(types::Resource) -> bool) -> Vec<u32> {
        let held = (0..).zip(&self.held);
        held.filter_map(|(number, held)| held.filter(|r| wanted(*r)).map(|_| number)).collect()
    }

    /// A number under which the host holds nothing.
    pub fn not_held(&self, u: &mut Unstructured) -> Result<u32> {
        let beyond = u32::try_from(self.held.len()).expect("a case is small");
        let mut numbers = vec![beyond, beyond + 1];
        numbers.extend((0..).zip(&self.held).filter(|(_, held)| held.is_none()).map(|(n, _)| n));
        pick(u, &numbers)
    }

    /// Puts handles into values that may be used there. Lists get shorter, and variants empty, where
    /// there are too few; false where that does not help.
    pub fn settle(
        &mut self,
        u: &mut Unstructured,
        values: &mut [Value],
        types: &[Type],
        party: Party,
    ) -> Result<bool> {
        if self.resources.is_empty() || !mentioned(types) {
            return Ok(true);
        }
        let before = self.clone();
        let mut used = Used::default();
        for (value, ty) in values.iter_mut().zip(types) {
            if !self.settle_value(u, value, ty, party, &mut used)? {
                *self = before;
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether there are values of these types that the party can pass.
    pub fn can(&self, types: &[Type], party: Party) -> bool {
        if self.resources.is_empty() || !mentioned(types) {
            return true;
        }
        let mut values: Vec<Value> = types.iter().map(least).collect();
        let settled = self.clone().settle(&mut Unstructured::new(&[]), &mut values, types, party);
        settled.unwrap_or(false)
    }

    fn settle_value(
        &mut self,
        u: &mut Unstructured,
        value: &mut Value,
        ty: &Type,
        party: Party,
        used: &mut Used,
    ) -> Result<bool> {
        let before = (self.clone(), used.clone());
        match (&mut *value, ty) {
            (Value::Handle(number), Type::Handle(handle)) => {
                let taken = self.take(u, handle, party, used)?;
                *number = taken.unwrap_or(*number);
                return Ok(taken.is_some());
            }
            (Value::List(_), Type::List(_) | Type::Map(..)) => {
                return self.settle_list(u, value, ty, party, used).map(|()| true);
            }
            _ => {}
        }
        if self.settle_parts(u, parts_mut(value, ty), party, used)? {
            return Ok(true);
        }
        (*self, *used) = before;
        let emptied = empty_case(ty).map(|index| *value = Value::Variant(index, None));
        Ok(emptied.is_some())
    }

    fn settle_parts(
        &mut self,
        u: &mut Unstructured,
        parts: Vec<(&mut Value, &Type)>,
        party: Party,
        used: &mut Used,
    ) -> Result<bool> {
        for (value, ty) in parts {
            if mentioned(std::slice::from_ref(ty))
                && !self.settle_value(u, value, ty, party, used)?
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Keeps the elements before the first for which there are no handles.
    fn settle_list(
        &mut self,
        u: &mut Unstructured,
        list: &mut Value,
        ty: &Type,
        party: Party,
        used: &mut Used,
    ) -> Result<()> {
        let Value::List(elems) = list else { unreachable!("the caller looked") };
        let mut keep = elems.len();
        for (index, elem) in elems.iter_mut().enumerate() {
            let before = (self.clone(), used.clone());
            let parts = parts_of_elem(elem, ty);
            if !self.settle_parts(u, parts, party, used)? {
                (*self, *used) = before;
                keep = index;
                break;
            }
        }
        elems.truncate(keep);
        Ok(())
    }

    fn take(
        &mut self,
        u: &mut Unstructured,
        handle: &Handle,
        party: Party,
        used: &mut Used,
    ) -> Result<Option<u32>> {
        let (resource, owned) = match handle {
            Handle::Own(resource) => (*resource, true),
            Handle::Borrow(resource) => (*resource, false),
            Handle::ErrorContext | Handle::Stream(_) | Handle::Future(_) => return Ok(None),
        };
        if !owned && self.has_to_be_dropped(resource, party) {
            used.borrows += 1;
            if used.borrows > weights::BORROWS {
                return Ok(None);
            }
        }
        if party == Party::Host && self.hosts(resource) {
            return rep(u).map(Some);
        }
        let mut usable = match party {
            Party::Host => self.held(|held| held == resource),
            Party::Guest => {
                let borrowed = |e: &Entry| e.resource == resource && !e.owned;
                let embezzles = owned && self.embezzles && self.indices(borrowed).count() > 0;
                let fits = |e: &Entry| e.resource == resource && e.owned >= owned;
                self.indices(|e| if embezzles { borrowed(e) } else { fits(e) }).collect()
            }
        };
        usable.retain(|n| !(used.given.contains(n) || owned && used.lent.contains(n)));
        let can_make = party == Party::Guest && self.mine(resource) && self.made.len() < self.room;
        if can_make && (usable.is_empty() || u.ratio(1, 4)?) {
            let made = new(u, resource)?;
            self.made.push(made);
            usable = vec![self.add(resource, true)];
        }
        if usable.is_empty() {
            return Ok(None);
        }
        let number = pick(u, &usable)?;
        if owned {
            used.given.push(number)
        } else {
            used.lent.push(number)
        }
        Ok(Some(number))
    }

    /// Makes one of each, if the guest defines several: so that there is what may be mistaken.
    pub fn stock(&mut self, u: &mut Unstructured) -> Result<Vec<BuiltInCall>> {
        let numbers = self.defined();
        if numbers.len() < 2 {
            return Ok(Vec::new());
        }
        let new = |resource| {
            self.add(resource, true);
            new(u, resource)
        };
        numbers.into_iter().map(new).collect()
    }

    /// Makes something that has a destructor and drops it, if the guest defines such.
    pub fn destroy_one(&mut self, u: &mut Unstructured) -> Result<Vec<BuiltInCall>> {
        let destroyed = |n: &types::Resource| {
            let resource = usize::try_from(*n).ok().and_then(|n| self.resources.get(n));
            resource == Some(&Resource::Guest { by: self.guest, destructor: true })
        };
        let numbers: Vec<types::Resource> = self.known().into_iter().filter(destroyed).collect();
        if numbers.is_empty() {
            return Ok(Vec::new());
        }
        let resource = pick(u, &numbers)?;
        let new = new(u, resource)?;
        let operand = self.add(resource, true);
        let drop = BuiltInCall { which: BuiltIn::ResourceDrop, of: resource, operand };
        self.apply(drop);
        Ok(vec![new, drop])
    }

    /// Whether a guest to which the party lends this gets a handle.
    fn has_to_be_dropped(&self, resource: types::Resource, party: Party) -> bool {
        match party {
            Party::Host => !self.mine(resource),
            Party::Guest => {
                let callee = self.guest + 1;
                callee < self.guests && self.by(resource) != Some(callee)
            }
        }
    }

    /// A built-in that the guest may call now, if there is one.
    pub fn built_in(&self, u: &mut Unstructured) -> Result<Option<BuiltInCall>> {
        let guests: Vec<types::Resource> = self.defined();
        let owned: Vec<u32> = self.reps();
        let live: Vec<u32> = self.indices(|_| true).collect();
        let kinds: Vec<(u32, BuiltIn)> = (weights::BUILT_INS_CALLED.iter().copied())
            .filter(|(_, which)| match which.of_resource() {
                Some(OfResource::New) => !guests.is_empty(),
                Some(OfResource::Rep) => !owned.is_empty(),
                Some(OfResource::Drop) => !live.is_empty(),
                None => false,
            })
            .collect();
        if kinds.is_empty() {
            return Ok(None);
        }
        match weighted(u, &kinds)?.of_resource() {
            Some(OfResource::New) => {
                let resource = pick(u, &guests)?;
                new(u, resource).map(Some)
            }
            Some(OfResource::Rep) => self.rep_of_any(u),
            Some(OfResource::Drop) => Ok(self.drop_of(pick(u, &live)?)),
            None => Ok(None),
        }
    }

    /// The resources that the guest defines.
    fn defined(&self) -> Vec<types::Resource> {
        self.known().into_iter().filter(|resource| self.mine(*resource)).collect()
    }

    /// The handles whose representation the guest may ask for.
    fn reps(&self) -> Vec<u32> {
        self.indices(|entry| self.mine(entry.resource)).collect()
    }

    /// `resource.rep`, which may be called anywhere.
    pub fn rep_of_any(&self, u: &mut Unstructured) -> Result<Option<BuiltInCall>> {
        let handles = self.reps();
        if handles.is_empty() {
            return Ok(None);
        }
        let handle = pick(u, &handles)?;
        let rep = |entry: Entry| BuiltInCall {
            which: BuiltIn::ResourceRep,
            of: entry.resource,
            operand: handle,
        };
        Ok(self.at(handle).map(rep))
    }
}

/// `resource.new` of this resource.
fn new(u: &mut Unstructured, of: types::Resource) -> Result<BuiltInCall> {
    Ok(BuiltInCall { which: BuiltIn::ResourceNew, of, operand: rep(u)? })
}

/// What a resource is for whoever defines it: told apart easily, for the most part.
fn rep(u: &mut Unstructured) -> Result<u32> {
    if u.ratio(1, 8)? { integer(u, 32).map(wrap) } else { u.int_in_range(1..=99) }
}

/// The resource of which this act makes a handle.
fn makes(act: &Act) -> Option<types::Resource> {
    let BuiltInCall { which, of, .. } = *act.built_in()?;
    (which == BuiltIn::ResourceNew).then_some(of)
}

/// The first case without a payload.
fn empty_case(ty: &Type) -> Option<u32> {
    (0..)
        .map_while(|index| ty.payload(index))
        .zip(0..)
        .find_map(|(payload, index)| payload.is_none().then_some(index))
}

/// An element with its type; of a map's entry both parts.
fn parts_of_elem<'a>(elem: &'a mut Value, ty: &'a Type) -> Vec<(&'a mut Value, &'a Type)> {
    match (elem, ty) {
        (elem, Type::List(ty)) => vec![(elem, &**ty)],
        (Value::Record(parts), Type::Map(key, value)) => {
            parts.iter_mut().zip([&**key, &**value]).collect()
        }
        _ => Vec::new(),
    }
}
