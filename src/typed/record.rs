//! Signatures of records.
//! Knows the forms, and no function's paths.

use super::form::{Cx, Form, whole};
use super::{CALL, Family, SYNC, Signature, WRAP, derive, form};
use crate::types::Type;
use crate::value::Value;

record! {
    One { f0: u8 }
    Two { f0: u8, f1: u64 }
    Renamed { x: u8 = "the-x", y: f64 = "Y", zulu: u16, last: bool = "list" }
    Padded { f0: u8, f1: u16, f2: u8, f3: u32, f4: u8, f5: u64, f6: u8 }
    Floats { f0: f32, f1: f64, f2: f32 }
    Texts { name: String, f1: char, bytes: Vec<u8> }
    Nested { f0: Padded, f1: Option<Two>, f2: Result<Texts, One> = "res" }
    Sixteen {
        f0: u8, f1: u16, f2: u32, f3: u64, f4: i8, f5: i16, f6: i32, f7: i64, f8: f32, f9: f64,
        f10: char, f11: bool, f12: u8, f13: u16, f14: u32, f15: u64,
    }
    Seventeen { f0: Sixteen, f1: bool }
}

pub(super) const RECORDS: &[Signature] = &{
    use Family::Record as Is;
    [
        Signature::by::<(One,), (One,)>(Is, SYNC),
        Signature::by::<(Two,), (Two,)>(Is, SYNC),
        Signature::by::<(Renamed,), (Renamed,)>(Is, SYNC),
        Signature::of::<(Padded,), (Padded,)>(Is),
        Signature::by::<(Floats,), (Floats,)>(Is, WRAP),
        Signature::by::<(Texts,), (Texts,)>(Is, SYNC),
        Signature::by::<(Nested,), (Nested,)>(Is, SYNC),
        Signature::by::<(Sixteen,), (Sixteen,)>(Is, CALL),
        Signature::by::<(Seventeen,), (Seventeen,)>(Is, SYNC),
        Signature::by::<(Vec<Padded>,), (Vec<Padded>,)>(Is, WRAP),
        Signature::by::<(Vec<Texts>, Two), (Vec<Renamed>,)>(Is, CALL),
    ]
};
