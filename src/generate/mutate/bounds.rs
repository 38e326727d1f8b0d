//! What every change may look at, and what has to hold after it.
//! Knows no change.

use crate::case::allowed::Allowed;
use crate::case::check::check;
use crate::case::{Case, Limits};
use crate::generate::guest;
use crate::types::Type;

/// What every change may look at.
#[derive(Clone, Copy)]
pub struct Bounds<'a> {
    pub allowed: &'a Allowed,
    pub limits: &'a Limits,
    /// The handle types that there are.
    pub handles: &'a [Type],
}

/// Whether it is a case within the limits whose guest data can be lowered.
pub fn valid(case: &Case, limits: &Limits) -> bool {
    check(case, limits).is_ok() && case.calls.iter().all(|call| guest::fits(&case.shape, call))
}
