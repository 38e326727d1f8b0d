//! What a resource is to a guest.
//! Knows only who defines it.

use std::cmp::Ordering;

use crate::case::Resource;

/// What a resource is to a guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Imported,
    /// With a destructor or without.
    Defined {
        destructor: bool,
    },
    Unknown,
}

pub fn standing(resource: Resource, guest: usize) -> Standing {
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
