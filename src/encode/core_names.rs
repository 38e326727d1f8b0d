//! The names of the core exports of a puppet and its face.
//! Knows nothing of what they do.

use crate::case::noise::Offer;

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
pub fn offer(offer: Offer) -> String {
    format!("offered-{}", offer.name())
}
