//! From a case to a component and the scripts that its guests follow.
//! Knows no engine; how guests behave is data, so one component serves every case of its shape.

pub mod core;
mod core_names;
mod face;
pub mod guest;
mod looping;
mod names;
mod prepared;
mod puppet;
mod root;
pub mod script;
mod single;
mod standing;
mod types;
mod wire;

pub use looping::looping;
pub use names::{EXPORT, load_script, observe, puppet_name};
pub use prepared::{Prepared, PreparedScript};
pub use puppet::emit::function_type;
pub use puppet::{Puppet, Puppets};
pub use root::component;
pub use standing::{Standing, standing};
