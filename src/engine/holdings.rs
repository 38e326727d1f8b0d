//! The guests' resources that a host holds, by the order in which it received them.
//! Knows nothing of what an engine has for a handle, nor of why it is passed.

use crate::types::Resource;

/// What the host received; what it gave away or dropped leaves a hole. `H` is an engine's own handle.
#[derive(Default)]
pub struct Holdings<H> {
    held: Vec<Option<Held<H>>>,
}

/// A handle of a guest's resource, which the host owns.
#[derive(Clone, Copy)]
pub struct Held<H> {
    pub resource: Resource,
    pub handle: H,
}

impl<H: Copy> Holdings<H> {
    pub fn none() -> Holdings<H> {
        Holdings { held: Vec::new() }
    }

    /// Adds a handle that was received, and answers with its number.
    pub fn receive(&mut self, resource: Resource, handle: H) -> u32 {
        let number = u32::try_from(self.held.len()).expect("a run is short");
        self.held.push(Some(Held { resource, handle }));
        number
    }

    /// The handle of this number, if the host holds it.
    pub fn held(&self, number: u32) -> Option<Held<H>> {
        let position = usize::try_from(number).ok()?;
        self.held.get(position).copied().flatten()
    }

    /// The handle of this number, which the host gives away or drops now.
    pub fn take(&mut self, number: u32) -> Option<Held<H>> {
        let position = usize::try_from(number).ok()?;
        self.held.get_mut(position)?.take()
    }

    /// The numbers of what the host holds, each with its resource.
    pub fn numbers(&self) -> impl Iterator<Item = (u32, Resource)> {
        let held = (0..).zip(&self.held);
        held.filter_map(|(number, held)| Some((number, held.as_ref()?.resource)))
    }
}
