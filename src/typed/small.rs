//! Small signatures that each have a sort of types alone, so that what is found by larger ones can be shown by
//! less.
//! Knows the forms, and no function's paths. They come last, for signatures are known by number.

use super::{Family, SYNC, Signature};

pub(super) const SMALL: &[Signature] = &[
    Signature::of::<(), (Vec<u8>,)>(Family::List),
    Signature::of::<(u32, u32), ()>(Family::Tuple),
    Signature::by::<(Option<Option<u8>>,), ()>(Family::Option, SYNC),
];
