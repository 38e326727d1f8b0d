//! Things with numbers, of which one is used again when its thing is gone.
//! Knows nothing of what they are.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;

/// The number of a thing in an [`Arena`].
pub struct Id<T> {
    position: usize,
    of: PhantomData<fn() -> T>,
}

/// Things with numbers. What was removed last is replaced first.
#[derive(Clone, Debug)]
pub struct Arena<T> {
    entries: Vec<Option<T>>,
    free: Vec<Id<T>>,
}

impl<T> Default for Arena<T> {
    fn default() -> Arena<T> {
        Arena { entries: Vec::new(), free: Vec::new() }
    }
}

impl<T> Arena<T> {
    pub fn add(&mut self, thing: T) -> Id<T> {
        if let Some(id) = self.free.pop() {
            self.entries[id.position] = Some(thing);
            return id;
        }
        self.entries.push(Some(thing));
        Id { position: self.entries.len() - 1, of: PhantomData }
    }

    /// The one at a position, if it is there.
    pub fn at(&self, position: usize) -> Option<Id<T>> {
        let id = Id { position, of: PhantomData };
        self.get(id).map(|_| id)
    }

    pub fn get(&self, id: Id<T>) -> Option<&T> {
        self.entries.get(id.position)?.as_ref()
    }

    pub fn get_mut(&mut self, id: Id<T>) -> Option<&mut T> {
        self.entries.get_mut(id.position)?.as_mut()
    }

    pub fn remove(&mut self, id: Id<T>) -> Option<T> {
        let removed = self.entries.get_mut(id.position)?.take()?;
        self.free.push(id);
        Some(removed)
    }

    /// All that are there, by their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (Id<T>, &T)> {
        let entries = self.entries.iter().enumerate();
        entries.filter_map(|(position, thing)| {
            Some((Id { position, of: PhantomData }, thing.as_ref()?))
        })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len() - self.free.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T> std::ops::Index<Id<T>> for Arena<T> {
    type Output = T;

    fn index(&self, id: Id<T>) -> &T {
        self.get(id).expect("it is not gone")
    }
}

impl<T> std::ops::IndexMut<Id<T>> for Arena<T> {
    fn index_mut(&mut self, id: Id<T>) -> &mut T {
        self.get_mut(id).expect("it is not gone")
    }
}

impl<T> Id<T> {
    /// What was removed may have had the same.
    pub fn position(self) -> usize {
        self.position
    }
}

// Derived, these would ask the same of the things.
impl<T> Clone for Id<T> {
    fn clone(&self) -> Id<T> {
        *self
    }
}

impl<T> Copy for Id<T> {}

impl<T> PartialEq for Id<T> {
    fn eq(&self, other: &Id<T>) -> bool {
        self.position == other.position
    }
}

impl<T> Eq for Id<T> {}

impl<T> PartialOrd for Id<T> {
    fn partial_cmp(&self, other: &Id<T>) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Id<T> {
    fn cmp(&self, other: &Id<T>) -> std::cmp::Ordering {
        self.position.cmp(&other.position)
    }
}

impl<T> Hash for Id<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.position.hash(state);
    }
}

impl<T> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.position)
    }
}
