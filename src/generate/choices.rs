//! What there is to choose from.
//! Knows neither how often each is chosen nor what comes of it.

use crate::abi::PtrType;

/// The types of one function as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TypePlan {
    Small,
    /// More of everything.
    Rich,
    /// A type with many members.
    Wide,
    /// A record or tuple of many flat values.
    ManyFlat,
    /// A variant whose payloads have different core types in one place.
    Joined,
    /// A list of variants, whose payloads may be anything.
    Cases,
    /// A type nested as deeply as may be.
    Deep,
    /// Handles, several of them.
    Handles,
    /// Strings, wherever there can be some.
    Strings,
}

/// What a type is at its root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Constructor {
    Primitive,
    String,
    List,
    FixedLengthList,
    Record,
    Tuple,
    Variant,
    Enum,
    Option,
    Result,
    Flags,
    Map,
    Handle,
}

/// What is around a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrapping {
    None,
    /// With a primitive before it.
    Tuple,
    /// With a string before it, for which `realloc` is called.
    WithString,
    Option,
    List,
    ListOfOption,
}

/// What code points a text has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StringKind {
    Empty,
    Ascii,
    /// At least some beyond ASCII.
    Latin1,
    /// ASCII up to a point, which UTF-8 is guessed to be at first.
    AsciiThenLatin1,
    /// ASCII up to a point, from which each code point is as long as any in UTF-8.
    AsciiThenWide,
    /// Latin-1 up to a point, where Latin-1 has to be given up.
    NarrowThenWide,
    Bmp,
    Supplementary,
    /// Code points at which an encoding changes its length or its mind.
    Boundary,
}

/// How guests and host behave in one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conduct {
    Honest,
    OneMisstep,
    Missteps,
}

/// Where something goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misstep {
    /// What a guest passes to its import.
    Import,
    /// What a guest returns.
    Return,
    Realloc,
    /// The host fails.
    Answer,
    Reenter,
    /// A guest traps.
    Finish,
    PostReturn,
    /// A built-in is called with a handle that is another, or none.
    BuiltIn,
    /// A guest does not drop what it borrowed.
    KeptBorrow,
    Destructor,
    /// The host speaks of a handle that it does not hold.
    Host,
}

/// How guest data is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    OnePatch,
    Patches,
    /// No lie yet: the same elsewhere, often where the memory ends.
    Move,
    /// No lie either: Latin-1 as tagged UTF-16.
    Retag,
    Raw,
    /// A handle that is another, or none.
    Handle,
}

/// What stands at a place, with what it takes to make it wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaceKind {
    /// One of that many cases.
    Discriminant {
        cases: usize,
    },
    /// Of what is aligned like this and has this size.
    Pointer {
        align: u64,
        bytes: u64,
        ptr_type: PtrType,
    },
    /// Of elements of this size from `ptr` on; of code units, where it may have a tag.
    Length {
        elem_size: u64,
        ptr: u64,
        tagged: bool,
        ptr_type: PtrType,
    },
    /// That many bytes of a string in this encoding.
    Text {
        bytes: u64,
        encoding: TextKind,
    },
    Char,
    Bool,
    /// The low bits.
    Flags {
        count: usize,
    },
    /// An integer of fewer bits than the core value it is in.
    Narrow {
        width: u32,
    },
    /// A float, whose NaNs a case cannot name.
    Float {
        width: u32,
    },
    /// 32 bits that were joined with 64.
    UpperHalf,
    /// A slot that the case at hand does not use.
    Unused,
    /// Bytes between fields.
    Padding,
    /// An index of a handle.
    Handle,
}

/// How a string is encoded, all options considered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextKind {
    Utf8,
    Utf16,
    Latin1,
}

/// Which handle stands where another should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WrongHandle {
    /// No handle has index 0.
    Zero,
    /// One that is passed in the same call.
    Sibling,
    /// One that is lent in the same call, where something is given away.
    Lent,
    /// One of another type that is lent in the same call.
    LentOther,
    /// One that was dropped or given away.
    Freed,
    OtherType,
    /// A borrow of the same, where something is given away.
    Borrowed,
    /// The first index that was never used.
    Beyond,
    Far,
}

/// What a `realloc` does otherwise than it should, or need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OddRealloc {
    /// A block that is not aligned.
    Misaligned,
    /// The last block that there can be.
    AtEnd,
    /// One of which a little is beyond the memory.
    BeyondEnd,
    /// Some other edge of a memory.
    Edge,
    /// Where an earlier block is, or near it.
    NearHeap,
    /// The block that was to be replaced.
    Old,
    /// A block with other contents.
    Forget,
    Trap,
    Grow,
    Import,
    BuiltIn,
    /// An address beyond 32 bits, of which the low 32 are a good one.
    Wide,
}

/// Something that is done between two instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aside {
    /// Writes somewhere.
    Write,
    /// Does the next step of the script.
    Step,
    /// Writes where the first param points to.
    WriteToParam,
    /// Grows the memory.
    Grow,
    /// Returns what the script says.
    Return,
    /// Grows the memory, and returns a pointer to what was grown.
    ReturnGrown,
}

/// What is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutation {
    Value,
    Data,
    Realloc,
    ImportCall,
    Answer,
    Ending,
    Call,
    Type,
    Options,
    Tuning,
    Pages,
    BuiltIn,
    Resource,
    HostDrop,
    Guest,
    Paths,
    Manner,
    Noise,
}
