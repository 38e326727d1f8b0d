//! Signatures of options and results.
//! Knows the forms, and no function's paths.

use super::text::Text;
use super::{CALL, Family, SYNC, Signature, WRAP};

pub(super) const OPTIONS: &[Signature] = &{
    use Family::Option as Is;
    [
        Signature::by::<(Option<u8>,), (Option<u8>,)>(Is, CALL),
        Signature::by::<(Option<u64>,), (Option<u64>,)>(Is, SYNC),
        Signature::by::<(Option<f32>,), (Option<f32>,)>(Is, WRAP),
        Signature::by::<(Option<char>,), (Option<char>,)>(Is, CALL),
        Signature::by::<(Option<String>,), (Option<String>,)>(Is, WRAP),
        Signature::by::<(Option<Text>,), (Option<Text>,)>(Is, SYNC),
        Signature::by::<(Option<Option<u8>>,), (Option<Option<u8>>,)>(Is, SYNC),
        Signature::by::<(Option<Option<Option<bool>>>,), (Option<Option<Option<bool>>>,)>(Is, CALL),
        Signature::by::<(Option<(u8, f64)>, Option<Vec<u16>>), (Option<(u8, f64)>,)>(Is, WRAP),
        Signature::by::<(Vec<Option<Option<u32>>>,), (Vec<Option<Option<u32>>>,)>(Is, CALL),
    ]
};

pub(super) const RESULTS: &[Signature] = &{
    use Family::Result as Is;
    [
        Signature::of::<(Result<(), ()>,), (Result<(), ()>,)>(Is),
        Signature::by::<(Result<u8, ()>,), (Result<u8, ()>,)>(Is, WRAP),
        Signature::by::<(Result<(), u64>,), (Result<(), u64>,)>(Is, CALL),
        Signature::by::<(Result<f32, u32>,), (Result<f32, u32>,)>(Is, WRAP),
        Signature::by::<(Result<f64, u32>,), (Result<f64, u32>,)>(Is, CALL),
        Signature::by::<(Result<f32, i64>,), (Result<f32, i64>,)>(Is, SYNC),
        Signature::by::<(Result<String, char>,), (Result<String, char>,)>(Is, SYNC),
        Signature::by::<(Result<Text, Text>,), (Result<Text, Text>,)>(Is, WRAP),
        Signature::by::<(Result<Result<u8, ()>, Option<u16>>,), (Result<(), Result<(), f64>>,)>(
            Is, CALL,
        ),
        Signature::by::<
            (Result<(u8, String), Vec<u8>>, Result<u64, bool>),
            (Result<(u8, String), Vec<u8>>,),
        >(Is, WRAP),
        Signature::by::<(Vec<Result<u8, f64>>,), (Vec<Result<u8, f64>>,)>(Is, CALL),
    ]
};
