//! What is drawn in chains of guests only, or otherwise there.
//! Knows only what there is to choose from.

use super::super::choices::{Conduct, Constructor, Lie, Misstep, OddRealloc, StringKind, TypePlan};
use super::super::draw::{Percent, Shares};

/// Guests of a chain. What two do with one another is nearly everything; with three, one of them is
/// callee and caller.
pub const GUESTS: &Shares<usize> = &[(86, 2), (14, 3)];
/// How often the last guest imports something of the host: it is the other shapes that are about
/// that.
pub const LAST_IMPORT: Percent = Percent(50);
/// Members of a type between guests. Before release 50, Wasmtime calls itself for ever where a type
/// has more than 1000 (#14354).
pub const FUSED_MEMBERS: u32 = 900;
/// How often the memory of a guest has addresses of 64 bits, which is one guest in seven: subjects take them
/// between guests only, or mostly.
pub const WIDE: Percent = Percent(19);
/// How often it has where that of the guest before does: else two of them are next to one another too seldom.
pub const WIDE_AFTER_WIDE: Percent = Percent(60);

/// The types of what the host calls: they cost two lowerings and a lifting that others look into.
pub const ENTRY_PLANS: &Shares<TypePlan> = &[
    (70, TypePlan::Small),
    (20, TypePlan::Strings),
    (3, TypePlan::Rich),
    (2, TypePlan::Wide),
    (2, TypePlan::ManyFlat),
    (2, TypePlan::Joined),
    (1, TypePlan::Cases),
    (140, TypePlan::Handles),
];
/// The types of what guests call of one another: an adapter transcodes strings by code of its own,
/// and all else by code that it generates for the type.
pub const FUSED_PLANS: &Shares<TypePlan> = &[
    (110, TypePlan::Strings),
    (14, TypePlan::Small),
    (8, TypePlan::Rich),
    (7, TypePlan::Wide),
    (7, TypePlan::ManyFlat),
    (8, TypePlan::Joined),
    (7, TypePlan::Cases),
    (3, TypePlan::Deep),
    (80, TypePlan::Handles),
];
/// The shares of type constructors where strings are wanted.
pub const STRING_CONSTRUCTORS: &Shares<Constructor> = &[
    (10, Constructor::Primitive),
    (56, Constructor::String),
    (14, Constructor::List),
    (4, Constructor::FixedLengthList),
    (6, Constructor::Record),
    (5, Constructor::Tuple),
    (9, Constructor::Variant),
    (1, Constructor::Enum),
    (6, Constructor::Option),
    (5, Constructor::Result),
    (2, Constructor::Flags),
    (6, Constructor::Map),
    (4, Constructor::Handle),
];
/// How often a function between guests that has no string gets one more param or a result that is
/// one.
pub const STRING_ADDED: Percent = Percent(60);
/// How often what has a string in its params gets one in its result, too.
pub const STRING_RETURNED: Percent = Percent(40);
/// How often a guest gets as params the handles of the host's without which it cannot call the next.
pub const SUPPLIED: Percent = Percent(50);
/// How many it gets at most: others become a list.
pub const SUPPLIES: usize = 3;

/// How often a function between guests whose params mention a resource of a guest's returns one.
pub const CIRCULATED: Percent = Percent(75);
/// How often a chain has resources, and how often any guest may define one of a guest's, which
/// otherwise is one that others call.
pub const RESOURCES: Percent = Percent(42);
pub const FIRST_DEFINES: Percent = Percent(36);
/// How often a resource is defined by whom the one before is: who defines two can mistake one for the
/// other anywhere.
pub const SAME_DEFINER: Percent = Percent(35);
/// How often all guests between the one that defines a resource and the first hand it on: only so does
/// a guest ever pass what a later one defines.
pub const RELAYED: Percent = Percent(75);
/// How often what the host defines is handed on to the last guest, and back.
pub const HOSTS_RELAYED: Percent = Percent(10);

/// Calls of the next guest in one call. The steps of a callee are done in the first.
pub const FUSED_CALLS: &Shares<u32> = &[(80, 1), (14, 2), (4, 3), (2, 0)];
/// Built-ins that a guest calls which others call.
pub const CALLEE_BUILT_INS: &Shares<usize> = &[(56, 0), (26, 1), (18, 2)];

/// What a guest hands over decides how far an adapter comes, so that most of it is well-formed.
pub const CONDUCTS: &Shares<Conduct> =
    &[(46, Conduct::Honest), (45, Conduct::OneMisstep), (9, Conduct::Missteps)];
/// The shares of missteps, of any of the guests: what `realloc` answers is checked in many places.
pub const MISSTEPS: &Shares<Misstep> = &[
    (34, Misstep::Import),
    (26, Misstep::Return),
    (80, Misstep::Realloc),
    (1, Misstep::Answer),
    (1, Misstep::Reenter),
    (2, Misstep::Finish),
    (10, Misstep::PostReturn),
    (14, Misstep::BuiltIn),
    (10, Misstep::KeptBorrow),
    (8, Misstep::Destructor),
    (2, Misstep::Host),
];
/// How guest data is wrong.
pub const LIES: &Shares<Lie> = &[
    (60, Lie::OnePatch),
    (10, Lie::Patches),
    (14, Lie::Move),
    (6, Lie::Retag),
    (8, Lie::Raw),
    (60, Lie::Handle),
];
/// How often what is no lie is put where the memory ends, and how often a string is tagged UTF-16
/// that could be Latin-1: an adapter shrinks it.
pub const MOVED: Percent = Percent(10);
pub const RETAGGED: Percent = Percent(24);

/// Transcoders first guess how long a string becomes, and change their mind late.
pub const STRING_KINDS: &Shares<StringKind> = &[
    (5, StringKind::Empty),
    (16, StringKind::Ascii),
    (14, StringKind::Latin1),
    (15, StringKind::AsciiThenLatin1),
    (10, StringKind::AsciiThenWide),
    (20, StringKind::NarrowThenWide),
    (8, StringKind::Bmp),
    (8, StringKind::Supplementary),
    (8, StringKind::Boundary),
];
/// Code points of a string, with more of those beyond what is transcoded at once.
pub const STRING_LENGTHS: &Shares<usize> = &[
    (20, 1),
    (18, 2),
    (14, 3),
    (10, 5),
    (7, 8),
    (5, 15),
    (5, 16),
    (5, 17),
    (3, 31),
    (3, 32),
    (3, 33),
    (2, 64),
    (2, 255),
    (2, 257),
    (2, 1000),
    (1, 2500),
];
pub const LARGE_VALUE: Percent = Percent(5);

/// What a `realloc` in a chain does when it is up to something.
pub const ODD_REALLOCS: &Shares<OddRealloc> = &[
    (14, OddRealloc::Misaligned),
    (10, OddRealloc::AtEnd),
    (10, OddRealloc::BeyondEnd),
    (8, OddRealloc::Edge),
    (10, OddRealloc::NearHeap),
    (9, OddRealloc::Old),
    (7, OddRealloc::Forget),
    (16, OddRealloc::Trap),
    (6, OddRealloc::Grow),
    (30, OddRealloc::Import),
    (18, OddRealloc::BuiltIn),
    (14, OddRealloc::Wide),
];
/// At which call: a string takes one, and at most two more, to grow and to shrink.
pub const ODD_REALLOC_INDICES: &Shares<usize> =
    &[(30, 0), (29, 1), (22, 2), (8, 3), (4, 4), (4, 5), (2, 7), (1, 12)];
/// For how many calls on end something odd is drawn, each time anew.
pub const ODD_REALLOCS_ON_END: &Shares<usize> = &[(60, 1), (22, 2), (12, 3), (6, 6)];
/// How often an honest `realloc` in a chain does something that harms nobody.
pub const ODD_REALLOC: Percent = Percent(26);
/// How often all calls that are left do the same.
pub const ODD_REALLOC_KEPT: Percent = Percent(25);
