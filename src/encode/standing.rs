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
}

/// Nothing: a guest does not know what one before it defines.
pub fn standing(resource: Resource, guest: usize) -> Option<Standing> {
    match resource {
        Resource::Host => Some(Standing::Imported),
        Resource::Guest { by, destructor } => {
            match usize::try_from(by).expect("guests are few").cmp(&guest) {
                Ordering::Less => None,
                Ordering::Equal => Some(Standing::Defined { destructor }),
                Ordering::Greater => Some(Standing::Imported),
            }
        }
    }
}
