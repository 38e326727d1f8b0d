//! Signatures of flags, on both sides of the limits of one and two bytes.
//! Knows the forms, and no function's paths.
#![allow(non_upper_case_globals, reason = "flags are named as the component has them")]

use super::form::{Cx, Form, whole};
use super::{CALL, Family, SYNC, Signature, WRAP, derive};
use crate::types::Type;
use crate::value::Value;

flag_set! {
    Flags1 { b0 }
    Flags7 { b0, b1, b2, b3, b4, b5, b6 }
    Flags8 { b0, b1, b2, b3, b4, b5, b6, b7 }
    Flags9 { b0, b1, b2, b3, b4, b5, b6, b7, b8 }
    Flags16 { b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11, b12, b13, b14, b15 }
    Flags17 { b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11, b12, b13, b14, b15, b16 }
    Flags31 {
        b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11, b12, b13, b14, b15,
        b16, b17, b18, b19, b20, b21, b22, b23, b24, b25, b26, b27, b28, b29, b30,
    }
    Flags32 {
        b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11, b12, b13, b14, b15,
        b16, b17, b18, b19, b20, b21, b22, b23, b24, b25, b26, b27, b28, b29, b30, b31,
    }
    Renamed { READ = "read", WRITE = "WRITE-it", EXECUTE = "x-Y", last }
}

pub(super) const FLAGS: &[Signature] = &{
    use Family::Flags as Is;
    [
        Signature::by::<(Flags1,), (Flags1,)>(Is, WRAP),
        Signature::by::<(Flags7,), (Flags7,)>(Is, SYNC),
        Signature::by::<(Flags8,), (Flags8,)>(Is, SYNC),
        Signature::by::<(Flags9,), (Flags9,)>(Is, SYNC),
        Signature::by::<(Flags16,), (Flags16,)>(Is, SYNC),
        Signature::by::<(Flags17,), (Flags17,)>(Is, SYNC),
        Signature::by::<(Flags31,), (Flags31,)>(Is, CALL),
        Signature::by::<(Flags32,), (Flags32,)>(Is, SYNC),
        Signature::by::<(Renamed,), (Renamed,)>(Is, SYNC),
        Signature::by::<(Vec<Flags9>, Option<Flags32>), (Vec<Flags17>,)>(Is, WRAP),
    ]
};
