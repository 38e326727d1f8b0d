//! Signatures of handles.
//! Knows the forms, and no function's paths.

use super::handle::{AnyBorrow, AnyOwn, Borrow, Lent, Own};
use super::{CALL, Family, SYNC, Signature, WRAP};

pub(super) const RESOURCES: &[Signature] = &{
    use Family::Resource as Is;
    [
        Signature::of::<(Own<0>,), (Own<0>,)>(Is),
        Signature::by::<(Borrow<0>,), ()>(Is, SYNC),
        Signature::by::<(Lent<0>,), ()>(Is, SYNC),
        Signature::by::<(Own<0>, Borrow<0>), (Own<0>,)>(Is, CALL),
        Signature::by::<(Own<0>, Lent<0>), (Own<0>,)>(Is, WRAP),
        Signature::by::<(Own<0>, Borrow<1>), (Own<1>,)>(Is, SYNC),
        Signature::by::<(Vec<Own<0>>,), (Vec<Own<0>>,)>(Is, CALL),
        Signature::by::<(Vec<Borrow<0>>,), ()>(Is, WRAP),
        Signature::by::<(Vec<Lent<0>>,), ()>(Is, CALL),
        Signature::by::<(Option<Own<0>>, (u8, Borrow<0>)), (Result<Own<0>, ()>,)>(Is, WRAP),
    ]
};

pub(super) const RESOURCES_ANY: &[Signature] = &{
    use Family::ResourceAny as Is;
    [
        Signature::of::<(AnyOwn<0>,), (AnyOwn<0>,)>(Is),
        Signature::by::<(AnyBorrow<0>,), ()>(Is, SYNC),
        Signature::by::<(), (AnyOwn<0>,)>(Is, CALL),
        Signature::by::<(AnyOwn<0>, AnyBorrow<0>), (AnyOwn<0>,)>(Is, WRAP),
        Signature::by::<(AnyOwn<0>, AnyBorrow<1>), (AnyOwn<1>,)>(Is, SYNC),
        Signature::by::<(Vec<AnyOwn<0>>,), (Vec<AnyOwn<0>>,)>(Is, CALL),
        Signature::by::<(Vec<AnyBorrow<0>>,), ()>(Is, WRAP),
        Signature::by::<(Option<AnyOwn<0>>, (u8, AnyBorrow<0>)), (Result<AnyOwn<0>, ()>,)>(
            Is, CALL,
        ),
    ]
};
