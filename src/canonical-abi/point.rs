//! The points of the Canonical ABI: whatever its rules tell apart, each by a name that begins with the
//! spec's function. Knows neither who reaches them nor who counts.

pub use super::async_rule::AsyncRule;
use super::despecialize::Despecialized;
use super::{LiftLowerOptions, StringEncoding, Trap};
use crate::value::StringSource;

/// Something that lifting, lowering or a built-in may come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// A value of a type made by this constructor is lifted or lowered.
    Value(Passage, Constructor),
    /// A guest's `realloc` answers, asked for a block of a string that is lowered.
    Block { source: StringSource, to: StringEncoding, change: Change, answer: Answer },
    /// Anything else that is synchronous.
    Rule(Rule),
    /// A check of the async part.
    Async(AsyncRule),
}

/// Whether a string's block is its first one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    New,
    Grown,
    Shrunk,
}

/// A set of points, each with the party for which it was reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Points([u64; WORDS]);

/// Makes an enum whose variants have names for people.
macro_rules! named {
    ($(#[$doc:meta])* $enum:ident { $($variant:ident = $name:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $enum {
            $(#[doc = $name] $variant,)*
        }

        impl $enum {
            pub const ALL: &[$enum] = &[$($enum::$variant,)*];

            pub fn name(self) -> &'static str {
                match self {
                    $($enum::$variant => $name,)*
                }
            }
        }
    };
}

pub(super) use named;

named! {
    /// Who is at the other end, where something concerns a guest.
    Party {
        Host = "the host",
        Guest = "another guest",
        Itself = "nobody, for a built-in",
    }
}

named! {
    /// Which way a value goes, and where it is on the guest's side: by the spec's function.
    Passage {
        LiftFlat = "lift_flat",
        Load = "load",
        LowerFlat = "lower_flat",
        Store = "store",
    }
}

named! {
    /// What is to be said of a pointer that `realloc` returned.
    Answer {
        Fits = "fits",
        Misaligned = "misaligned",
        OutOfBounds = "out of bounds",
    }
}

named! {
    /// The types that are left once others are despecialized.
    Constructor {
        Bool = "bool",
        S8 = "s8",
        U8 = "u8",
        S16 = "s16",
        U16 = "u16",
        S32 = "s32",
        U32 = "u32",
        S64 = "s64",
        U64 = "u64",
        F32 = "f32",
        F64 = "f64",
        Char = "char",
        String = "string",
        List = "list",
        FixedLengthList = "fixed-length list",
        Record = "record",
        Variant = "variant",
        Flags = "flags",
        Own = "own",
        Borrow = "borrow",
        Async = "error-context, stream or future",
    }
}

named! {
    /// What the spec's functions tell apart besides types and blocks of strings.
    Rule {
        LoadUtf8 = "load_string_from_range: utf8",
        LoadUtf16 = "load_string_from_range: utf16",
        LoadLatin1 = "load_string_from_range: latin1",
        LoadTaggedUtf16 = "load_string_from_range: tagged utf16",
        StringTooLong = "load_string_from_range: traps, too long",
        StringMisaligned = "load_string_from_range: traps, misaligned",
        StringOutOfBounds = "load_string_from_range: traps, out of bounds",
        InvalidUtf8 = "load_string_from_range: traps, no UTF-8",
        InvalidUtf16 = "load_string_from_range: traps, no UTF-16",
        ListTooLong = "load_list_from_range: traps, too long",
        ListMisaligned = "load_list_from_range: traps, misaligned",
        ListOutOfBounds = "load_list_from_range: traps, out of bounds",
        ListLoadedEmpty = "load_list_from_range: no elements",
        ListStoredEmpty = "store_list_into_range: no elements",
        ListBlockMisaligned = "store_list_into_range: traps, misaligned block",
        ListBlockOutOfBounds = "store_list_into_range: traps, block out of bounds",
        ListUnallocatable = "store_list_into_range: longer than a block can be",
        StringUnallocatable = "store_string_into_range: longer than a block can be",
        BoolAboveOne = "convert_int_to_bool: neither 0 nor 1",
        CodePointTooLarge = "convert_i32_to_char: traps, beyond the last code point",
        Surrogate = "convert_i32_to_char: traps, surrogate",
        CharBelowSurrogates = "convert_i32_to_char: below the surrogates",
        CharAboveSurrogates = "convert_i32_to_char: above the surrogates",
        NarrowUnsigned = "lift_flat_unsigned: upper bits ignored",
        NarrowSigned = "lift_flat_signed: upper bits ignored",
        LowerNegative = "lower_flat_signed: negative",
        FlagsBeyondLabels = "unpack_flags_from_int: bits beyond the labels ignored",
        LoadFlags1 = "load_flags: 1 byte",
        LoadFlags2 = "load_flags: 2 bytes",
        LoadFlags4 = "load_flags: 4 bytes",
        StoreFlags1 = "store_flags: 1 byte",
        StoreFlags2 = "store_flags: 2 bytes",
        StoreFlags4 = "store_flags: 4 bytes",
        LoadDiscriminant1 = "load_variant: discriminant of 1 byte",
        LoadDiscriminant2 = "load_variant: discriminant of 2 bytes",
        LoadDiscriminant4 = "load_variant: discriminant of 4 bytes",
        StoreDiscriminant1 = "store_variant: discriminant of 1 byte",
        StoreDiscriminant2 = "store_variant: discriminant of 2 bytes",
        StoreDiscriminant4 = "store_variant: discriminant of 4 bytes",
        LoadPayload = "load_variant: payload",
        LoadNoPayload = "load_variant: no payload",
        LoadNoCase = "load_variant: traps, no such case",
        StorePayload = "store_variant: payload",
        StoreNoPayload = "store_variant: no payload",
        LiftPayload = "lift_flat_variant: payload",
        LiftNoPayload = "lift_flat_variant: no payload",
        LiftNoCase = "lift_flat_variant: traps, no such case",
        LiftI32OfI64 = "lift_flat_variant: i32 joined to i64",
        LiftF32OfI32 = "lift_flat_variant: f32 joined to i32",
        LiftF32OfI64 = "lift_flat_variant: f32 joined to i64",
        LiftF64OfI64 = "lift_flat_variant: f64 joined to i64",
        LiftUnused = "lift_flat_variant: values that the case does not use",
        LowerPayload = "lower_flat_variant: payload",
        LowerNoPayload = "lower_flat_variant: no payload",
        LowerI32AsI64 = "lower_flat_variant: i32 joined to i64",
        LowerF32AsI32 = "lower_flat_variant: f32 joined to i32",
        LowerF32AsI64 = "lower_flat_variant: f32 joined to i64",
        LowerF64AsI64 = "lower_flat_variant: f64 joined to i64",
        LowerUnused = "lower_flat_variant: values that the case does not use",
        LiftNan32 = "canonicalize_nan32: NaN",
        LiftNan64 = "canonicalize_nan64: NaN",
        LowerNan32 = "maybe_scramble_nan32: NaN",
        LowerNan64 = "maybe_scramble_nan64: NaN",
        LiftFlat = "lift_flat_values: flat",
        LiftSpilled = "lift_flat_values: spilled",
        LiftSpilledMisaligned = "lift_flat_values: traps, misaligned",
        LiftSpilledOutOfBounds = "lift_flat_values: traps, out of bounds",
        LowerFlat = "lower_flat_values: flat",
        LowerSpilled = "lower_flat_values: spilled to a new block",
        LowerSpilledMisaligned = "lower_flat_values: traps, misaligned block",
        LowerSpilledOutOfBounds = "lower_flat_values: traps, block out of bounds",
        LowerOutParam = "lower_flat_values: spilled to the out-pointer",
        LowerOutParamMisaligned = "lower_flat_values: traps, misaligned out-pointer",
        LowerOutParamOutOfBounds = "lower_flat_values: traps, out-pointer out of bounds",
        LoadWidePointer = "load: pointer of 64 bits",
        StoreWidePointer = "store: pointer of 64 bits",
        ReallocTraps = "reallocate: realloc traps",
        LiftOwnUnknown = "lift_own: traps, no such handle",
        LiftOwnOtherType = "lift_own: traps, other type",
        LiftOwnLent = "lift_own: traps, lent",
        LiftOwnBorrowed = "lift_own: traps, not owned",
        LiftBorrowUnknown = "lift_borrow: traps, no such handle",
        LiftBorrowOtherType = "lift_borrow: traps, other type",
        LiftBorrowOfOwn = "lift_borrow: of an owned handle",
        LiftBorrowOfBorrow = "lift_borrow: of a borrowed handle",
        LowerBorrowRep = "lower_borrow: to the instance that defines the resource",
        LowerBorrowHandle = "lower_borrow: to another instance",
        BorrowsRemain = "Task.return_: traps, borrows remain",
        LentReturned = "Subtask.deliver_resolve: what was lent returns",
        PostReturn = "canon_lift: post-return",
        PostReturnTraps = "canon_lift: post-return traps",
        CalleeTraps = "canon_lift: callee traps",
        LowerMayNotLeave = "canon_lower: traps, may not leave",
        MayNotEnter = "Store.lift: traps, may not enter",
        MayNotBlock = "Task.may_block: traps, not async",
        NewMayNotLeave = "canon_resource_new: traps, may not leave",
        New = "canon_resource_new: new",
        RepUnknown = "canon_resource_rep: traps, no such handle",
        RepOtherType = "canon_resource_rep: traps, other type",
        Rep = "canon_resource_rep: rep",
        DropMayNotLeave = "canon_resource_drop: traps, may not leave",
        DropUnknown = "canon_resource_drop: traps, no such handle",
        DropOtherType = "canon_resource_drop: traps, other type",
        DropLent = "canon_resource_drop: traps, lent",
        DropBorrow = "canon_resource_drop: borrowed",
        DropOwn = "canon_resource_drop: owned",
        TableGrows = "Table.add: new index",
        TableReuses = "Table.add: index that was free",
        TableFull = "Table.add: traps, full",
    }
}

/// What a string may be lowered from.
pub const SOURCES: [(StringSource, &str); 4] = [
    (StringSource::Utf8, "utf8"),
    (StringSource::Utf16, "utf16"),
    (StringSource::Latin1, "latin1"),
    (StringSource::TaggedUtf16, "tagged utf16"),
];

/// What blocks are asked for.
pub const CHANGES: [(Change, &str); 3] =
    [(Change::New, "new"), (Change::Grown, "grown"), (Change::Shrunk, "shrunk")];

const VALUES: usize = Passage::ALL.len() * Constructor::ALL.len();
const BLOCKS: usize = SOURCES.len() * StringEncoding::ALL.len() * CHANGES.len() * Answer::ALL.len();
/// How many points there are that synchronous calls may come to.
const SYNC: usize = VALUES + BLOCKS + Rule::ALL.len();
const COUNT: usize = SYNC + AsyncRule::ALL.len();
/// A bit for each point and party.
const WORDS: usize = (Party::ALL.len() * COUNT).div_ceil(64);

impl Point {
    /// Each point, in the order of their indices.
    pub fn all() -> Vec<Point> {
        let mut points = Vec::with_capacity(COUNT);
        for passage in Passage::ALL {
            let value = |of: &Constructor| Point::Value(*passage, *of);
            points.extend(Constructor::ALL.iter().map(value));
        }
        for (source, _) in SOURCES {
            for to in StringEncoding::ALL {
                for (change, _) in CHANGES {
                    let block =
                        |answer: &Answer| Point::Block { source, to, change, answer: *answer };
                    points.extend(Answer::ALL.iter().map(block));
                }
            }
        }
        points.extend(Rule::ALL.iter().copied().map(Point::Rule));
        points.extend(AsyncRule::ALL.iter().copied().map(Point::Async));
        points
    }

    /// Those that synchronous calls may come to: they are the first.
    pub fn sync() -> Vec<Point> {
        let mut points = Point::all();
        points.truncate(SYNC);
        points
    }

    /// A value of this shape is lifted or lowered.
    pub fn value<T>(passage: Passage, shape: &Despecialized<T>) -> Point {
        Point::Value(passage, Constructor::of(shape))
    }

    /// Each point that is a check: whoever watches may leave it out.
    pub fn checks() -> Vec<Point> {
        Point::all().into_iter().filter(|point| point.check().is_some()).collect()
    }

    /// Those of them that synchronous calls may come to.
    pub fn sync_checks() -> Vec<Point> {
        Point::sync().into_iter().filter(|point| point.check().is_some()).collect()
    }

    /// What it traps with, if it is a check.
    pub fn check(self) -> Option<Trap> {
        match self {
            Point::Rule(rule) => rule.check(),
            Point::Async(rule) => Some(rule.trap()),
            Point::Block { answer: Answer::Misaligned, .. } => Some(Trap::UnalignedPointer),
            Point::Block { answer: Answer::OutOfBounds, .. } => Some(Trap::StringOutOfBounds),
            Point::Block { answer: Answer::Fits, .. } | Point::Value(..) => None,
        }
    }

    /// What the check traps with that has this point for its rule.
    pub fn trap(self) -> Trap {
        self.check().unwrap_or_else(|| panic!("{} is no check", self.name()))
    }

    /// The name for people.
    pub fn name(self) -> String {
        match self {
            Point::Value(passage, of) => format!("{}: {}", passage.name(), of.name()),
            Point::Block { source, to, change, answer } => format!(
                "store_string_into_range: {} to {}, {} block {}",
                name_of(&SOURCES, source),
                to.name(),
                name_of(&CHANGES, change),
                answer.name()
            ),
            Point::Rule(rule) => rule.name().to_string(),
            Point::Async(rule) => rule.name().to_string(),
        }
    }

    #[expect(clippy::as_conversions, reason = "the position of a variant")]
    fn index(self) -> usize {
        match self {
            Point::Value(passage, of) => passage as usize * Constructor::ALL.len() + of as usize,
            Point::Block { source, to, change, answer } => {
                let pair = source as usize * StringEncoding::ALL.len() + to as usize;
                let block = pair * CHANGES.len() + change as usize;
                VALUES + block * Answer::ALL.len() + answer as usize
            }
            Point::Rule(rule) => VALUES + BLOCKS + rule as usize,
            Point::Async(rule) => SYNC + rule as usize,
        }
    }
}

/// What the checks trap with that rules demand.
const TRAPS: &[(Trap, &[Rule])] = &[
    (
        Trap::UnalignedPointer,
        &[
            Rule::StringMisaligned,
            Rule::ListMisaligned,
            Rule::ListBlockMisaligned,
            Rule::LiftSpilledMisaligned,
            Rule::LowerSpilledMisaligned,
            Rule::LowerOutParamMisaligned,
        ],
    ),
    (
        Trap::MemoryOutOfBounds,
        &[
            Rule::LiftSpilledOutOfBounds,
            Rule::LowerSpilledOutOfBounds,
            Rule::LowerOutParamOutOfBounds,
        ],
    ),
    (Trap::StringTooLong, &[Rule::StringTooLong, Rule::StringUnallocatable]),
    (Trap::StringOutOfBounds, &[Rule::StringOutOfBounds]),
    (Trap::InvalidUtf8, &[Rule::InvalidUtf8]),
    (Trap::InvalidUtf16, &[Rule::InvalidUtf16]),
    (Trap::ListTooLong, &[Rule::ListTooLong, Rule::ListUnallocatable]),
    (Trap::ListOutOfBounds, &[Rule::ListOutOfBounds, Rule::ListBlockOutOfBounds]),
    (Trap::InvalidChar, &[Rule::CodePointTooLarge, Rule::Surrogate]),
    (Trap::InvalidDiscriminant, &[Rule::LoadNoCase, Rule::LiftNoCase]),
    (
        Trap::UnknownHandle,
        &[Rule::LiftOwnUnknown, Rule::LiftBorrowUnknown, Rule::RepUnknown, Rule::DropUnknown],
    ),
    (
        Trap::HandleOfOtherType,
        &[
            Rule::LiftOwnOtherType,
            Rule::LiftBorrowOtherType,
            Rule::RepOtherType,
            Rule::DropOtherType,
        ],
    ),
    (Trap::HandleLent, &[Rule::LiftOwnLent, Rule::DropLent]),
    (Trap::HandleNotOwned, &[Rule::LiftOwnBorrowed]),
    (Trap::TooManyHandles, &[Rule::TableFull]),
    (Trap::BorrowsRemain, &[Rule::BorrowsRemain]),
    (
        Trap::CannotLeaveComponent,
        &[Rule::LowerMayNotLeave, Rule::NewMayNotLeave, Rule::DropMayNotLeave],
    ),
    (Trap::CannotEnterComponent, &[Rule::MayNotEnter]),
    (Trap::CannotBlockSyncTask, &[Rule::MayNotBlock]),
];

impl Rule {
    fn check(self) -> Option<Trap> {
        let of_this = TRAPS.iter().find(|(_, rules)| rules.contains(&self));
        of_this.map(|(trap, _)| *trap)
    }

    /// What its check traps with.
    pub fn trap(self) -> Trap {
        Point::Rule(self).trap()
    }
}

impl From<AsyncRule> for Point {
    fn from(rule: AsyncRule) -> Point {
        Point::Async(rule)
    }
}

impl From<Rule> for Point {
    fn from(rule: Rule) -> Point {
        Point::Rule(rule)
    }
}

fn name_of<T: Copy + PartialEq>(names: &[(T, &'static str)], what: T) -> &'static str {
    let (_, name) = names.iter().find(|(known, _)| *known == what).expect("all have names");
    name
}

impl Party {
    /// The party with these options: only a guest has some.
    pub fn of(peer: Option<LiftLowerOptions>) -> Party {
        Party::caller(peer.is_some())
    }

    /// Who calls, or is called.
    pub fn caller(by_guest: bool) -> Party {
        if by_guest { Party::Guest } else { Party::Host }
    }
}

impl Points {
    pub fn insert(&mut self, point: Point, party: Party) {
        let (word, bit) = place(point, party);
        self.0[word] |= 1 << bit;
    }

    pub fn contains(&self, point: Point, party: Party) -> bool {
        let (word, bit) = place(point, party);
        self.0[word] >> bit & 1 == 1
    }

    /// Whether it is in it for anyone.
    pub fn contains_any(&self, point: Point) -> bool {
        Party::ALL.iter().any(|party| self.contains(point, *party))
    }

    /// Adds all of another set.
    pub fn extend(&mut self, other: &Points) {
        self.0.iter_mut().zip(other.0).for_each(|(word, other)| *word |= other);
    }

    /// Those that are in it: the positions of the points among all of them, and of the parties.
    pub fn positions(&self) -> impl Iterator<Item = (usize, usize)> {
        let bits =
            (0..Party::ALL.len() * COUNT).filter(|bit| self.0[bit / 64] >> (bit % 64) & 1 == 1);
        bits.map(|bit| (bit / Party::ALL.len(), bit % Party::ALL.len()))
    }
}

#[expect(clippy::as_conversions, reason = "the position of a variant")]
fn place(point: Point, party: Party) -> (usize, usize) {
    let bit = Party::ALL.len() * point.index() + party as usize;
    (bit / 64, bit % 64)
}

impl Constructor {
    /// That of a type.
    pub fn of<T>(shape: &Despecialized<T>) -> Constructor {
        match shape {
            Despecialized::Bool => Constructor::Bool,
            Despecialized::S8 => Constructor::S8,
            Despecialized::U8 => Constructor::U8,
            Despecialized::S16 => Constructor::S16,
            Despecialized::U16 => Constructor::U16,
            Despecialized::S32 => Constructor::S32,
            Despecialized::U32 => Constructor::U32,
            Despecialized::S64 => Constructor::S64,
            Despecialized::U64 => Constructor::U64,
            Despecialized::F32 => Constructor::F32,
            Despecialized::F64 => Constructor::F64,
            Despecialized::Char => Constructor::Char,
            Despecialized::String => Constructor::String,
            Despecialized::List(_) => Constructor::List,
            Despecialized::FixedLengthList(..) => Constructor::FixedLengthList,
            Despecialized::Record(_) => Constructor::Record,
            Despecialized::Variant(_) => Constructor::Variant,
            Despecialized::Flags(_) => Constructor::Flags,
            Despecialized::Own(_) => Constructor::Own,
            Despecialized::Borrow(_) => Constructor::Borrow,
            Despecialized::ErrorContext | Despecialized::Stream(_) | Despecialized::Future(_) => {
                Constructor::Async
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_point_has_a_place_and_a_name_of_its_own() {
        let points = Point::all();
        assert_eq!(points.len(), COUNT);
        assert!(points.iter().enumerate().all(|(index, point)| point.index() == index));
        let names: BTreeSet<String> = points.iter().map(|point| point.name()).collect();
        assert_eq!(names.len(), COUNT);
    }

    #[test]
    fn each_rule_that_says_that_it_traps_knows_for_what() {
        let checks = Rule::ALL.iter().filter(|rule| rule.name().contains(": traps"));
        let traps: BTreeSet<Trap> = checks.map(|rule| rule.trap()).collect();
        let never = [Trap::Guest, Trap::Host];
        assert!(never.iter().all(|trap| !traps.contains(trap)), "{traps:?}");
        assert_eq!(traps.len(), 19);
    }

    #[test]
    fn what_is_reached_is_reached_for_one_party() {
        let mut points = Points::default();
        points.insert(Rule::TableFull.into(), Party::Guest);
        points.insert(Point::all()[0], Party::Host);
        let guest = Party::ALL.iter().position(|party| *party == Party::Guest).unwrap();
        assert_eq!(points.positions().collect::<Vec<_>>(), [(0, 0), (SYNC - 1, guest)]);
    }
}
