//! What people read: observations, differences and cases, in words.
//! Knows how things look; decides nothing about them.

mod disagreement;
mod layout;
mod timeline;

pub use disagreement::{class, disagreement, ended, replay_command, trap_rule, verdict};
pub use layout::show;
pub use timeline::{host_event, outcome, timeline};
