//! Puppets that are compiled once for many components.
//! Knows no engine, and of shapes only their puppets.

use std::num::NonZeroUsize;

use lru::LruCache;

use crate::case::Shape;
use crate::encode::{Puppet, puppet_name};

/// Puppets that are kept for one configuration of an engine: all that generated cases need.
const PUPPETS: NonZeroUsize = NonZeroUsize::new(8).expect("not zero");

/// Compiled puppets.
pub struct PuppetCache<M>(LruCache<Puppet, M>);

impl<M> Default for PuppetCache<M> {
    fn default() -> PuppetCache<M> {
        PuppetCache(LruCache::new(PUPPETS))
    }
}

impl<M: Clone> PuppetCache<M> {
    /// The puppets of all guests of a shape, by the names under which its component imports them.
    pub fn of<E>(
        &mut self,
        shape: &Shape,
        mut compile: impl FnMut(&[u8]) -> Result<M, E>,
    ) -> Result<Vec<(String, M)>, E> {
        let mut puppets = Vec::new();
        for guest in 0..shape.guests.len() {
            let puppet = Puppet::shared(shape, guest);
            let compiled = || compile(&puppet.module().finish());
            let module = self.0.try_get_or_insert_ref(&puppet, compiled)?;
            puppets.push((puppet_name(guest), module.clone()));
        }
        Ok(puppets)
    }
}
