//! The first difference between two observations.
//! Knows the freedom that the spec itself leaves (any NaN is as good as another), that of adapters
//! between guests to meet faults in any order, and that traps are compared by kind; no other
//! tolerance.

use crate::abi::{Core, Deviations, Faults, NanLeaf, Place, Trap};
use crate::observation::{
    CallObservation, GuestEvent, HostEvent, Observation, Outcome, Reading, Returned, Seen, Told,
};
use crate::value::{Value, is_nan32, is_nan64};

/// Where two observations part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The call, counted from 0.
    pub call: usize,
    pub at: Where,
    pub expected: Observed,
    pub observed: Observed,
    /// How the core engines differ where they run a guest's core code on their own, if they do: then it
    /// is not about the canonical ABI.
    pub core: Option<String>,
}

/// What is different.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Where {
    /// How the call ended.
    Outcome,
    /// What the host saw or did, at this position.
    HostEvent(usize),
    /// The event of a guest's log with this number.
    GuestEvent { guest: usize, number: usize },
    /// What the export returned.
    Result,
    /// The size of a guest's memory.
    MemorySize { guest: usize },
    /// A guest's memory from this address on.
    Memory { guest: usize, address: usize },
}

/// One side of a difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observed {
    Outcome(Outcome),
    HostEvent(HostEvent),
    GuestEvent(GuestEvent),
    Result(Option<Value>),
    MemorySize(usize),
    /// Some bytes from where the memories part.
    Memory(Vec<u8>),
    /// The other side has one more event.
    Nothing,
}

/// Bytes of memory that a difference quotes.
const QUOTED: usize = 16;

/// The first place where an observation is not what was expected.
pub fn first_difference(expected: &Reading, observed: &Observation) -> Option<Difference> {
    let deviating = expected.taken != Deviations::NONE;
    let (reading, faults, expected) = (expected, &expected.faults, &expected.observation);
    let failed = is_failure(&expected.outcome) || is_failure(&observed.outcome);
    for (call, (a, b)) in expected.calls.iter().zip(&observed.calls).enumerate() {
        match call_difference(a, b, |guest| reading.nans(call, guest)) {
            Part::Same => {}
            // A side that failed as a whole saw nothing of its last call.
            Part::At(..) if failed && call + 1 == observed.calls.len() => break,
            Part::At(at, expected, observed) => {
                return Some(Difference { call, at, expected, observed, core: None });
            }
            Part::Ended => break,
        }
    }
    // The reference refuses to run what was checked only by a deviation that has the subject refuse it.
    let refused = deviating && observed.calls.is_empty();
    let same = refused && both_refused(&expected.outcome, &observed.outcome)
        || same_ending_of(&expected.outcome, &observed.outcome, faults);
    (!same).then(|| Difference {
        call: expected.calls.len().min(observed.calls.len()).saturating_sub(1),
        at: Where::Outcome,
        expected: Observed::Outcome(expected.outcome.clone()),
        observed: Observed::Outcome(observed.outcome.clone()),
        core: None,
    })
}

/// What one part of two observations says.
enum Part {
    Same,
    At(Where, Observed, Observed),
    /// At least one side never came back: the outcomes tell.
    Ended,
}

/// `nans` says where any NaN is as good as another in what a guest saw.
fn call_difference<'a>(
    expected: &CallObservation,
    observed: &CallObservation,
    nans: impl Fn(usize) -> &'a [NanLeaf],
) -> Part {
    let host = differs(&expected.host, &observed.host, same_host_event);
    // Events that only one side got to are explained by how it ended.
    let both = expected.host.len().min(observed.host.len());
    let ended = expected.returned.is_none() || observed.returned.is_none();
    if let Some(i) = host.filter(|i| !ended || *i < both || same_ending(expected, observed)) {
        let side = |events: &[HostEvent]| {
            events.get(i).map_or(Observed::Nothing, |event| Observed::HostEvent(event.clone()))
        };
        return Part::At(Where::HostEvent(i), side(&expected.host), side(&observed.host));
    }
    match (&expected.returned, &observed.returned) {
        (Some(expected), Some(observed)) => returned_difference(expected, observed, nans),
        (None, _) | (_, None) => Part::Ended,
    }
}

fn same_host_event(expected: &HostEvent, observed: &HostEvent) -> bool {
    match (expected, observed) {
        (HostEvent::Called(a), HostEvent::Called(b)) => all_same(a, b),
        (HostEvent::FirstReturned(a), HostEvent::FirstReturned(b)) => {
            all_same(a.as_slice(), b.as_slice())
        }
        (
            HostEvent::Called(_)
            | HostEvent::Destructor { .. }
            | HostEvent::NotCalled(_)
            | HostEvent::NotDropped(_)
            | HostEvent::FirstReturned(_)
            | HostEvent::Misused,
            _,
        ) => expected == observed,
    }
}

fn same_ending(expected: &CallObservation, observed: &CallObservation) -> bool {
    expected.returned.is_none() == observed.returned.is_none()
}

fn returned_difference<'a>(
    expected: &Returned,
    observed: &Returned,
    nans: impl Fn(usize) -> &'a [NanLeaf],
) -> Part {
    for (guest, (a, b)) in expected.guests.iter().zip(&observed.guests).enumerate() {
        if let Some(number) = event_difference(&a.events, &b.events, nans(guest)) {
            let side = |events: &[GuestEvent]| {
                let event = events.get(number);
                event.map_or(Observed::Nothing, |event| Observed::GuestEvent(event.clone()))
            };
            let at = Where::GuestEvent { guest, number };
            return Part::At(at, side(&a.events), side(&b.events));
        }
    }
    if !all_same(expected.result.as_slice(), observed.result.as_slice()) {
        let side = |returned: &Returned| Observed::Result(returned.result.clone());
        return Part::At(Where::Result, side(expected), side(observed));
    }
    let guests = expected.guests.iter().zip(&observed.guests).enumerate();
    let mut differing = guests
        .filter_map(|(guest, (a, b))| memory_part(guest, [&a.memory, &b.memory], nans(guest)));
    differing.next().unwrap_or(Part::Same)
}

fn memory_part(guest: usize, [wanted, found]: [&[u8]; 2], nans: &[NanLeaf]) -> Option<Part> {
    if wanted.len() != found.len() {
        let side = |memory: &[u8]| Observed::MemorySize(memory.len());
        return Some(Part::At(Where::MemorySize { guest }, side(wanted), side(found)));
    }
    let address = memory_difference(wanted, found, nans)?;
    let end = wanted.len().min(address + QUOTED);
    let side = |memory: &[u8]| Observed::Memory(memory[address..end].to_vec());
    Some(Part::At(Where::Memory { guest, address }, side(wanted), side(found)))
}

/// The first position at which two sequences differ.
fn differs<T>(a: &[T], b: &[T], same: impl Fn(&T, &T) -> bool) -> Option<usize> {
    let unequal = a.iter().zip(b).position(|(a, b)| !same(a, b));
    unequal.or_else(|| (a.len() != b.len()).then(|| a.len().min(b.len())))
}

fn all_same(a: &[Value], b: &[Value]) -> bool {
    differs(a, b, |a, b| a.same(b)).is_none()
}

fn event_difference(
    expected: &[GuestEvent],
    observed: &[GuestEvent],
    nans: &[NanLeaf],
) -> Option<usize> {
    if expected == observed {
        return None;
    }
    let mut lowering = 0;
    let pairs = expected.iter().zip(observed);
    for (i, (a, b)) in pairs.enumerate() {
        let same = match (a, b) {
            (GuestEvent::Called(a), GuestEvent::Called(b))
            | (GuestEvent::ImportReturned(a), GuestEvent::ImportReturned(b)) => {
                // The guest sees each lowering as one of these events, in order.
                lowering += 1;
                same_flat(a, b, nans, lowering)
            }
            (a, b) => a == b,
        };
        if !same {
            return Some(i);
        }
    }
    let (a, b) = (expected.len(), observed.len());
    (a != b).then(|| a.min(b))
}

fn same_flat(a: &[Core], b: &[Core], nans: &[NanLeaf], lowering: usize) -> bool {
    let nan_width = |index: usize| {
        nans.iter()
            .find(|leaf| leaf.lowering == lowering && leaf.place == Place::Flat(index))
            .map(|leaf| leaf.width)
    };
    a.len() == b.len()
        && a.iter().zip(b).enumerate().all(|(i, (a, b))| {
            a == b
                || (a.ty() == b.ty()
                    && nan_width(i).is_some_and(|width| is_nan_of(width, b.bits())))
        })
}

/// Whether these bits are nothing but a NaN of this width.
fn is_nan_of(width: u32, bits: u64) -> bool {
    match width {
        4 => u32::try_from(bits).is_ok_and(is_nan32),
        _ => is_nan64(bits),
    }
}

fn memory_difference(expected: &[u8], observed: &[u8], nans: &[NanLeaf]) -> Option<usize> {
    if expected == observed {
        return None;
    }
    let mut wanted = expected.to_vec();
    for leaf in nans {
        if let Place::Memory(address) = leaf.place {
            take_nan(&mut wanted, observed, address, leaf.width);
        }
    }
    wanted.iter().zip(observed).position(|(a, b)| a != b)
}

/// Where both memories have a NaN, takes the observed one for the wanted one.
fn take_nan(wanted: &mut [u8], observed: &[u8], address: u64, width: u32) {
    let (Ok(start), Ok(length)) = (usize::try_from(address), usize::try_from(width)) else {
        return;
    };
    let range = start..start + length;
    let both = wanted.get_mut(range.clone()).zip(observed.get(range));
    if let Some((wanted, observed)) = both
        && is_nan_of(width, little_endian(wanted))
        && is_nan_of(width, little_endian(observed))
    {
        wanted.copy_from_slice(observed);
    }
}

fn little_endian(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |bits, byte| bits << 8 | u64::from(*byte))
}

/// Whether this is the end of an engine rather than of a call.
pub(super) fn is_failure(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Refused(_) | Outcome::Crashed(_))
}

fn both_refused(expected: &Outcome, observed: &Outcome) -> bool {
    matches!((expected, observed), (Outcome::Refused(_), Outcome::Refused(_)))
}

/// Between guests an engine may meet any of the faults that there are first; of a misuse's, either it or
/// the mistake. Only a deviation makes a crash one of them.
fn same_ending_of(expected: &Outcome, observed: &Outcome, faults: &Faults) -> bool {
    let faulty =
        matches!(expected, Outcome::Trapped(..) | Outcome::Crashed(_) | Outcome::Misused(_));
    match observed {
        Outcome::Trapped(trap, words) if faulty && !faults.is_empty() => {
            faults.traps.iter().any(|fault| same_trap(*fault, *trap, words))
        }
        Outcome::Crashed(_) if faulty && faults.crash => true,
        Outcome::Returned
        | Outcome::Trapped(..)
        | Outcome::Deadlocked(_)
        | Outcome::Misused(_)
        | Outcome::Refused(_)
        | Outcome::Unsupported(_)
        | Outcome::Exhausted(_)
        | Outcome::Crashed(_)
        | Outcome::NotObserved(_) => same_outcome(expected, observed),
    }
}

fn same_outcome(expected: &Outcome, observed: &Outcome) -> bool {
    match (expected, observed) {
        (Outcome::Returned, Outcome::Returned) => true,
        (Outcome::Trapped(Some(a), _), Outcome::Trapped(Some(b), _)) => a.kind() == b.kind(),
        (Outcome::Deadlocked(_), Outcome::Deadlocked(_)) => true,
        // The reference crashes only by a deviation that has the subject crash.
        (Outcome::Crashed(_), Outcome::Crashed(_)) => true,
        (Outcome::Misused(_), Outcome::Misused(_)) => true,
        // A refusal is a finding even where both refuse, unless a deviation has them do so.
        (
            Outcome::Returned
            | Outcome::Trapped(..)
            | Outcome::Deadlocked(_)
            | Outcome::Misused(_)
            | Outcome::Refused(_)
            | Outcome::Unsupported(_)
            | Outcome::Exhausted(_)
            | Outcome::Crashed(_)
            | Outcome::NotObserved(_),
            _,
        ) => false,
    }
}

/// The first thing of which two engines tell differently, for a component from anywhere.
pub fn told_difference(expected: &[Told], observed: &[Told]) -> Option<usize> {
    let both = expected.len().min(observed.len());
    let differs = (0..both).find(|i| !same_told(&expected[*i], &observed[*i]));
    differs.or_else(|| (expected.len() != observed.len()).then_some(both))
}

fn same_told(expected: &Told, observed: &Told) -> bool {
    let faults = &expected.faults;
    let ended = match (&expected.outcome, &observed.outcome) {
        // The reference tells of a refusal only by a deviation that has the subject refuse.
        (Outcome::Refused(_), Outcome::Refused(_)) => true,
        (Outcome::Trapped(Some(a), _), Outcome::Trapped(b, words)) if faults.is_empty() => {
            same_trap(*a, *b, words)
        }
        (expected, observed) => same_ending_of(expected, observed, faults),
    };
    ended
        && all_same(expected.result.as_slice(), observed.result.as_slice())
        && differs(&expected.seen, &observed.seen, same_seen).is_none()
}

fn same_seen(expected: &Seen, observed: &Seen) -> bool {
    match (expected, observed) {
        (Seen::Called { import: a, args: x }, Seen::Called { import: b, args: y }) => {
            a == b && all_same(x, y)
        }
        (Seen::Called { .. } | Seen::Dropped { .. }, _) => expected == observed,
    }
}

/// Whether a trap between components that nobody here wrote is the expected one. An adapter between
/// two guests meets the bounds of spilled params and results as core code does, and says it so.
pub(crate) fn same_trap(expected: Trap, observed: Option<Trap>, words: &str) -> bool {
    let bounds = expected.kind() == Trap::MemoryOutOfBounds.kind();
    observed.is_some_and(|observed| observed.kind() == expected.kind())
        || (bounds && words.contains("out of bounds memory access"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::{Deviation, Points};
    use crate::observation::{CallReading, GuestObservation};
    use crate::value::{CANONICAL_FLOAT32_NAN, CANONICAL_FLOAT64_NAN};

    const OTHER_NAN: u32 = 0xffc0_0001;

    fn returned(result: Option<Value>) -> Returned {
        let guest = GuestObservation { events: Vec::new(), memory: vec![0; 16] };
        Returned { result, guests: vec![guest] }
    }

    fn saw(events: Vec<GuestEvent>) -> Observation {
        let guest = GuestObservation { events, memory: vec![0; 16] };
        run(Returned { result: None, guests: vec![guest] })
    }

    fn run(returned: Returned) -> Observation {
        let call = CallObservation { host: Vec::new(), returned: Some(returned) };
        Observation { calls: vec![call], outcome: Outcome::Returned }
    }

    fn trapped(host: Vec<HostEvent>, trap: Trap) -> Observation {
        let calls = vec![CallObservation { host, returned: None }];
        Observation { calls, outcome: Outcome::Trapped(Some(trap), String::new()) }
    }

    #[track_caller]
    fn check(expected: &Observation, observed: &Observation, at: Option<Where>) {
        check_with(Faults::default(), expected, observed, at);
    }

    /// Where the reference lowered a NaN in the first call, for the first guest.
    #[track_caller]
    fn check_lowered(
        nan: NanLeaf,
        expected: &Observation,
        observed: &Observation,
        at: Option<Where>,
    ) {
        let reading = reading(Faults::default(), expected);
        let calls = vec![CallReading { nans: vec![vec![nan]], ..CallReading::default() }];
        let reading = Reading { calls, ..reading };
        assert_eq!(first_difference(&reading, observed).map(|difference| difference.at), at);
    }

    fn reading(faults: Faults, expected: &Observation) -> Reading {
        let observation = expected.clone();
        let (taken, calls, points) = (Deviations::NONE, Vec::new(), Points::default());
        Reading { observation, taken, calls, faults, unexplored: None, points }
    }

    #[track_caller]
    fn check_with(
        faults: Faults,
        expected: &Observation,
        observed: &Observation,
        at: Option<Where>,
    ) {
        let expected = reading(faults, expected);
        assert_eq!(first_difference(&expected, observed).map(|difference| difference.at), at);
    }

    fn memory(address: usize) -> Option<Where> {
        Some(Where::Memory { guest: 0, address })
    }

    fn event(number: usize) -> Option<Where> {
        Some(Where::GuestEvent { guest: 0, number })
    }

    #[test]
    fn results_are_compared_by_bits_but_for_nans() {
        let float = |bits| run(returned(Some(Value::F32(bits))));
        check(&float(0), &float(0), None);
        check(&float(0), &float(0x8000_0000), Some(Where::Result));
        check(&float(CANONICAL_FLOAT32_NAN), &float(OTHER_NAN), None);
        check(&float(CANONICAL_FLOAT32_NAN), &run(returned(None)), Some(Where::Result));
    }

    #[test]
    fn bytes_are_a_list_however_they_are_held() {
        let list = |bytes: &[u8]| Value::List(bytes.iter().copied().map(Value::U8).collect());
        let [bytes, other] =
            [[7, 0xff], [7, 0xfe]].map(|bytes| run(returned(Some(Value::Bytes(bytes.to_vec())))));
        check(&bytes, &run(returned(Some(list(&[7, 0xff])))), None);
        check(&bytes, &run(returned(Some(list(&[7, 0xfe])))), Some(Where::Result));
        check(&bytes, &run(returned(Some(list(&[7])))), Some(Where::Result));
        check(&bytes, &other, Some(Where::Result));
    }

    #[test]
    fn a_byte_of_memory_is_enough() {
        let mut other = returned(None);
        other.guests[0].memory[7] = 1;
        check(&run(returned(None)), &run(other), memory(7));
        let mut other = returned(None);
        other.guests[0].memory.push(0);
        check(&run(returned(None)), &run(other), Some(Where::MemorySize { guest: 0 }));
    }

    #[test]
    fn any_nan_will_do_where_the_reference_lowered_one_and_nowhere_else() {
        let with = |bits: u32| {
            let mut returned = returned(None);
            returned.guests[0].memory[4..8].copy_from_slice(&bits.to_le_bytes());
            run(returned)
        };
        let leaf = NanLeaf { lowering: 1, place: Place::Memory(4), width: 4 };
        let wanted = with(CANONICAL_FLOAT32_NAN);
        check_lowered(leaf, &wanted, &with(OTHER_NAN), None);
        check_lowered(leaf, &wanted, &with(0x7f80_0000), memory(6));
        check(&wanted, &with(OTHER_NAN), memory(4));
    }

    #[test]
    fn a_flat_nan_belongs_to_its_lowering() {
        let with = |second: u64| {
            let events = [CANONICAL_FLOAT64_NAN, second];
            saw(events.map(|bits| GuestEvent::Called(vec![Core::F64(bits)])).to_vec())
        };
        let leaf = |lowering| NanLeaf { lowering, place: Place::Flat(0), width: 8 };
        let (wanted, other) = (with(CANONICAL_FLOAT64_NAN), with(CANONICAL_FLOAT64_NAN | 1));
        check_lowered(leaf(2), &wanted, &other, None);
        check_lowered(leaf(1), &wanted, &other, event(1));
    }

    #[test]
    fn a_nan_in_a_joined_slot_has_nothing_above_it() {
        let with = |bits| saw(vec![GuestEvent::Called(vec![Core::I64(bits)])]);
        let leaf = NanLeaf { lowering: 1, place: Place::Flat(0), width: 4 };
        let wanted = with(u64::from(CANONICAL_FLOAT32_NAN));
        check_lowered(leaf, &wanted, &with(u64::from(OTHER_NAN)), None);
        check_lowered(leaf, &wanted, &with(u64::from(OTHER_NAN) | 1 << 40), event(0));
    }

    #[test]
    fn a_missing_event_is_a_difference() {
        let more = saw(vec![GuestEvent::PostReturn(Vec::new())]);
        check(&run(returned(None)), &more, event(0));
    }

    #[test]
    fn traps_are_compared_by_kind() {
        let list = trapped(Vec::new(), Trap::ListOutOfBounds);
        check(&list, &trapped(Vec::new(), Trap::StringTooLong), None);
        check(&list, &trapped(Vec::new(), Trap::UnalignedPointer), Some(Where::Outcome));
        check(&list, &run(returned(None)), Some(Where::Outcome));
        check(&run(returned(None)), &list, Some(Where::Outcome));
    }

    #[test]
    fn between_guests_any_fault_may_be_met_first() {
        let faults = || Faults::from_iter([Trap::InvalidChar, Trap::UnalignedPointer]);
        let char = trapped(Vec::new(), Trap::InvalidChar);
        check_with(faults(), &char, &trapped(Vec::new(), Trap::UnalignedPointer), None);
        let bounds = trapped(Vec::new(), Trap::ListOutOfBounds);
        check_with(faults(), &char, &bounds, Some(Where::Outcome));
        check_with(faults(), &char, &run(returned(None)), Some(Where::Outcome));
        let crashed = Observation { outcome: Outcome::Crashed(String::new()), ..char.clone() };
        check_with(faults(), &char, &crashed, Some(Where::Outcome));
        let crashes = Faults { crash: true, ..Faults::from_iter([Trap::InvalidChar]) };
        check_with(crashes.clone(), &char, &crashed, None);
        check_with(crashes, &crashed, &char, None);
    }

    #[test]
    fn what_the_host_saw_before_a_trap_counts() {
        let saw = |value| trapped(vec![HostEvent::Called(vec![Value::U8(value)])], Trap::Guest);
        check(&saw(1), &saw(1), None);
        check(&saw(1), &saw(2), Some(Where::HostEvent(0)));
        check(&saw(1), &trapped(Vec::new(), Trap::Guest), Some(Where::HostEvent(0)));
    }

    #[test]
    fn a_crash_is_the_difference_whatever_the_host_saw_in_its_call() {
        let crashed = Observation {
            calls: vec![CallObservation::default()],
            outcome: Outcome::Crashed(String::new()),
        };
        check(
            &trapped(vec![HostEvent::Called(Vec::new())], Trap::Guest),
            &crashed,
            Some(Where::Outcome),
        );
    }

    #[test]
    fn crashes_and_refusals_are_differences() {
        let run = |outcome| Observation { calls: Vec::new(), outcome };
        let [crashed, refused] =
            [Outcome::Crashed(String::new()), Outcome::Refused(String::new())].map(run);
        check(&run(Outcome::Returned), &crashed, Some(Where::Outcome));
        check(&refused, &refused, Some(Where::Outcome));
        check(&refused, &crashed, Some(Where::Outcome));
    }

    #[test]
    fn a_refusal_is_as_expected_where_a_deviation_has_it() {
        let refusal = |calls| Observation { calls, outcome: Outcome::Refused(String::new()) };
        let taken = Deviations::from_iter([Deviation::FixedLengthListAdapterRefused]);
        let check = |taken, calls: &[CallObservation], same| {
            let (observation, faults) = (refusal(Vec::new()), Faults::default());
            let (readings, points) = (Vec::new(), Points::default());
            let expected =
                Reading { observation, taken, calls: readings, faults, unexplored: None, points };
            assert_eq!(first_difference(&expected, &refusal(calls.to_vec())).is_none(), same);
        };
        check(taken, &[], true);
        check(Deviations::NONE, &[], false);
        check(taken, &[CallObservation::default()], false);
    }

    #[test]
    fn a_crash_is_as_expected_where_a_deviation_has_it() {
        let crashed = Outcome::Crashed(String::new());
        let run = Observation { calls: vec![CallObservation::default()], outcome: crashed };
        check(&run, &Observation { calls: Vec::new(), ..run.clone() }, None);
    }
}
