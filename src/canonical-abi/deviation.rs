//! Named deviations: how lifting, lowering and calls would go if they were wrong in one place.
//! Knows nothing of the places that ask for them, nor of who registered one or why.

use std::fmt;

macro_rules! deviations {
    (
        of engines: { $($(#[$engine_doc:meta])* $engine:ident = $engine_name:literal,)* }
        moved: { $($(#[$moved_doc:meta])* $moved:ident = $moved_name:literal,)* }
        planted: { $($(#[$planted_doc:meta])* $planted:ident = $planted_name:literal,)* }
        planted_fused: { $($(#[$fused_doc:meta])* $fused:ident = $fused_name:literal,)* }
        planted_noisy: { $($(#[$noisy_doc:meta])* $noisy:ident = $noisy_name:literal,)* }
    ) => {
        /// One deviation. What becomes of it is said in `deviations/` here or in `component/`, or in the reference's host.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Deviation {
            $($(#[$engine_doc])* $engine,)*
            $($(#[$moved_doc])* $moved,)*
            $($(#[$planted_doc])* $planted,)*
            $($(#[$fused_doc])* $fused,)*
            $($(#[$noisy_doc])* $noisy,)*
        }

        impl Deviation {
            /// Deviations that some engine has: the register may name them.
            pub const OF_ENGINES: &'static [Deviation] = &[$(Deviation::$engine),*];
            /// What later text of the specification says, or earlier text said: the register may name them, too.
            pub const MOVED: &'static [Deviation] = &[$(Deviation::$moved),*];
            /// Deviations that no engine has, each like one that might: what a run has to notice.
            pub const PLANTED: &'static [Deviation] = &[$(Deviation::$planted),*];
            /// The same, of those that only calls from guest to guest can show.
            pub const PLANTED_FUSED: &'static [Deviation] = &[$(Deviation::$fused),*];
            /// The same, of those that only core code can show which does what no script says.
            pub const PLANTED_NOISY: &'static [Deviation] = &[$(Deviation::$noisy),*];

            /// The name that the register and the reports use.
            pub fn name(self) -> &'static str {
                match self {
                    $(Deviation::$engine => $engine_name,)*
                    $(Deviation::$moved => $moved_name,)*
                    $(Deviation::$planted => $planted_name,)*
                    $(Deviation::$fused => $fused_name,)*
                    $(Deviation::$noisy => $noisy_name,)*
                }
            }
        }
    };
}

deviations! {
    of engines: {
        /// Lifting a list checks its bounds before its alignment.
        ListBoundsBeforeAlignment = "list-bounds-before-alignment",
        /// Lifting a utf16 or latin1+utf16 string accepts an odd pointer.
        StringAlignmentUnchecked = "string-alignment-unchecked",
        /// Lifting a string has no limit but the memory, so a misaligned pointer is noticed first.
        StringLengthUnlimited = "string-length-unlimited",
        /// The host may call an export while an import that the same instance called is running, and then guests
        /// may call one whose import is running.
        HostReentry = "host-reentry",
        /// The discriminant grows to two bytes one case too early, at 256.
        DiscriminantGrowsEarly = "discriminant-grows-early",
        /// Lifting flags fails altogether where a bit above the labels is set.
        FlagsBeyondLabelsCrash = "flags-beyond-labels-crash",
        /// Giving away or dropping a handle looks whether it is lent before it looks at its type.
        LendsBeforeType = "lends-before-type",
        /// A borrow that is passed on is not lent meanwhile: it may be dropped.
        BorrowedNotLentOn = "borrowed-not-lent-on",
        /// Whether borrows remain is checked before the result is lifted.
        BorrowsCheckedEarly = "borrows-checked-early",
        /// Whether borrows remain is checked only after `post-return`.
        BorrowsCheckedLate = "borrows-checked-late",
        /// An owned handle that is lent to the host after any other handle was, in one call, makes the engine
        /// fail altogether.
        SecondLoanCrashes = "second-loan-crashes",
        /// While core code of a call by the host runs, the thread of its task is among the instance's handles.
        ThreadAmongHandles = "thread-among-handles",
        /// `resource.rep` may not be called where imports may not.
        ResourceRepLeaves = "resource-rep-leaves",
        /// A component may not call its own exports.
        SelfCallsRefused = "self-calls-refused",
        /// A component may not call what is in one that it contains, nor what contains it.
        FamilyCallsRefused = "family-calls-refused",
        /// A function that is not async may not call one that is, whether or not that blocks.
        AsyncCallsRefused = "async-calls-refused",
        /// Where a function that is not async blocks, another call of its instance goes on, if one can.
        BlockedCallsSwitch = "blocked-calls-switch",
        /// A call from guest to guest has no task of its own: what may block, the host's call decides.
        FusedCallsHaveNoTask = "fused-calls-have-no-task",
        /// An async function keeps others of its instance waiting only until its core code has returned.
        ExclusiveUntilReturned = "exclusive-until-returned",
        /// A function that the host waits for, rather than awaits, counts as not async.
        WaitedForIsSync = "waited-for-is-sync",
        /// An async function that the host waits for does not wait for others of its instance.
        WaitedForEntersAtOnce = "waited-for-enters-at-once",
        /// The host takes a memory of 64 bits for one of 32: pointers, layouts and tags are those of 32.
        HostMemoryIs32Bit = "host-memory-is-32-bit",
        /// The host cannot call a `realloc` whose pointers have 64 bits: the engine fails.
        HostReallocOf64BitsCrashes = "host-realloc-of-64-bits-crashes",

        // Misused by the host
        /// Flags that name one twice pass as if they named it once.
        DuplicateFlagPasses = "duplicate-flag-passes",
        /// A handle of another store passes for that of the same index in this one.
        ForeignHandlePasses = "foreign-handle-passes",
        /// An argument of another type leaves the instance entered: nobody can enter it again.
        WrongArgLocksInstance = "wrong-arg-locks-instance",
        /// A call with too few or too many arguments or results leaves the instance as if entered, too.
        WrongCallLocksInstance = "wrong-call-locks-instance",
        /// Where an argument of another type has left the instance entered, a call waits for ever.
        LockedInstanceDeadlocks = "locked-instance-deadlocks",
        /// Where an argument of another type has left the instance entered, a call makes the engine fail.
        LockedInstanceCrashes = "locked-instance-crashes",

        // Between guests
        /// Whether two components may call each other is checked before whether imports may be
        /// called at all.
        KinshipBeforeMayLeave = "kinship-before-may-leave",
        /// Between guests, a call of a function that is async makes the engine fail where the host waits, rather
        /// than awaits.
        UnawaitedAdapterCrashes = "unawaited-adapter-crashes",
        /// Between guests, a call of a function that is async may be made where imports may not be called.
        AsyncAdapterMayLeave = "async-adapter-may-leave",
        /// Between guests, an async function whose result lies in memory has no adapter where only one of the two
        /// memories has 64 bits: the engine fails.
        AsyncAdapterAborts = "async-adapter-aborts",
        /// Between guests, `post-return` may call imports, but for that of an async function.
        FusedPostReturnMayLeave = "fused-post-return-may-leave",
        /// Between guests, `post-return` of an async function may call imports.
        AsyncPostReturnMayLeave = "async-post-return-may-leave",
        /// Between guests, the discriminant one beyond the last case of an enum passes.
        EnumOneBeyondPasses = "enum-one-beyond-passes",
        /// Functions that pass borrows from guest to guest have no valid adapter.
        BorrowAdapterRefused = "borrow-adapter-refused",
        /// Between guests, what lifting and lowering check traps as if it were core code.
        AdapterTrapsUnnamed = "adapter-traps-unnamed",
        /// Between guests, where spilled values lie is checked for alignment alone: outside of memory
        /// only what is read or written traps.
        SpilledBoundsUnchecked = "spilled-bounds-unchecked",
        /// The source of UTF-16 that becomes latin1+utf16 is checked for half its length.
        SourceBoundsInCodeUnits = "source-bounds-in-code-units",
        /// Room for untagged Latin-1 that stays as it is is asked for with alignment 1.
        Latin1CopiedByteAligned = "latin1-copied-byte-aligned",
        /// Between guests, the tag of UTF-16 in a memory of 64 bits is the bit that it is in one of 32.
        WideTagAtBit31 = "wide-tag-at-bit-31",
        /// Tagged UTF-16 that becomes Latin-1 shrinks with alignment 2.
        CompactingAlignedToTwo = "compacting-aligned-to-two",
        /// Between guests, what a shrinking `realloc` answers may be misaligned.
        FusedShrinkAlignmentUnchecked = "fused-shrink-alignment-unchecked",
        /// Between guests, what a shrinking `realloc` answers may be out of bounds.
        FusedShrinkBoundsUnchecked = "fused-shrink-bounds-unchecked",
        /// Latin-1 is inflated to UTF-16 at whatever odd address `realloc` answers: the engine fails.
        InflationAlignmentUnchecked = "inflation-alignment-unchecked",
        /// Latin-1 is inflated to UTF-16 wherever `realloc` answers: the engine fails where that is
        /// outside of memory.
        InflationBoundsUnchecked = "inflation-bounds-unchecked",
        /// Before a string in UTF-8 grows, it is written as far as it fits, not only as far as it is
        /// ASCII.
        FirstPassFillsBlock = "first-pass-fills-block",
        /// Where a list of fixed length would pass from a memory of 64 bits into a memory, the component
        /// is refused.
        FixedLengthListAdapterRefused = "fixed-length-list-adapter-refused",
        /// Between guests, a value of a type that has more than 1000 members makes the engine fail.
        AdapterRecursesOnLargeTypes = "adapter-recurses-on-large-types",
        /// A read or write of a stream or future looks at its buffer before it looks for the end.
        CopyBufferBeforeEnd = "copy-buffer-before-end",
    }
    moved: {
        /// `task.return` of a definition without a memory may return where the function was lifted with one.
        TaskReturnWithoutMemory = "task-return-without-memory",
        /// A task that is not async traps where it makes a call that may block, whether or not that does: until
        /// May 2026.
        BlocksEagerly = "blocks-eagerly",
        /// While a task that is not async is blocked, the one that holds the lock of its instance may go on, too:
        /// since component-model#705.
        LockHolderGoesOn = "lock-holder-goes-on",
        /// A thread that is to promote itself traps: since component-model#687.
        SelfPromotionTraps = "self-promotion-traps",
        /// Nobody but a callback's task is told that it is cancelled: since component-model#716.
        OnlyCallbacksCancelled = "only-callbacks-cancelled",
        /// A subtask in a waitable set may not be cancelled by an async `subtask.cancel`, either: since
        /// component-model#715.
        NoCancellingInSets = "no-cancelling-in-sets",
        /// A copy that is cancelled or whose other end is dropped says so, although elements were copied and nobody
        /// was told: since component-model#719.
        LastResultWins = "last-result-wins",
        /// An idle end in a waitable set gets an event when the other end is dropped: since component-model#720.
        IdleEndsToldOfDrops = "idle-ends-told-of-drops",
        /// A callback that waits for an event goes on where its task is cancelled: since component-model#707.
        PendingCancelWakes = "pending-cancel-wakes",
    }
    planted: {
        // Layout
        /// 9 to 16 flags take four bytes.
        SixteenFlagsTakeFourBytes = "sixteen-flags-take-four-bytes",
        /// The discriminant grows to two bytes one case too late.
        DiscriminantGrowsLate = "discriminant-grows-late",
        /// A record that is aligned to 4 is padded to a multiple of 8.
        RecordPaddedToEight = "record-padded-to-eight",
        /// An f64 is aligned to 4, as in the C ABI of i386.
        Float64AlignedToFour = "float64-aligned-to-four",
        /// A payload lies where its own alignment lets it, not where that of all cases does.
        PayloadAtItsOwnAlignment = "payload-at-its-own-alignment",

        // Spilling
        /// Room for spilled params is asked for with alignment 1.
        SpilledParamsByteAligned = "spilled-params-byte-aligned",
        /// Room for spilled params is asked for without the padding at their end.
        SpilledParamsUnpadded = "spilled-params-unpadded",
        /// Spilled values that are lifted may not end where the memory does.
        SpilledMayNotEndWithMemory = "spilled-may-not-end-with-memory",
        /// The out-pointer is checked before the callee runs.
        OutPointerCheckedEarly = "out-pointer-checked-early",

        // Joins
        /// 32 bits in a slot of 64 are sign-extended.
        JoinedIntegersSignExtended = "joined-integers-sign-extended",
        /// An f32 in a slot of 64 bits is promoted to an f64.
        JoinedFloat32Promoted = "joined-float32-promoted",
        /// Slots that a case does not use repeat the discriminant.
        UnusedSlotsNotZeroed = "unused-slots-not-zeroed",

        // Narrowing
        /// s8 and s16 are zero-extended when they are lowered.
        NarrowSignedZeroExtended = "narrow-signed-zero-extended",
        /// Only the low byte of a flat bool counts.
        FlatBoolLowByteOnly = "flat-bool-low-byte-only",
        /// A narrow integer that is no extension of its low bits traps.
        NarrowIntegersChecked = "narrow-integers-checked",
        /// Only the low byte of a flat discriminant counts.
        FlatDiscriminantLowByteOnly = "flat-discriminant-low-byte-only",

        // Memory
        /// A bool in memory is its lowest bit.
        BoolInMemoryIsItsLowBit = "bool-in-memory-is-its-low-bit",
        /// Flags in memory keep the bits beyond their labels.
        FlagsInMemoryKeepUpperBits = "flags-in-memory-keep-upper-bits",
        /// Padding between fields is overwritten with zeros.
        PaddingZeroed = "padding-zeroed",
        /// Where a case has no payload, the place of payloads is overwritten with zeros.
        AbsentPayloadZeroed = "absent-payload-zeroed",

        // Trap conditions
        /// A surrogate is lifted as U+FFFD.
        SurrogateReplaced = "surrogate-replaced",
        /// U+10FFFF is refused.
        LastCodePointRefused = "last-code-point-refused",
        /// A discriminant in memory that has no case is taken for the last.
        DiscriminantInMemoryUnchecked = "discriminant-in-memory-unchecked",
        /// The pointer of an empty list that is lifted is not checked.
        EmptyListUnchecked = "empty-list-unchecked",
        /// A list that is lifted has to be aligned to the size of its elements.
        ListAlignedToElementSize = "list-aligned-to-element-size",
        /// A list that is lifted may not end where the memory does.
        ListMayNotEndWithMemory = "list-may-not-end-with-memory",

        // Calls of realloc
        /// An empty list is lowered without a call of `realloc`.
        EmptyListNotAllocated = "empty-list-not-allocated",
        /// Room for a list is asked for with alignment 1.
        ListAllocatedByteAligned = "list-allocated-byte-aligned",
        /// What a shrinking `realloc` answers is not checked.
        ShrinkUnchecked = "shrink-unchecked",
        /// A growing `realloc` is told that the old block was empty.
        GrowthForgetsOldSize = "growth-forgets-old-size",

        // Strings
        /// UTF-16 keeps the room of the worst case.
        Utf16NotShrunk = "utf16-not-shrunk",
        /// Latin-1 is taken to end at U+007F when strings are lowered.
        Latin1LimitIsAscii = "latin1-limit-is-ascii",
        /// Inflating Latin-1 to UTF-16 reads the source, not what `realloc` kept.
        InflatedFromSource = "inflated-from-source",
        /// The tag of UTF-16 is left out.
        Utf16TagMissing = "utf16-tag-missing",
        /// Latin-1 that is lifted may begin at an odd address.
        Latin1AlignedToOne = "latin1-aligned-to-one",
        /// NUL may be two bytes long, as in modified UTF-8.
        OverlongNulAccepted = "overlong-nul-accepted",
        /// An unpaired surrogate in UTF-16 is lifted as U+FFFD.
        UnpairedSurrogateReplaced = "unpaired-surrogate-replaced",
        /// The length of a tagged string counts bytes.
        TaggedLengthInBytes = "tagged-length-in-bytes",

        // Calls
        /// `post-return` is not called.
        PostReturnSkipped = "post-return-skipped",
        /// `post-return` is called before the result is lifted.
        PostReturnBeforeLift = "post-return-before-lift",
        /// `post-return` may call imports.
        PostReturnMayLeave = "post-return-may-leave",
        /// `may_leave` stays false after `post-return`.
        MayLeaveNotRestored = "may-leave-not-restored",
        /// `realloc` may call imports.
        ReallocMayLeave = "realloc-may-leave",
        /// A function that is not async may block.
        BlockingUnchecked = "blocking-unchecked",

        // Handles
        /// A handle to another type of resource is lifted.
        LiftedTypeUnchecked = "lifted-type-unchecked",
        /// `resource.drop` takes a handle to another type of resource.
        DroppedTypeUnchecked = "dropped-type-unchecked",
        /// `resource.rep` takes a handle to another type of resource.
        RepTypeUnchecked = "rep-type-unchecked",
        /// A handle is given away while it is lent.
        LentOwnLifted = "lent-own-lifted",
        /// A borrow is given away as if it were owned.
        BorrowLiftedAsOwn = "borrow-lifted-as-own",
        /// A handle that was given away stays in the table.
        LiftedOwnKept = "lifted-own-kept",
        /// A handle that is borrowed from is not lent.
        BorrowNotLent = "borrow-not-lent",
        /// What was lent for a call stays lent after it.
        LentForever = "lent-forever",
        /// The instance that defines a resource gets a handle to a borrow, too.
        BorrowOfOwnResourceIsHandle = "borrow-of-own-resource-is-handle",
        /// A call may return while it holds borrows.
        BorrowsMayRemain = "borrows-may-remain",
        /// A borrow counts as held after it was dropped.
        DroppedBorrowCounted = "dropped-borrow-counted",
        /// Of the free indices, that which was freed first is used first.
        OldestIndexFirst = "oldest-index-first",
        /// `resource.new` and `resource.drop` may be called where imports may not.
        ResourceBuiltInsMayLeave = "resource-built-ins-may-leave",
        /// The destructor is not called.
        DestructorSkipped = "destructor-skipped",
    }
    planted_fused: {
        // Whose
        /// Params are lifted with the string encoding of the callee.
        ParamsReadInCalleesEncoding = "params-read-in-callees-encoding",
        /// Params are lowered with the string encoding of the caller.
        ParamsInCallersEncoding = "params-in-callers-encoding",
        /// The result is lowered with the string encoding of the callee.
        ResultInCalleesEncoding = "result-in-callees-encoding",
        /// Params are lifted from the memory of the callee.
        ParamsReadFromCallee = "params-read-from-callee",
        /// The result is stored in the memory of the callee.
        ResultStoredInCallee = "result-stored-in-callee",
        /// Room for params is asked for at the `realloc` of the caller.
        CallersReallocForParams = "callers-realloc-for-params",
        /// Handles that the callee gets land in the table of the caller.
        HandlesLandInCaller = "handles-land-in-caller",

        // Strings
        /// Latin-1 that grows into UTF-8 asks for what it takes, not for the worst case.
        Latin1GrowsToFit = "latin1-grows-to-fit",
        /// UTF-16 that grows into UTF-8 asks for twice its code units, and what does not fit is lost.
        Utf16GrowsToTwice = "utf16-grows-to-twice",
        /// UTF-16 that becomes UTF-8 asks at first for as many bytes as it had.
        FirstBlockInSourceBytes = "first-block-in-source-bytes",
        /// When a string in UTF-8 has grown, the rest of it begins with its start.
        SecondPassFromStart = "second-pass-from-start",
        /// A surrogate pair counts as one code unit when UTF-16 is copied.
        SurrogatePairCountedOnce = "surrogate-pair-counted-once",
        /// Tagged UTF-16 that becomes UTF-16 keeps the tag.
        TagKeptInDestination = "tag-kept-in-destination",
        /// Tagged UTF-16 that becomes Latin-1 keeps its length in bytes.
        CompactedLengthInBytes = "compacted-length-in-bytes",

        // Values
        /// Flags pass with the bits beyond their labels.
        FusedFlagsUnmasked = "fused-flags-unmasked",
        /// A bool passes as the integer that it was.
        FusedBoolRaw = "fused-bool-raw",
        /// A char passes unchecked.
        FusedCharUnchecked = "fused-char-unchecked",
        /// A flat discriminant that has no case is taken for the last.
        FusedDiscriminantUnchecked = "fused-discriminant-unchecked",
        /// Room for a list is asked for by its length, not by its size.
        ListAllocatedByLength = "list-allocated-by-length",

        // Calls
        /// `post-return` is not called when a guest called.
        FusedPostReturnSkipped = "fused-post-return-skipped",
        /// `post-return` gets zeros when a guest called.
        FusedPostReturnGetsZeros = "fused-post-return-gets-zeros",
        /// What was lent to a guest stays lent after the call.
        FusedLoansKept = "fused-loans-kept",
        /// A call from a guest may return while it holds borrows.
        FusedBorrowsMayRemain = "fused-borrows-may-remain",
    }
    planted_noisy: {
        /// What `post-return` writes is undone after it.
        PostReturnWritesLost = "post-return-writes-lost",
        /// What `realloc` writes outside of a first block is undone after it.
        ReallocWritesLost = "realloc-writes-lost",
        /// What the result points to is read once more after `post-return`.
        ResultReadAfterPostReturn = "result-read-after-post-return",
        /// What is passed to an import that is called first is read from the memory as it was when the function
        /// was entered.
        ParamsReadAsOfEntry = "params-read-as-of-entry",
        /// The memory ends, for the result, where it ended when the function was entered.
        BoundsAsOfEntry = "bounds-as-of-entry",
        /// A destructor may not call imports.
        DestructorMayNotImport = "destructor-may-not-import",
    }
}

/// A set of deviations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Deviations([u64; WORDS]);

/// Words of 64 deviations each.
const WORDS: usize = 4;

impl Deviation {
    /// Every deviation, in the order of declaration.
    pub fn all() -> impl Iterator<Item = Deviation> {
        let planted = Deviation::PLANTED.iter().chain(Deviation::PLANTED_FUSED);
        let planted = planted.chain(Deviation::PLANTED_NOISY);
        Deviation::OF_ENGINES.iter().chain(Deviation::MOVED).chain(planted).copied()
    }

    /// The deviation of this name.
    pub fn named(name: &str) -> Option<Deviation> {
        Deviation::all().find(|deviation| deviation.name() == name)
    }

    /// Whether the register may name it.
    pub fn is_registrable(self) -> bool {
        Deviation::OF_ENGINES.contains(&self) || Deviation::MOVED.contains(&self)
    }

    /// Whether it is a crash of the engine rather than another outcome of the call.
    pub fn crashes(self) -> bool {
        matches!(
            self,
            Deviation::FlagsBeyondLabelsCrash
                | Deviation::SourceBoundsInCodeUnits
                | Deviation::InflationAlignmentUnchecked
                | Deviation::InflationBoundsUnchecked
                | Deviation::LockedInstanceCrashes
                | Deviation::AsyncAdapterAborts
        )
    }

    /// Its word in a set, and its bit there.
    fn place(self) -> (usize, u64) {
        let number = u8::from(self);
        (usize::from(number / 64), 1 << (number % 64))
    }
}

impl From<Deviation> for u8 {
    #[expect(clippy::as_conversions, reason = "the discriminant of a `repr(u8)` enum")]
    fn from(deviation: Deviation) -> u8 {
        deviation as u8
    }
}

impl fmt::Display for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Deviations {
    /// No deviation: the spec as it stands.
    pub const NONE: Deviations = Deviations([0; WORDS]);

    /// Adds a deviation.
    pub fn insert(&mut self, deviation: Deviation) {
        let (word, bit) = deviation.place();
        self.0[word] |= bit;
    }

    pub fn contains(self, deviation: Deviation) -> bool {
        let (word, bit) = deviation.place();
        self.0[word] & bit != 0
    }

    pub fn is_empty(self) -> bool {
        self.0 == [0; WORDS]
    }

    /// The deviations in the set, in the order of declaration.
    pub fn iter(self) -> impl Iterator<Item = Deviation> {
        Deviation::all().filter(move |deviation| self.contains(*deviation))
    }
}

impl FromIterator<Deviation> for Deviations {
    fn from_iter<I: IntoIterator<Item = Deviation>>(deviations: I) -> Deviations {
        let mut set = Deviations::NONE;
        deviations.into_iter().for_each(|deviation| set.insert(deviation));
        set
    }
}
