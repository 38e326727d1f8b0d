//! What people read: observations, differences and cases, in words and as pages.
//! Knows how things look; decides nothing about them.

mod disagreement;
mod spec;
mod timeline;

mod layout;
mod memory;

mod align;
mod explain;

pub mod html;

pub use disagreement::{
    build, class, command, disagreement, ended, parting, replay_command, verdict,
};
pub use explain::{Explained, explain, show};
pub use spec::trap_rule;
pub use timeline::{host_event, outcome, timeline};
