//! Signatures of variants and enums, on both sides of the limit of a discriminant of one byte.
//! Knows the forms, and no function's paths.
#![allow(non_camel_case_types, reason = "cases are named as the component has them")]

use super::form::{Cx, Form, whole};
use super::{CALL, Family, SYNC, Signature, WRAP, derive, form};
use crate::types::Type;
use crate::value::Value;

// Variants and enums of 255, 256 and 257 cases, by the build script.
include!(concat!(env!("OUT_DIR"), "/wide.rs"));

variant! {
    One { 0 C0(a: u32) = "c0" }
    Bare { 0 C0 = "c0" }
    Two { 0 First(a: u8) = "first", 1 Second = "second" }
    Joined { 0 A(a: u32) = "a", 1 B(a: f32) = "b", 2 C(a: u64) = "c", 3 D(a: f64) = "d", 4 E = "e" }
    Floats { 0 A(a: f32) = "a", 1 B(a: f64) = "b" }
    Wider { 0 A(a: f32) = "a", 1 B(a: u32) = "b", 2 C = "c" }
    Mixed {
        0 A(a: (u8, f64)) = "a",
        1 B(a: String) = "b",
        2 C(a: Vec<u16>) = "c",
        3 D(a: Option<char>) = "d",
        4 E(a: Joined) = "e",
        5 F = "F-last",
    }
}

enumeration! {
    u8 Single { C0 = "c0" }
    u8 Three { A = "a", B = "B-b", C = "c2" }
}

pub(super) const VARIANTS: &[Signature] = &{
    use Family::Variant as Is;
    [
        Signature::by::<(One,), (One,)>(Is, SYNC),
        Signature::by::<(Bare,), (Bare,)>(Is, WRAP),
        Signature::by::<(Two,), (Two,)>(Is, SYNC),
        Signature::of::<(Joined,), (Joined,)>(Is),
        Signature::by::<(Floats,), (Floats,)>(Is, CALL),
        Signature::by::<(Wider,), (Wider,)>(Is, WRAP),
        Signature::by::<(Mixed,), (Mixed,)>(Is, SYNC),
        Signature::by::<(Variant255,), (Variant255,)>(Is, SYNC),
        Signature::by::<(Variant256,), (Variant256,)>(Is, SYNC),
        Signature::by::<(Variant257,), (Variant257,)>(Is, SYNC),
        Signature::by::<(Vec<Joined>, Option<Two>), (Vec<Mixed>,)>(Is, CALL),
    ]
};

pub(super) const ENUMS: &[Signature] = &{
    use Family::Enum as Is;
    [
        Signature::by::<(Single,), (Single,)>(Is, WRAP),
        Signature::by::<(Three,), (Three,)>(Is, SYNC),
        Signature::by::<(Enum255,), (Enum255,)>(Is, SYNC),
        Signature::by::<(Enum256,), (Enum256,)>(Is, SYNC),
        Signature::by::<(Enum257,), (Enum257,)>(Is, SYNC),
        Signature::by::<(Vec<Three>, Option<Enum257>), (Vec<Enum256>,)>(Is, CALL),
    ]
};
