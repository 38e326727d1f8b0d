//! Signatures of what Rust has built in: primitives, strings and lists.
//! Knows the forms, and no function's paths.

use std::sync::Arc;

use super::list::{Get, Iter, LeSlice, View};
use super::text::Text;
use super::{CALL, Family, SYNC, Signature, WRAP};

pub(super) const PRIMITIVES: &[Signature] = &{
    use Family::Primitive as Is;
    [
        Signature::of::<(), ()>(Is),
        Signature::by::<(bool,), (bool,)>(Is, SYNC),
        Signature::by::<(i8,), (i8,)>(Is, CALL),
        Signature::by::<(u8,), (u8,)>(Is, WRAP),
        Signature::by::<(i16,), (i16,)>(Is, CALL),
        Signature::by::<(u16,), (u16,)>(Is, WRAP),
        Signature::by::<(i32,), (i32,)>(Is, CALL),
        Signature::of::<(u32,), (u32,)>(Is),
        Signature::by::<(i64,), (i64,)>(Is, WRAP),
        Signature::by::<(u64,), (u64,)>(Is, CALL),
        Signature::by::<(f32,), (f32,)>(Is, WRAP),
        Signature::by::<(f64,), (f64,)>(Is, SYNC),
        Signature::by::<(char,), (char,)>(Is, SYNC),
        Signature::by::<(u8, i64, f32, bool), ()>(Is, SYNC),
        Signature::by::<(char, i16, f64), (u32,)>(Is, CALL),
    ]
};

pub(super) const STRINGS: &[Signature] = &{
    use Family::String as Is;
    [
        Signature::of::<(String,), (String,)>(Is),
        Signature::by::<(Box<str>,), (Box<str>,)>(Is, WRAP),
        Signature::by::<(Arc<str>,), (Arc<str>,)>(Is, CALL),
        Signature::of::<(Text,), (Text,)>(Is),
        Signature::by::<(String, String), ()>(Is, WRAP),
        Signature::by::<(Text, Text), ()>(Is, CALL),
        Signature::by::<(), (String,)>(Is, WRAP),
        Signature::by::<(), (Text,)>(Is, CALL),
        Signature::by::<(u8, Text, u64, Text), (Option<Text>,)>(Is, SYNC),
        Signature::by::<(u8, String, u64, String), (Option<String>,)>(Is, WRAP),
        Signature::by::<(Vec<String>,), (Vec<String>,)>(Is, SYNC),
        Signature::by::<(Vec<Text>,), (Vec<Text>,)>(Is, CALL),
        Signature::by::<(View<Text, Get>,), (View<Text, Get>,)>(Is, SYNC),
        Signature::by::<(View<String, Iter>,), (View<String, Iter>,)>(Is, WRAP),
    ]
};

pub(super) const LISTS: &[Signature] = &{
    use Family::List as Is;
    [
        Signature::by::<(Vec<bool>,), (Vec<bool>,)>(Is, CALL),
        Signature::by::<(Vec<i8>,), (Vec<i8>,)>(Is, WRAP),
        Signature::of::<(Vec<u8>,), (Vec<u8>,)>(Is),
        Signature::by::<(Vec<i16>,), (Vec<i16>,)>(Is, CALL),
        Signature::by::<(Vec<u16>,), (Vec<u16>,)>(Is, SYNC),
        Signature::by::<(Vec<i32>,), (Vec<i32>,)>(Is, WRAP),
        Signature::by::<(Vec<u32>,), (Vec<u32>,)>(Is, SYNC),
        Signature::by::<(Vec<i64>,), (Vec<i64>,)>(Is, CALL),
        Signature::by::<(Vec<u64>,), (Vec<u64>,)>(Is, SYNC),
        Signature::by::<(Vec<f32>,), (Vec<f32>,)>(Is, SYNC),
        Signature::by::<(Vec<f64>,), (Vec<f64>,)>(Is, SYNC),
        Signature::by::<(Vec<char>,), (Vec<char>,)>(Is, WRAP),
        Signature::by::<(View<u8, Iter>,), (View<u8, Iter>,)>(Is, CALL),
        Signature::by::<(View<u16, Iter>,), (View<u16, Iter>,)>(Is, WRAP),
        Signature::by::<(View<u32, Iter>,), (View<u32, Iter>,)>(Is, SYNC),
        Signature::by::<(View<u64, Iter>,), (View<u64, Iter>,)>(Is, CALL),
        Signature::by::<(View<f32, Iter>,), (View<f32, Iter>,)>(Is, WRAP),
        Signature::by::<(View<f64, Iter>,), (View<f64, Iter>,)>(Is, CALL),
        Signature::by::<(View<f32, Get>,), (View<f32, Get>,)>(Is, SYNC),
        Signature::by::<(View<f64, Get>,), (View<f64, Get>,)>(Is, SYNC),
        Signature::by::<(View<char, Get>,), (View<char, Get>,)>(Is, WRAP),
        Signature::by::<(View<bool, Iter>,), (View<bool, Iter>,)>(Is, CALL),
        Signature::by::<(View<i8, LeSlice>,), (View<i8, LeSlice>,)>(Is, WRAP),
        Signature::of::<(View<u8, LeSlice>,), (View<u8, LeSlice>,)>(Is),
        Signature::by::<(View<i16, LeSlice>,), (View<i16, LeSlice>,)>(Is, CALL),
        Signature::by::<(View<u16, LeSlice>,), (View<u16, LeSlice>,)>(Is, SYNC),
        Signature::by::<(View<i32, LeSlice>,), (View<i32, LeSlice>,)>(Is, WRAP),
        Signature::by::<(View<u32, LeSlice>,), (View<u32, LeSlice>,)>(Is, SYNC),
        Signature::by::<(View<i64, LeSlice>,), (View<i64, LeSlice>,)>(Is, CALL),
        Signature::by::<(View<u64, LeSlice>,), (View<u64, LeSlice>,)>(Is, SYNC),
        Signature::by::<(Box<[u8]>,), (Box<[u8]>,)>(Is, WRAP),
        Signature::by::<(Box<[f64]>,), (Box<[f64]>,)>(Is, CALL),
        Signature::by::<(Vec<u8>, Vec<u64>, Vec<f32>), (Vec<u16>,)>(Is, WRAP),
        Signature::by::<(View<u8, LeSlice>, View<u64, Get>, View<f32, Iter>), (View<u16, LeSlice>,)>(
            Is, CALL,
        ),
        Signature::by::<(Vec<Vec<u16>>,), (Vec<Vec<u16>>,)>(Is, WRAP),
        Signature::by::<(View<View<u16, LeSlice>, Iter>,), (View<View<u16, LeSlice>, Iter>,)>(
            Is, CALL,
        ),
        Signature::by::<(Vec<(u8, u64)>,), (Vec<(u8, u64)>,)>(Is, WRAP),
        Signature::by::<(View<(u8, u64), Get>,), (View<(u8, u64), Get>,)>(Is, CALL),
        Signature::by::<(Vec<Option<i16>>,), (Vec<Option<i16>>,)>(Is, WRAP),
        Signature::by::<(Vec<(char, String)>,), (Vec<(char, String)>,)>(Is, SYNC),
        #[cfg(wasmtime_48)]
        Signature::by::<([u8; 4],), ([u8; 4],)>(Is, SYNC),
        #[cfg(wasmtime_48)]
        Signature::by::<([u16; 17],), ([u16; 17],)>(Is, SYNC),
        #[cfg(wasmtime_48)]
        Signature::by::<([(u8, String); 2],), ([(u8, String); 2],)>(Is, CALL),
    ]
};
