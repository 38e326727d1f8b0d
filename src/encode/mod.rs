//! From a case to a component and the scripts that its guests follow.
//! Knows no engine; how guests behave is data, so one component serves every case of its shape.

pub mod core;
mod face;
pub mod guest;
mod looping;
mod puppet;
mod root;
pub mod script;
mod single;
mod types;
mod wire;

use std::cmp::Ordering;

use crate::case::{Resource, Shape};

pub use looping::looping;
pub use puppet::{Puppet, function_type};
pub use root::component;

/// The names of what a guest exports and imports.
pub const EXPORT: &str = "f";
pub const IMPORT: &str = "g";
/// `func(script: list<u8>)`: what to do in the next call.
pub const LOAD_SCRIPT: &str = "load-script";
/// `func() -> list<u8>`: what happened, and the guest's memory.
pub const OBSERVE: &str = "observe";

/// Where a component has its puppets from. It makes no difference to what a run shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Puppets {
    /// They are in it.
    #[default]
    Contained,
    /// It imports them, so that what is compiled once serves all shapes that need the same.
    Imported,
}

impl Puppets {
    /// Where the component of this shape has its puppets from, if others have them from here: around
    /// core code that nobody scripted, no puppet is like another.
    pub fn of(self, shape: &Shape) -> Puppets {
        if shape.is_noisy() { Puppets::Contained } else { self }
    }
}

/// What a guest's component imports its puppet as.
const PUPPET: &str = "puppet";

/// The name under which the whole component imports this guest's puppet, if it does.
pub fn puppet_name(guest: usize) -> String {
    of_guest(PUPPET, guest)
}

/// The name under which the whole component exports this guest's `LOAD_SCRIPT`.
pub fn load_script(guest: usize) -> String {
    of_guest(LOAD_SCRIPT, guest)
}

/// The same for `OBSERVE`.
pub fn observe(guest: usize) -> String {
    of_guest(OBSERVE, guest)
}

/// Old validators want a letter after each hyphen.
fn of_guest(name: &str, guest: usize) -> String {
    if guest == 0 { name.to_string() } else { format!("{name}{guest}") }
}

/// What a resource is to a guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Imported,
    /// With a destructor or without.
    Defined {
        destructor: bool,
    },
    Unknown,
}

fn standing(resource: Resource, guest: usize) -> Standing {
    match resource {
        Resource::Host => Standing::Imported,
        Resource::Guest { by, destructor } => {
            match usize::try_from(by).expect("guests are few").cmp(&guest) {
                Ordering::Less => Standing::Unknown,
                Ordering::Equal => Standing::Defined { destructor },
                Ordering::Greater => Standing::Imported,
            }
        }
    }
}

/// The names of the core exports of a puppet and its face.
mod core_names {
    pub const MEMORY: &str = "memory";
    pub const REALLOC: &str = "realloc";
    pub const FUNCTION: &str = "f";
    pub const POST_RETURN: &str = "post-return";
    pub const TABLE: &str = "imports";
    pub const ACT: &str = "act";
    pub const CLEAN_UP: &str = "clean-up";
    pub const LOG_ROOM: &str = "log-room";
    pub const CHARGE: &str = "charge";
    pub const NEXT_STEP: &str = "next-step";
    pub const RESULTS: &str = "results";
    pub const ALLOCATE: &str = "allocate";
    pub const SCRIPT_MEMORY: &str = "script-memory";
    pub const SCRIPT_REALLOC: &str = "script-realloc";
    pub const LOAD_SCRIPT: &str = "load-script";
    pub const OBSERVE: &str = "observe";

    /// The destructor of the resource of this number.
    pub fn destructor(resource: u32) -> String {
        format!("destructor-{resource}")
    }

    /// What core code that nobody scripted may import: some of it is called like what the puppet has
    /// for others.
    pub fn offer(offer: crate::case::noise::Offer) -> String {
        format!("offered-{}", offer.name())
    }
}
