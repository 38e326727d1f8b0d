//! What core code that nobody scripted is made by.
//! Knows only what there is to choose from.

use super::super::choices::Aside;
use super::super::draw::{Percent, Shares};

/// How often it is in a chain of guests.
pub const CHAIN: Percent = Percent(40);
/// How often the other guests of a chain have it as well.
pub const OTHERS: Percent = Percent(30);
/// Bytes that one module is drawn from. Most of what a case costs is to compile it.
pub const BYTES: &Shares<usize> = &[(20, 128), (40, 256), (30, 512), (10, 1024)];
/// Bytes that its steering is drawn from.
pub const STEERING: usize = 2048;
/// Functions besides those that are called from outside.
pub const FUNCTIONS: usize = 2;
/// Instructions of one function, before each is guarded.
pub const INSTRUCTIONS: usize = 60;
/// How often it avoids what would trap: code that is left alone hardly ever comes to its end.
pub const TAME: Percent = Percent(85);
/// Functions and rounds of loops within one call of the host's. Also bounds how deep calls nest, far below
/// what either core engine bears.
pub const FUEL: u32 = 400;

/// How often each of what it could leave to the puppet is its own.
pub const OWN_FUNCTION: Percent = Percent(95);
pub const OWN_REALLOC: Percent = Percent(80);
pub const OWN_POST_RETURN: Percent = Percent(85);
pub const OWN_DESTRUCTOR: Percent = Percent(80);

/// How often a constant becomes a plausible pointer, length, discriminant or handle.
pub const PLAUSIBLE: Percent = Percent(60);
/// How often what it returns is the script's, and where `realloc` allocates, after all that it did.
pub const SCRIPTED_RESULTS: Percent = Percent(88);
pub const SCRIPTED_REALLOC: Percent = Percent(90);
/// How often a call of the import is the script's next step instead: random params lift nowhere.
pub const SCRIPTED_CALL: Percent = Percent(70);
/// How often a call that must not be there is left out: it ends everything.
pub const FORBIDDEN_LEFT_OUT: Percent = Percent(90);
/// How often a built-in is called with a handle that may be one.
pub const PLAUSIBLE_HANDLE: Percent = Percent(60);
/// How often the script's first step comes first.
pub const STEP_FIRST: Percent = Percent(35);
/// How often a destructor calls the import before all else: by the time that it is called, there are seldom
/// steps left.
pub const IMPORT_FIRST: Percent = Percent(30);
/// How often something is done between two instructions.
pub const ASIDE: Percent = Percent(4);
/// How often something is done before the end.
pub const LAST_ASIDE: Percent = Percent(50);
pub const ASIDES: &Shares<Aside> = &[
    (30, Aside::Write),
    (24, Aside::Step),
    (16, Aside::WriteToParam),
    (8, Aside::Grow),
    (10, Aside::Return),
    (4, Aside::ReturnGrown),
];
