//! From a case to a component and the scripts that its guest follows.
//! Knows no engine; the guest's behaviour is data, so one component serves every case of its shape.

pub mod guest;
mod looping;
mod puppet;
mod root;
pub mod script;
mod types;
mod wire;

pub use looping::looping;
pub use root::component;

/// The names under which the component exports its functions.
pub const EXPORT: &str = "f";
pub const IMPORT: &str = "g";
/// `func(script: list<u8>)`: what to do in the next call.
pub const LOAD_SCRIPT: &str = "load-script";
/// `func() -> list<u8>`: what happened, and the guest's memory.
pub const OBSERVE: &str = "observe";

/// The names of the puppet's core exports.
mod core_names {
    pub const MEMORY: &str = "memory";
    pub const REALLOC: &str = "realloc";
    pub const FUNCTION: &str = "f";
    pub const POST_RETURN: &str = "post-return";
    pub const TABLE: &str = "imports";
    pub const SCRIPT_MEMORY: &str = "script-memory";
    pub const SCRIPT_REALLOC: &str = "script-realloc";
    pub const LOAD_SCRIPT: &str = "load-script";
    pub const OBSERVE: &str = "observe";

    /// The destructor of the resource of this number.
    pub fn destructor(resource: u32) -> String {
        format!("destructor-{resource}")
    }
}

/// The name of the `LOAD_SCRIPT` of the guest of this number.
pub fn load_script(guest: usize) -> String {
    numbered(LOAD_SCRIPT, guest)
}

/// The name of the `OBSERVE` of the guest of this number.
pub fn observe(guest: usize) -> String {
    numbered(OBSERVE, guest)
}

fn numbered(name: &str, guest: usize) -> String {
    if guest == 0 { name.to_string() } else { format!("{name}-{guest}") }
}
