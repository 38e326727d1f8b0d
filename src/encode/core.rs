//! The core modules of a guest, for who runs them without a component around them.
//! Knows how they are put together, and nothing of what they do.

use super::core_names;
use super::face::face;
use super::puppet::{Puppet, Puppets};
use super::single::single;
use super::wire::wire;
use crate::abi::CoreFuncType;
use crate::case::Shape;
use crate::case::noise::{self, offers};

pub use super::core_names::TABLE;
pub use super::face::PUPPET;

/// What one guest with core code of its own consists of.
pub struct Parts {
    /// Imports nothing.
    pub puppet: Vec<u8>,
    /// Imports what the puppet exports, from `PUPPET`, and `outs`.
    pub face: Vec<u8>,
    /// Imports the puppet's memory by its own name, and what the face exports by these: its own, and
    /// the face's.
    pub noise: Vec<u8>,
    pub offers: Vec<(String, String)>,
    /// Imports `acts` by these names, and the puppet's table.
    pub wire: Vec<u8>,
    /// What the component would define, in the order in which it does.
    pub outs: Vec<(String, CoreFuncType)>,
    /// What the noise exports.
    pub acts: Vec<(String, String)>,
}

/// The parts of the guest of this number, if it has core code of its own.
pub fn parts(shape: &Shape, number: usize) -> Option<Parts> {
    let code = shape.guests[number].noise.as_ref()?;
    let (about, single) = (Puppet::of(shape, number), single(shape, number, Puppets::Contained));
    let offers = offers(shape, number).into_iter();
    let exported = noise::exported(code, shape, number);
    Some(Parts {
        puppet: about.module().finish(),
        face: face(shape, number, &about, &single.wired).finish(),
        noise: code.clone(),
        offers: offers.map(|one| (one.of.name(), core_names::offer(one.of))).collect(),
        wire: wire(&single.left, &about).finish(),
        outs: single.wired.iter().map(|one| (one.name(), one.ty.clone())).collect(),
        acts: single
            .left
            .iter()
            .zip(exported)
            .map(|(one, act)| (one.name(), act.of.name()))
            .collect(),
    })
}
