//! The names of what guests and whole components export and import.
//! Knows no core module.

/// The function that a guest exports, and the one that it imports.
pub const EXPORT: &str = "f";
pub const IMPORT: &str = "g";
/// `func(script: list<u8>)`: what to do in the next call.
pub const LOAD_SCRIPT: &str = "load-script";
/// `func() -> list<u8>`: what happened, and the guest's memory.
pub const OBSERVE: &str = "observe";

/// What a guest's component imports its puppet as.
pub const PUPPET: &str = "puppet";

/// The name under which the whole component imports this guest's puppet, if it does.
pub fn puppet_name(guest: usize) -> String {
    of_guest(PUPPET, guest)
}

/// The name under which the whole component exports this guest's `LOAD_SCRIPT`.
pub fn load_script(guest: usize) -> String {
    of_guest(LOAD_SCRIPT, guest)
}

/// The name under which the whole component exports this guest's `OBSERVE`.
pub fn observe(guest: usize) -> String {
    of_guest(OBSERVE, guest)
}

/// Old validators want a letter after each hyphen.
fn of_guest(name: &str, guest: usize) -> String {
    if guest == 0 { name.to_string() } else { format!("{name}{guest}") }
}
