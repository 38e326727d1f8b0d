//! What lifting and lowering is done with: options, a guest, and whoever watches.
//! Knows nothing of values; what a guest is made of is its implementor's business.

use super::point::{Party, Point};
use super::table::Handles;
use super::{Core, CoreType, Deviation, LiftLowerOptions, NanMode, PtrType, Rule};
use super::{Stage, Stop, Watch, end_if};

/// How much may be lifted from the guests of one instance, all of which someone may keep: each value takes
/// some tens of bytes.
pub const MAX_LIFTED: u64 = 1 << 22;
const TOO_MANY_LIFTED: Stop = Stop::Exhausted("more values than we can hold");

/// Spec: `LiftLowerContext`: options and guest of one lift or lower.
pub struct Cx<'a> {
    pub opts: LiftLowerOptions,
    /// The options of the guest on the other side of the call; nothing where the host is there.
    pub peer: Option<LiftLowerOptions>,
    pub guest: &'a mut dyn Guest,
}

/// The memory and the `realloc` that canonical options name.
pub trait Guest {
    /// The whole linear memory; empty where the options name none.
    fn memory(&self) -> &[u8];
    fn memory_mut(&mut self) -> &mut [u8];
    /// Calls the guest's `realloc` as it stands: no check of what it returns. While it runs
    /// `may_leave` is false, which is the implementor's to see to: a memory has no such flag.
    fn realloc(&mut self, old: u64, old_size: u64, align: u64, new_size: u64) -> Result<u64, Stop>;
    /// How much was lifted so far: each value counts, and the bytes of strings and of lists of bytes do by
    /// the dozen. Beyond [`MAX_LIFTED`] a call ends.
    fn lifted(&mut self) -> &mut u64;
    /// Who watches: `()`, if nobody does.
    fn watch(&mut self) -> &mut dyn Watch;
    /// The table of the guest's instance; nothing for a guest that is no instance, whose handles
    /// are lifted and lowered as the numbers that they are.
    fn handles(&mut self) -> Option<Handles<'_>> {
        None
    }
    /// The number of the guest's instance, by which whoever watches tells them apart.
    fn instance(&self) -> usize {
        0
    }
    /// Whether pointers into the memory have 64 bits, whatever the options in use say.
    fn is_wide(&self) -> bool {
        false
    }
    fn nan_mode(&self) -> NanMode {
        NanMode::default()
    }
}

/// A guest that is an instance of a component: what the canonical definitions need besides.
pub trait Instance: Guest {
    /// Calls the `post-return` function, where the options name one.
    fn post_return(&mut self, results: &[Core]) -> Result<(), Stop>;
    fn may_leave(&self) -> bool;
    fn set_may_leave(&mut self, may_leave: bool);
}

/// The stage of the call under way.
pub(super) fn stage(guest: &mut dyn Guest) -> Stage {
    let task = guest.handles().and_then(|mut handles| Some(handles.task()?.stage));
    task.unwrap_or_else(|| guest.watch().stage())
}

/// The call under way comes to another stage.
pub fn set_stage(guest: &mut dyn Guest, stage: Stage) {
    if let Some(task) = guest.handles().as_mut().and_then(Handles::task) {
        task.stage = stage;
    }
    guest.watch().set_stage(stage);
}

/// The table of a guest that has one.
pub(super) fn handles(guest: &mut dyn Guest) -> Handles<'_> {
    guest.handles().expect("it was there just now")
}

impl Cx<'_> {
    /// Whether that many bytes from `ptr` on are not all inside the memory. No sum wraps.
    pub fn out_of_bounds(&self, ptr: u64, byte_length: u64) -> bool {
        let memory_length = self.guest.memory().len();
        u128::from(ptr) + u128::from(byte_length)
            > u128::try_from(memory_length).expect("a length fits in 128 bits")
    }

    /// Counts what is about to be lifted, before it takes any memory.
    pub fn lift(&mut self, count: u64) -> Result<(), Stop> {
        let lifted = self.guest.lifted();
        *lifted = lifted.saturating_add(count);
        end_if(*lifted > MAX_LIFTED, TOO_MANY_LIFTED)
    }

    /// Who is at the other end.
    pub fn party(&self) -> Party {
        Party::of(self.peer)
    }

    /// Notes that this came to a point.
    pub fn reach(&mut self, point: impl Into<Point>) {
        let party = self.party();
        self.guest.watch().reach(point.into(), party);
    }

    /// Notes that a pointer of this width is lifted or lowered, where it is wide.
    pub fn reach_pointer(&mut self, wide: Rule) {
        if self.opts.ptr_type == PtrType::I64 {
            self.reach(wide);
        }
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

    /// Whether to deviate here. Ask only where the answer changes something: that is noted.
    pub fn deviates(&mut self, deviation: Deviation) -> bool {
        self.guest.watch().deviates(deviation)
    }

    /// Whether to deviate in a call from guest to guest, if this is one.
    pub fn deviates_fused(&mut self, deviation: Deviation) -> bool {
        self.peer.is_some() && self.deviates(deviation)
    }
}
