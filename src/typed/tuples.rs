//! Signatures of many params and of tuples, on both sides of the limits on flat values.
//! Knows the forms, and no function's paths.

use super::{CALL, Family, SYNC, Signature, WRAP};

/// Types of 15, 16 and 17 flat values.
type U15 = (u32, u32, u32, u32, u32, u32, u32, u32, u32, u32, u32, u32, u32, u32, u32);
type U16 = (u32, u32, u32, u32, u32, u32, u32, u32, u32, u32, u32, u32, u32, u32, u32, u32);
type U17 = (u32, u32, u32, u32, u32, u32, u32, u32, u32, u32, u32, u32, u32, u32, u32, u32, u32);

/// The same of one type after the other.
type Mixed15 = (bool, i8, u8, i16, u16, i32, u32, i64, u64, f32, f64, char, bool, Option<u8>);
type Mixed16 = (bool, i8, u8, i16, u16, i32, u32, i64, u64, f32, f64, char, String, Option<i64>);
type Mixed17 =
    (bool, i8, u8, i16, u16, i32, u32, i64, u64, f32, f64, char, String, Option<f32>, u8);

pub(super) const TUPLES: &[Signature] = &{
    use Family::Tuple as Is;
    [
        Signature::by::<((u8,),), ((u8,),)>(Is, CALL),
        Signature::by::<((u8, u64),), ((u64, u8),)>(Is, WRAP),
        Signature::by::<((u8, (u16, (u32, (u64, f32)))),), ((u8, (u16, (u32, (u64, f32)))),)>(
            Is, CALL,
        ),
        Signature::by::<U15, (u32,)>(Is, SYNC),
        Signature::of::<U16, (u32,)>(Is),
        Signature::of::<U17, (u32,)>(Is),
        Signature::by::<(U15,), (U15,)>(Is, WRAP),
        Signature::by::<(U16,), (U16,)>(Is, SYNC),
        Signature::of::<(U17,), (U17,)>(Is),
        Signature::by::<Mixed15, (Mixed17,)>(Is, SYNC),
        Signature::by::<Mixed16, (Mixed16,)>(Is, SYNC),
        Signature::by::<Mixed17, (Mixed15,)>(Is, CALL),
        Signature::by::<(U15, u8), ((u8,),)>(Is, WRAP),
        Signature::by::<(U15, u8, i64), ((f32,),)>(Is, CALL),
        Signature::by::<(f64, (String, u8), Vec<u8>), ((String, u8),)>(Is, WRAP),
    ]
};
