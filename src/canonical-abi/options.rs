//! What lifting and lowering is done with: options, the guest, and notes taken on the way.
//! Knows nothing of values; what a guest is made of is its implementor's business.

use std::collections::BTreeSet;

use super::despecialize::{Despecialized, Part};
use super::explore::Step;
use super::layout::Layout;
use super::point::{Constructor, Party, Passage, Point, Points, Rule};
use super::{Core, CoreType, Deviation, Deviations, Handles, Trap, trap_if};
use crate::types::Type;
use crate::value::{StringSource, Value};

/// How many members a type may have that adapters can pass, where they cannot pass all.
const LARGE: usize = 1000;

/// The type of a pointer into a memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PtrType {
    I32,
    I64,
}

/// The `string-encoding` option.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StringEncoding {
    Utf8,
    Utf16,
    Latin1OrUtf16,
}

impl StringEncoding {
    pub const ALL: [StringEncoding; 3] =
        [StringEncoding::Utf8, StringEncoding::Utf16, StringEncoding::Latin1OrUtf16];

    /// What comes after `string-encoding=`.
    pub fn name(self) -> &'static str {
        match self {
            StringEncoding::Utf8 => "utf8",
            StringEncoding::Utf16 => "utf16",
            StringEncoding::Latin1OrUtf16 => "latin1+utf16",
        }
    }
}

/// Spec: `LiftLowerOptions`, with the memory and the `realloc` behind [`Guest`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LiftLowerOptions {
    pub string_encoding: StringEncoding,
    pub ptr_type: PtrType,
}

/// Spec: `LiftLowerContext`: options and guest of one lift or lower.
pub struct Cx<'a> {
    pub opts: LiftLowerOptions,
    /// The options of the guest on the other side of the call; nothing where the host is there.
    pub peer: Option<LiftLowerOptions>,
    pub guest: &'a mut dyn Guest,
}

/// What a range of a memory is checked for: how it traps out of bounds, and which points its traps are.
#[derive(Clone, Copy, Debug)]
pub struct Checked {
    pub trap: Trap,
    pub misaligned: Point,
    pub out_of_bounds: Point,
}

/// The memory and the `realloc` that canonical options name.
pub trait Guest {
    /// The whole linear memory; empty where the options name none.
    fn memory(&self) -> &[u8];
    fn memory_mut(&mut self) -> &mut [u8];
    /// Calls the guest's `realloc` as it stands: no check of what it returns. While it runs
    /// `may_leave` is false, which is the implementor's to see to: a memory has no such flag.
    fn realloc(&mut self, old: u64, old_size: u64, align: u64, new_size: u64) -> Result<u64, Trap>;
    fn notes(&mut self) -> &mut Notes;
    /// What was lowered for the guest's instance, whatever the options.
    fn lowered(&mut self) -> &mut Lowered;
    /// Whether pointers into the memory have 64 bits, whatever the options in use say.
    fn is_wide(&self) -> bool {
        false
    }
    /// The table of the guest's instance; nothing for a guest that is no instance, whose handles
    /// are lifted and lowered as the numbers that they are.
    fn handles(&mut self) -> Option<Handles<'_>>;
}

/// A guest whose functions can be called: what `canon lift` and `canon lower` need besides.
pub trait Instance: Guest {
    /// Calls the core function under `canon lift`.
    fn call(&mut self, args: &[Core]) -> Result<Vec<Core>, Trap>;
    /// Calls the `post-return` function, where the options name one.
    fn post_return(&mut self, results: &[Core]) -> Result<(), Trap>;
    fn may_leave(&self) -> bool;
    fn set_may_leave(&mut self, may_leave: bool);
}

/// What the spec leaves open, as the reader of a run needs to know it.
#[derive(Clone, Debug, Default)]
pub struct Notes {
    /// The slips in force.
    pub deviations: Deviations,
    /// The slips that were met at a place where they change something.
    pub taken: Deviations,
    pub nan_mode: NanMode,
    /// How much was lifted since the instance was made: each value counts, and the bytes of strings and of
    /// lists of bytes do by the dozen.
    pub lifted: u64,
    pub course: Course,
    pub points: Points,
    /// The stages at which the host lifts into values of static types. Only a slip asks.
    pub static_lifts: BTreeSet<Stage>,
    /// Where lifting or lowering for another guest trapped: all traps of which that call may meet the
    /// first, depending on the order of what it does. Where anything else trapped there are none.
    pub faults: BTreeSet<Trap>,
    /// Whether a limit that the spec lacks ended the search for faults: there may be more.
    pub unexplored: bool,
    /// What is left to explore of lowering, where lifting for another guest trapped.
    pub unlowered: Option<Vec<Step>>,
}

/// What was lowered for one instance, as far as the reader of what it saw needs to know it.
#[derive(Clone, Debug, Default)]
pub struct Lowered {
    /// How often values were lowered to core values: each time, one core function is called with
    /// them or one returns them to the guest.
    pub lowerings: usize,
    /// Where NaNs were lowered to.
    pub nans: Vec<NanLeaf>,
    pub received: Received,
}

/// What an instance received during one call of the host's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// The calls of its `realloc`, in order.
    pub reallocs: Vec<ReallocStep>,
    /// What another guest passed, as far as all of it was lowered.
    pub crossings: Vec<Crossing>,
}

/// Values that were lifted from one guest and lowered for another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crossing {
    /// Whether they are params or a result.
    pub stage: Stage,
    pub values: Vec<Value>,
}

/// How far a call got, and what it took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Course {
    /// Where it ended, or is.
    pub stage: Stage,
    /// How many calls from one guest to another are under way, or were when it ended: calls of functions
    /// and of destructors.
    pub depth: usize,
    /// The calls of built-ins and of destructors, in the order in which they ended.
    pub acts: Vec<Act>,
}

/// The stages of a call of an export, and of the imports that it calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    /// `canon lift` lowers the params.
    #[default]
    LowerParams,
    /// The guest's function runs.
    Callee,
    /// `canon lower` lifts the params.
    LiftParams,
    /// The import's callee runs: the host.
    Host,
    /// `canon lower` lowers the result.
    LowerResult,
    /// `canon lift` lifts the result.
    LiftResult,
    PostReturn,
    /// A destructor of a guest's runs.
    Destructor,
}

/// One call of a built-in or of a destructor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Act {
    pub kind: ActKind,
    /// What it was called in.
    pub stage: Stage,
    pub trap: Option<Trap>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ActKind {
    New,
    Rep,
    Drop,
    Destructor,
}

/// One call of `realloc`, made while values are lowered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ReallocStep {
    pub stage: Stage,
    /// The options of the guest that the values are from; nothing where they are the host's.
    pub peer: Option<LiftLowerOptions>,
    pub block: Block,
}

/// What a block of memory is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Block {
    List,
    /// Params that spill.
    Tuple,
    String {
        source: StringSource,
        change: Change,
    },
}

/// Whether a string's block is its first one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    New,
    Grown,
    Shrunk,
}

/// Which bits a NaN has when it is lifted and lowered; the spec permits both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NanMode {
    /// The spec's deterministic profile.
    Canonicalize,
    #[default]
    Preserve,
}

/// A NaN that was lowered: any other NaN of this width in its place would be right as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct NanLeaf {
    /// Which lowering for its instance it was part of, counted from 1.
    pub lowering: usize,
    pub place: Place,
    /// In bytes: 4 or 8.
    pub width: u32,
}

/// Where a lowered float is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Place {
    Memory(u64),
    /// The index among the core values of one `lower_flat_values`.
    Flat(usize),
}

impl PtrType {
    /// Spec: `ptr_size`.
    pub fn size(self) -> u64 {
        match self {
            PtrType::I32 => 4,
            PtrType::I64 => 8,
        }
    }

    /// The core type of such a pointer.
    pub fn core_type(self) -> CoreType {
        match self {
            PtrType::I32 => CoreType::I32,
            PtrType::I64 => CoreType::I64,
        }
    }
}

impl Cx<'_> {
    /// Spec: `reallocate`. `old` has the old block and its size.
    pub fn reallocate(
        &mut self,
        block: Block,
        old: (u64, u64),
        align: u64,
        new_size: u64,
    ) -> Result<u64, Trap> {
        let stage = self.guest.notes().course.stage;
        let step = ReallocStep { stage, peer: self.peer, block };
        self.guest.lowered().received.reallocs.push(step);
        let slips = self.peer.is_none() && self.guest.is_wide();
        let crashes = slips && self.deviates(Deviation::HostReallocOf64BitsCrashes);
        trap_if(crashes, Trap::Crash)?;
        let (old, old_size) = old;
        let answer = self.guest.realloc(old, old_size, align, new_size);
        let ptr = answer.inspect_err(|_| self.reach(Rule::ReallocTraps))?;
        // Only by a slip it has more bits than the pointers of the options.
        Ok(Core::from_bits(self.opts.ptr_type.core_type(), ptr).bits())
    }

    /// Spec: `allocate`.
    pub fn allocate(&mut self, block: Block, align: u64, new_size: u64) -> Result<u64, Trap> {
        self.reallocate(block, (0, 0), align, new_size)
    }

    /// How a type lies in the guest's memory.
    pub fn layout<'a>(&mut self, part: impl Into<Part<'a>>) -> Layout {
        Layout::slipping(part, self.opts.ptr_type, &mut |slip| self.deviates(slip))
    }

    /// How the tuple of these types lies in the guest's memory.
    pub fn tuple_layout(&mut self, types: &[Type]) -> Layout {
        Layout::tuple_slipping(types, self.opts.ptr_type, &mut |slip| self.deviates(slip))
    }

    /// Whether that many bytes from `ptr` on are not all inside the memory. No sum wraps.
    pub fn out_of_bounds(&self, ptr: u64, byte_length: u64) -> bool {
        let memory_length = self.guest.memory().len();
        u128::from(ptr) + u128::from(byte_length)
            > u128::try_from(memory_length).expect("a length fits in 128 bits")
    }

    /// Traps where that many bytes from `ptr` on are not aligned, or not all inside the memory.
    pub fn check_range(
        &mut self,
        ptr: u64,
        alignment: u64,
        byte_length: u64,
        what: Checked,
    ) -> Result<(), Trap> {
        let misaligned = !ptr.is_multiple_of(alignment);
        let outside = self.out_of_bounds(ptr, byte_length);
        if misaligned && outside && self.peer.is_some() {
            self.guest.notes().fault(what.trap);
        }
        self.trap_if(misaligned, what.misaligned, Trap::UnalignedPointer)?;
        self.trap_if(outside, what.out_of_bounds, what.trap)
    }

    /// Traps where the first `size` bytes of a part of something spilled are not in memory, which
    /// only a slip lets happen.
    pub fn check_part(&mut self, ptr: u64, layout: &Layout, size: u64) -> Result<(), Trap> {
        assert!(ptr.is_multiple_of(layout.alignment), "the caller checked the alignment");
        if !self.out_of_bounds(ptr, layout.elem_size) {
            return Ok(());
        }
        let unchecked = self.guest.notes().deviations.contains(Deviation::SpilledBoundsUnchecked);
        assert!(unchecked, "the caller checked the range");
        trap_if(size > 0 && self.out_of_bounds(ptr, size), Trap::MemoryOutOfBounds)
    }

    /// Fails, by a slip, where a value of this type passes from guest to guest.
    pub fn check_members<T>(&mut self, shape: &Despecialized<T>) -> Result<(), Trap> {
        let large = shape.members() > LARGE;
        let crashes = large && self.deviates_fused(Deviation::AdapterRecursesOnLargeTypes);
        trap_if(crashes, Trap::Crash)
    }

    /// Spec: `trap_if`. The rule that says so is noted.
    pub fn trap_if(
        &mut self,
        condition: bool,
        rule: impl Into<Point>,
        trap: Trap,
    ) -> Result<(), Trap> {
        if condition {
            self.reach(rule);
        }
        trap_if(condition, trap)
    }

    /// Notes that this came to a point.
    pub fn reach(&mut self, point: impl Into<Point>) {
        let party = Party::of(self.peer);
        self.guest.notes().reach(point, party);
    }

    /// Notes that a pointer of this width is lifted or lowered, where it is wide.
    pub fn reach_pointer(&mut self, wide: Rule) {
        if self.opts.ptr_type == PtrType::I64 {
            self.reach(wide);
        }
    }

    /// Notes that a value of this shape is lifted or lowered here.
    pub fn reach_value<T>(&mut self, passage: Passage, shape: &Despecialized<T>) {
        self.reach(Point::Value(passage, Constructor::of(shape)));
    }

    /// Notes how wide an integer in memory is, by the rules for 1, 2 and 4 bytes.
    pub fn reach_width(&mut self, nbytes: u64, [one, two, four]: [Rule; 3]) {
        self.reach(match nbytes {
            1 => one,
            2 => two,
            _ => four,
        });
    }

    /// Notes that a core value of type `ty` is in the slot of another, which cases of a variant share,
    /// by the rules for an i32 in an i64, an f32 in an i32 and in an i64, and an f64 in an i64.
    pub fn reach_join(&mut self, ty: CoreType, slot: CoreType, rules: [Rule; 4]) {
        let [i32_in_i64, f32_in_i32, f32_in_i64, f64_in_i64] = rules;
        match (ty, slot) {
            (CoreType::I32, CoreType::I64) => self.reach(i32_in_i64),
            (CoreType::F32, CoreType::I32) => self.reach(f32_in_i32),
            (CoreType::F32, CoreType::I64) => self.reach(f32_in_i64),
            (CoreType::F64, CoreType::I64) => self.reach(f64_in_i64),
            (CoreType::I32 | CoreType::I64 | CoreType::F32 | CoreType::F64, _) => {}
        }
    }

    /// Whether to slip here. Ask only where the answer changes something: the slip is noted.
    pub fn deviates(&mut self, deviation: Deviation) -> bool {
        self.guest.notes().deviates(deviation)
    }

    /// The same, for slips in calls from guest to guest alone.
    pub fn deviates_fused(&mut self, deviation: Deviation) -> bool {
        self.peer.is_some() && self.deviates(deviation)
    }
}

impl Notes {
    /// How much may be lifted from the guests of one instance, all of which someone may keep: each value takes
    /// some tens of bytes.
    pub const MAX_LIFTED: u64 = 1 << 22;

    /// Counts what is about to be lifted, before it takes any memory.
    pub fn lift(&mut self, count: u64) -> Result<(), Trap> {
        self.lifted = self.lifted.saturating_add(count);
        trap_if(self.lifted > Notes::MAX_LIFTED, Trap::Exhausted)
    }

    /// Notes that this came to a point.
    pub fn reach(&mut self, point: impl Into<Point>, party: Party) {
        self.points.insert(point.into(), party);
    }

    /// Adds to the faults of a call between guests. A limit is none, but hides some.
    pub fn fault(&mut self, trap: Trap) {
        if trap == Trap::Exhausted {
            self.unexplored = true;
            return;
        }
        let trap = self.between_guests(trap);
        self.faults.insert(trap);
    }

    /// What a trap of lifting or lowering between guests is taken for.
    pub fn between_guests(&mut self, trap: Trap) -> Trap {
        if trap.is_of_values() { self.in_adapter(trap) } else { trap }
    }

    /// What a trap is taken for where whatever is between two guests checks for it.
    pub fn in_adapter(&mut self, trap: Trap) -> Trap {
        if self.deviates(Deviation::AdapterTrapsUnnamed) { Trap::Guest } else { trap }
    }

    /// Whether to slip here. Ask only where the answer changes something: the slip is noted.
    pub fn deviates(&mut self, deviation: Deviation) -> bool {
        let slips = self.deviations.contains(deviation);
        if slips {
            self.taken.insert(deviation);
        }
        slips
    }
}
