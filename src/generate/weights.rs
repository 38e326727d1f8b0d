//! Every probability and size that generation draws by, each with its reason.
//! Knows only what there is to choose from.

pub mod chain;
pub mod noise;

use super::choices::{
    Conduct, Constructor, Lie, Misstep, Mutation, PlaceKind, StringKind, TypePlan, Wrapping,
    WrongHandle,
};
use super::draw::{Percent, Shares};
use crate::abi::{BuiltIn, StringEncoding};
use crate::case::paths::Mode;
use crate::case::{Resource, Shape};

/// Cases for which the stream keeps a shape: compiling a component takes as long as running some four,
/// but what a shape has to show is mostly shown by its first. What decides is how soon all that is planted is
/// found, together with how many calls a case has (`docs/speed.md`).
pub const CASES_PER_SHAPE: u32 = 6;

/// Shapes for which it keeps a tuning: a new one may need an engine of its own, with its puppets, which
/// takes as long as some components.
pub const SHAPES_PER_TUNING: u64 = 16;

/// Bytes that the flip of a case is drawn from.
pub const FLIP_ENTROPY: usize = 8;
/// Bytes that one shape or the calls of one case are drawn from: more than nearly all need.
pub const ENTROPY: usize = 2048;
/// Bytes that one shape or the calls of one case are drawn from in a chain.
pub const CHAIN_ENTROPY: usize = 4096;

/// What is drawn otherwise in a chain of guests than where there is but one.
#[derive(Debug)]
pub struct Habits {
    pub conducts: &'static Shares<Conduct>,
    pub missteps: &'static Shares<Misstep>,
    pub lies: &'static Shares<Lie>,
    pub string_kinds: &'static Shares<StringKind>,
    pub string_lengths: &'static Shares<usize>,
    pub large_value: Percent,
    /// Bytes of all strings in one value that is not large.
    pub small_bytes: usize,
}

pub const ALONE: Habits = Habits {
    conducts: CONDUCTS,
    missteps: MISSTEPS,
    lies: LIES,
    string_kinds: STRING_KINDS,
    string_lengths: STRING_LENGTHS,
    large_value: LARGE_VALUE,
    small_bytes: 1200,
};

pub const CHAINED: Habits = Habits {
    conducts: chain::CONDUCTS,
    missteps: chain::MISSTEPS,
    lies: chain::LIES,
    string_kinds: chain::STRING_KINDS,
    string_lengths: chain::STRING_LENGTHS,
    large_value: chain::LARGE_VALUE,
    small_bytes: 3000,
};

/// Those for this shape.
pub fn habits(shape: &Shape) -> &'static Habits {
    if shape.guests.len() > 1 { &CHAINED } else { &ALONE }
}

// Types

/// How a function's types are planned. Small types are the rule, for a run should cost little and
/// be read by people; each of the others exists for a limit of the ABI.
/// Where there are resources, most functions are about their handles: several in one signature,
/// so that their order matters.
pub const TYPE_PLANS: &Shares<TypePlan> = &[
    (60, TypePlan::Small),
    (10, TypePlan::Rich),
    (8, TypePlan::Wide),
    (6, TypePlan::ManyFlat),
    (7, TypePlan::Joined),
    (6, TypePlan::Cases),
    (3, TypePlan::Deep),
    (22, TypePlan::Strings),
    (400, TypePlan::Handles),
];

/// The shares of type constructors. Scalars and strings end a type, and so have the most.
pub const CONSTRUCTORS: &Shares<Constructor> = &[
    (30, Constructor::Primitive),
    (14, Constructor::String),
    (12, Constructor::List),
    (5, Constructor::FixedLengthList),
    (8, Constructor::Record),
    (6, Constructor::Tuple),
    (12, Constructor::Variant),
    (4, Constructor::Enum),
    (6, Constructor::Option),
    (6, Constructor::Result),
    (5, Constructor::Flags),
    (7, Constructor::Map),
    (20, Constructor::Handle),
];

/// The shares of type constructors in a function that is there for handles.
pub const HANDLE_CONSTRUCTORS: &Shares<Constructor> = &[
    (6, Constructor::Primitive),
    (2, Constructor::String),
    (10, Constructor::List),
    (4, Constructor::FixedLengthList),
    (4, Constructor::Record),
    (8, Constructor::Tuple),
    (7, Constructor::Variant),
    (1, Constructor::Enum),
    (7, Constructor::Option),
    (4, Constructor::Result),
    (1, Constructor::Flags),
    (2, Constructor::Map),
    (64, Constructor::Handle),
];

/// Levels of a small type: three are enough for any constructor inside any other inside a list.
pub const SMALL_DEPTH: u32 = 4;
pub const RICH_DEPTH: u32 = 7;
/// Types in one function: what a person can still read.
pub const SMALL_NODES: u32 = 16;
pub const RICH_NODES: u32 = 120;

/// Params of most functions. None is a case of its own.
pub const PARAMS: &Shares<usize> =
    &[(10, 0), (40, 1), (24, 2), (12, 3), (4, 5), (4, 8), (2, 15), (2, 16), (2, 17)];

/// Params of a function that is there for handles.
pub const HANDLE_PARAMS: &Shares<usize> = &[(6, 0), (24, 1), (36, 2), (22, 3), (12, 4)];
/// How often such a function takes an own and a borrow of the same resource: what the order of the two
/// decides is met nowhere else.
pub const PAIR: Percent = Percent(60);
/// How often its params spill for sure.
pub const HANDLES_SPILLED: Percent = Percent(15);
/// How often it returns what it takes, so that the host can pass it back.
pub const RETURNED: Percent = Percent(35);
/// What is around a handle that is paired or returned.
pub const WRAPPINGS: &Shares<Wrapping> = &[
    (44, Wrapping::None),
    (8, Wrapping::Tuple),
    (12, Wrapping::WithString),
    (16, Wrapping::Option),
    (8, Wrapping::List),
    (14, Wrapping::ListOfOption),
];

/// How often a param without which the host cannot make the first call is made one that may be empty.
/// The others show that the host makes no such call.
pub const CALLABLE: Percent = Percent(96);

/// How often a shape has resources. They cost nothing where they are not, and the rules of handles are
/// few beside those of values.
/// A chance takes one byte, of which the low numbers have more: this is one shape in four.
pub const RESOURCES: Percent = Percent(32);
/// How many there are: with two a handle can be of the wrong type.
pub const RESOURCE_COUNTS: &Shares<usize> = &[(32, 1), (56, 2), (12, 3)];
/// Imports speak only of the host's; only the guest's are made, looked into and destroyed by the guest.
pub const RESOURCE_KINDS: &Shares<Resource> = &[
    (50, Resource::Host),
    (34, Resource::Guest { by: 0, destructor: true }),
    (16, Resource::Guest { by: 0, destructor: false }),
];

/// How often params are brought to a number of flat values at the limit, beyond which they spill.
pub const AIM_PARAMS: Percent = Percent(22);
/// As many as are never flat beside others.
pub const SPILLED_PARAMS: usize = 16;
/// The limit of 16 with its neighbours, and the 4 of async lowering, which shares code.
pub const FLAT_PARAMS: &[usize] = &[15, 16, 17, 16, 17, 4, 5, 18, 20];
/// How often the result is one of exactly one flat value, the most that does not spill.
pub const AIM_RESULT: Percent = Percent(30);
/// How often there is a result.
pub const RESULT: Percent = Percent(85);
/// How often the result of an import has one string more: what `realloc` does for a result is seldom
/// seen otherwise.
pub const RESULT_STRING: Percent = Percent(25);
/// How often there is an import. It costs an adapter, and half of what we look for is in it.
pub const IMPORT: Percent = Percent(75);
/// How often functions are async, where a subject has them.
pub const ASYNC: Percent = Percent(20);
/// How often one is that does not wait for another: the host's, above all.
pub const ASYNC_CALLEE: Percent = Percent(75);
/// How often one is that waits for another. If it is not, the call traps.
pub const ASYNC_CALLER: Percent = Percent(85);

/// Members of records, tuples, variants and enums.
pub const MEMBERS: &Shares<usize> = &[(30, 1), (34, 2), (18, 3), (8, 4), (4, 5), (3, 8), (1, 12)];
/// Discriminants grow from one byte to two between 256 and 257 cases.
pub const WIDE_MEMBERS: &[usize] = &[255, 256, 257, 256, 257, 258, 300, 1000];
/// Variants inside one another whose payloads are joined.
pub const JOINED_DEPTH: u32 = 2;
/// Payloads of a variant that is there for them.
pub const CASES: usize = 6;
/// A record of more fields than the flat limits, in small numbers and large.
pub const WIDE_FIELDS: &[usize] = &[16, 17, 18, 33, 64, 100];
/// How often a wide type has as many members as the limits allow: such a component is slow to
/// compile.
pub const WIDEST: Percent = Percent(2);
/// Flags grow from one byte to two to four after 8 and 16.
pub const FLAGS: &[usize] = &[1, 2, 7, 8, 9, 15, 16, 17, 31, 32];
/// How often a case of a variant has a payload.
pub const PAYLOAD: Percent = Percent(70);
/// Lengths of lists of fixed length, with the flat limits among them.
pub const FIXED_LENGTHS: &Shares<u32> =
    &[(30, 1), (30, 2), (16, 3), (8, 4), (4, 8), (4, 15), (4, 16), (4, 17), (2, 40)];
/// Bytes of a list of fixed length: one inside the other they multiply.
pub const FIXED_LENGTH_LIST_BYTES: u64 = 1024;

/// How often the members of a type have names of their own: names sort otherwise than positions.
pub const NAMED: Percent = Percent(15);

// Paths

/// How the host calls and is called. What waits is the rule, and the cheapest; of the others, half of the
/// tunings do not have those that are concurrent.
pub const MODES: &Shares<(Mode, Mode)> = &[
    (36, (Mode::Sync, Mode::Sync)),
    (11, (Mode::Async, Mode::Sync)),
    (11, (Mode::Async, Mode::Async)),
    (10, (Mode::Async, Mode::Concurrent)),
    (11, (Mode::Concurrent, Mode::Sync)),
    (10, (Mode::Concurrent, Mode::Async)),
    (11, (Mode::Concurrent, Mode::Concurrent)),
];
/// How often a function is polled in vain: the first time it is waited for, and the next ones tell
/// whether that is done again.
pub const POLLS: &Shares<u32> = &[(50, 0), (26, 1), (14, 2), (10, 3)];
/// How often another instance has a place in the same store: one case in ten, which costs twice as
/// much. (A chance takes one byte, of which the low numbers have more.)
pub const NEIGHBOR: Percent = Percent(13);
/// How often a call is made twice: one in thirteen, where that may be.
pub const TWICE: Percent = Percent(10);
/// Which functions of a typed shape have static types: that of the export, that of the import.
pub const TYPED_FUNCTIONS: &Shares<[bool; 2]> =
    &[(60, [true, true]), (25, [true, false]), (15, [false, true])];
/// Which of those are called, and defined, by their static types: what is passed by one way and comes
/// back by the other is seen by both.
pub const TYPED_PATHS: &Shares<[bool; 2]> =
    &[(60, [true, true]), (20, [true, false]), (20, [false, true])];
/// How often a signature is any of them, whatever its family; else all families are met as often.
pub const ANY_SIGNATURE: Percent = Percent(50);
/// How often it is one that can be awaited, where there is one: most cannot, for each way takes its time
/// in every build.
pub const AWAITED_SIGNATURE: Percent = Percent(60);

// Options

/// What is compact has two forms, and more ways to and from them.
pub const ENCODINGS: &Shares<StringEncoding> =
    &[(29, StringEncoding::Utf8), (29, StringEncoding::Utf16), (42, StringEncoding::Latin1OrUtf16)];
/// How often the memory of a guest alone has addresses of 64 bits. A chance takes one byte, of which
/// the low numbers have more: this is one shape in 33.
pub const WIDE: Percent = Percent(4);
/// How often `memory` and `realloc` are given although nothing needs them.
pub const NEEDLESS_OPTION: Percent = Percent(25);
pub const POST_RETURN: Percent = Percent(40);
/// How often the memory has two pages at first.
pub const SECOND_PAGE: Percent = Percent(20);
/// How often the memory may grow, which it does only where `realloc` asks.
pub const GROWABLE: Percent = Percent(60);

// Values

/// Nodes of one value that is not small. Each list shares what is left with what follows it.
pub const SMALL_VALUE_NODES: u32 = 40;
pub const LARGE_VALUE_NODES: u32 = 600;
/// How often a value may be large; that costs as much as many small ones.
pub const LARGE_VALUE: Percent = Percent(3);
/// Elements of a list.
pub const LIST_LENGTHS: &Shares<usize> =
    &[(16, 0), (30, 1), (24, 2), (14, 3), (6, 5), (4, 8), (3, 17), (2, 64), (1, 300)];
/// How often an entry of a map repeats the key before: the ABI keeps both.
pub const REPEATED_KEY: Percent = Percent(30);
/// How often the case of a variant is the first or last.
pub const EDGE_CASE: Percent = Percent(40);

/// Each kind takes another way through some transcoder.
pub const STRING_KINDS: &Shares<StringKind> = &[
    (10, StringKind::Empty),
    (22, StringKind::Ascii),
    (14, StringKind::Latin1),
    (8, StringKind::AsciiThenLatin1),
    (26, StringKind::NarrowThenWide),
    (10, StringKind::Bmp),
    (8, StringKind::Supplementary),
    (10, StringKind::Boundary),
];
/// Code points of a string: short, at the widths of vector registers, and more than a buffer.
pub const STRING_LENGTHS: &Shares<usize> = &[
    (26, 1),
    (20, 2),
    (16, 3),
    (10, 5),
    (6, 8),
    (4, 15),
    (4, 16),
    (4, 17),
    (2, 31),
    (2, 32),
    (2, 33),
    (1, 64),
    (1, 255),
    (1, 257),
    (1, 1000),
];

// Calls

/// Calls of the export in one case. More than one, for what a call leaves behind, and because those after the
/// first cost less.
pub const CALLS: &Shares<u32> = &[(16, 1), (24, 2), (20, 4), (20, 6), (20, 8)];
/// Calls of the import in one call of the export.
pub const IMPORT_CALLS: &Shares<u32> = &[(14, 0), (54, 1), (22, 2), (10, 3)];

/// How the guest and the host behave in one call. Half of the calls are well-formed throughout, so
/// that nothing keeps them from the end; a single misstep reaches deeper than many.
pub const CONDUCTS: &Shares<Conduct> =
    &[(38, Conduct::Honest), (48, Conduct::OneMisstep), (14, Conduct::Missteps)];
/// How often a call that others follow is honest anyway: a trap would be their end.
pub const HONEST_BEFORE: Percent = Percent(90);
/// The shares of missteps, where there is room for them. What a guest hands over has the most ways to
/// be wrong.
pub const MISSTEPS: &Shares<Misstep> = &[
    (42, Misstep::Import),
    (36, Misstep::Return),
    (38, Misstep::Realloc),
    (4, Misstep::Answer),
    (2, Misstep::Reenter),
    (3, Misstep::Finish),
    (11, Misstep::PostReturn),
    (50, Misstep::BuiltIn),
    (24, Misstep::KeptBorrow),
    (20, Misstep::Destructor),
    (5, Misstep::Host),
];
/// How guest data is wrong. Raw data dies at the first check, mostly.
pub const LIES: &Shares<Lie> = &[
    (54, Lie::OnePatch),
    (14, Lie::Patches),
    (14, Lie::Move),
    (6, Lie::Retag),
    (12, Lie::Raw),
    (300, Lie::Handle),
];
/// The share of damage to one kind of place among the kinds that there are. What is checked has
/// more than what is only to be ignored.
pub fn damage(kind: PlaceKind) -> u32 {
    match kind {
        PlaceKind::Discriminant { .. } => 16,
        PlaceKind::Pointer { .. } => 18,
        PlaceKind::Length { .. } => 18,
        PlaceKind::Text { .. } => 20,
        PlaceKind::Char => 14,
        PlaceKind::Bool => 6,
        PlaceKind::Flags { .. } => 6,
        PlaceKind::Narrow { .. } => 5,
        PlaceKind::Float { .. } => 3,
        PlaceKind::UpperHalf => 5,
        PlaceKind::Unused => 2,
        PlaceKind::Padding => 1,
        PlaceKind::Handle => 18,
    }
}

/// Which handle is wrong. The orders of own and borrow in one call are only met by one that is passed
/// twice.
pub const WRONG_HANDLES: &Shares<WrongHandle> = &[
    (8, WrongHandle::Zero),
    (20, WrongHandle::Sibling),
    (30, WrongHandle::Lent),
    (10, WrongHandle::LentOther),
    (16, WrongHandle::Freed),
    (30, WrongHandle::OtherType),
    (24, WrongHandle::Borrowed),
    (8, WrongHandle::Beyond),
    (6, WrongHandle::Far),
];
/// Built-ins in one call, where there are resources, besides those that have to be: an index that is
/// used again shows only after two were freed.
pub const BUILT_INS: &Shares<usize> = &[(34, 0), (22, 1), (16, 2), (14, 3), (14, 6)];
pub const BUILT_INS_CALLED: &Shares<BuiltIn> =
    &[(34, BuiltIn::ResourceNew), (22, BuiltIn::ResourceRep), (44, BuiltIn::ResourceDrop)];
/// Borrows that the host passes in one call: each takes a step to drop.
pub const BORROWS: usize = 6;
/// How often something that is allowed there is called in `post-return` or `realloc`.
pub const HIDDEN_REP: Percent = Percent(30);
/// How often a destructor does something, that harms nobody.
pub const BUSY_DESTRUCTOR: Percent = Percent(20);
/// How often a guest whose destructor fails makes something and drops it.
pub const DESTROYED: Percent = Percent(40);
/// How often a borrow that is kept is also returned, where something is given away.
pub const BORROW_RETURNED: Percent = Percent(80);
/// How often the host drops something that it holds; it may as well pass it back.
pub const HOST_DROPS: Percent = Percent(35);
/// Calls of a case with resources: handles live longer than calls. They are few, since what a table holds goes on
/// from call to call, and each that cannot go keeps the others.
pub const RESOURCE_CALLS: &Shares<u32> = &[(22, 1), (40, 2), (38, 3)];

/// Patches of data that has several.
pub const PATCHES: usize = 4;
/// Bytes that are moved: they are part of the case.
pub const MOVED_BYTES: usize = 128;
/// Chunks of raw memory, and their bytes.
pub const RAW_CHUNKS: usize = 3;
pub const RAW_BYTES: usize = 48;

/// How often an honest `realloc` does something else than `Bump`, that harms nobody.
pub const ODD_REALLOC: Percent = Percent(20);
/// At which call of `realloc` something happens: the first few are reached most.
pub const REALLOC_INDICES: &Shares<usize> =
    &[(26, 0), (26, 1), (18, 2), (12, 3), (8, 4), (5, 5), (5, 8)];

/// For how many calls it goes on: a string may take three, and each is checked by other code.
pub const REALLOC_REPEATS: &[usize] = &[1, 1, 2, 8];

/// How often a shape is compiled with optimisation: it takes half as long again, and what lifts and
/// lowers on the host is not compiled by it.
pub const OPTIMIZE: Percent = Percent(12);
/// How often compiled code checks for itself what signals would tell, and how often memories have no
/// room behind them.
pub const NO_SIGNALS: Percent = Percent(10);
pub const NO_GUARDS: Percent = Percent(15);
/// How often compiled code counts, or looks at the clock of epochs: either makes it larger.
pub const FUEL: Percent = Percent(10);
pub const EPOCHS: Percent = Percent(10);
/// How often the last case of a shape comes once more with one choice changed: each is held against the same
/// reading, so that a choice that changes anything is found.
pub const FLIPPED: Percent = Percent(15);
/// How often that choice is one of the tuning, rather than the way that the host calls and is called.
pub const TUNING_FLIPPED: Percent = Percent(75);
/// How often instances come from a pool: without one, a case takes twice as long.
pub const POOLING: Percent = Percent(85);

// Mutation

/// Guests that a chain may grow to.
pub const MOST_GUESTS: usize = 3;

/// What a mutation changes. Values and guest data decide most, and cost no compilation; a change to
/// a shape costs one.
pub const CHANGES: &Shares<Mutation> = &[
    (30, Mutation::Value),
    (24, Mutation::Data),
    (12, Mutation::Realloc),
    (6, Mutation::ImportCall),
    (4, Mutation::Answer),
    (3, Mutation::Ending),
    (5, Mutation::Call),
    (9, Mutation::Type),
    (4, Mutation::Options),
    (2, Mutation::Tuning),
    (2, Mutation::Pages),
    (6, Mutation::BuiltIn),
    (2, Mutation::Resource),
    (2, Mutation::HostDrop),
    (1, Mutation::Guest),
    (3, Mutation::Paths),
    (2, Mutation::Manner),
    // Costs a compilation. There is none but in what has core code of its own.
    (4, Mutation::Noise),
];

/// Mutations that are tried before giving up: some change nothing, or too much.
pub const ATTEMPTS: u32 = 16;
/// Cuts of one pass that are tried before the next has its turn: most of those of a large case make it
/// smaller, and a small case has few.
pub const CUTS_TRIED: usize = 16;
/// Bytes that one mutation draws from.
pub const MUTATION_ENTROPY: usize = 512;
