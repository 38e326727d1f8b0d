//! What both sides saw, laid beside each other: the same event in the same row.
//! Knows observations, and of the oracle only where it says that they part.

use super::memory::{Picture, State, picture};
use super::timeline::{guest_event, guest_name, host_event, memory_name, mistake, outcome};
use super::timeline::{params, result_line, values, word};
use crate::case::Case;
use crate::encode::{EXPORT, Prepared};
use crate::observation::{CallObservation, GuestEvent, Observation, Outcome, Returned};
use crate::oracle::{Difference, Where};

/// Two sequences of more events than this are compared event by event, where nothing is lost or new.
const ALIGNED: usize = 300;
/// Bytes of memory in one row.
const BYTES: usize = 16;

/// One row: what each side saw, if it is the same at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Whose event it is.
    pub lane: String,
    pub expected: Cell,
    pub observed: Cell,
    pub mark: Mark,
}

/// What one side saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    Saw(String),
    /// Bytes of memory, each with whether the other side has another.
    Bytes(Vec<(u8, bool)>),
    /// The other side has one event more.
    Nothing,
    /// Nobody could look.
    Unseen,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// The beginning of a call.
    Call,
    Same,
    /// Where the oracle says that the two part.
    First,
    /// Another difference after the first.
    Other,
}

/// All rows, in the order in which the oracle compares: the host's events, each guest's, the result, memories.
pub fn rows(
    (case, prepared): (&Case, &Prepared),
    sides: [&Observation; 2],
    difference: Option<&Difference>,
) -> Vec<Row> {
    let mut rows = Vec::new();
    for call in 0..sides[0].calls.len().max(sides[1].calls.len()) {
        let at = difference.filter(|difference| difference.call == call).map(|d| d.at);
        let call_rows = CallRows { case, prepared, sides, call, at };
        rows.extend(call_rows.rows());
    }
    if rows.is_empty() {
        rows.push(end(sides, difference.map(|difference| difference.at)));
    }
    mark_others(&mut rows);
    rows
}

/// Rows after the first difference whose sides are not the same.
fn mark_others(rows: &mut [Row]) {
    let first = rows.iter().position(|row| row.mark == Mark::First);
    let after = first.map_or(rows.len(), |first| first + 1);
    for row in &mut rows[after..] {
        let seen = row.expected != Cell::Unseen && row.observed != Cell::Unseen;
        if row.mark == Mark::Same && seen && !row.is_same() {
            row.mark = Mark::Other;
        }
    }
}

impl Row {
    fn is_same(&self) -> bool {
        self.expected == self.observed
    }
}

/// How the run ended on both sides.
fn end(sides: [&Observation; 2], at: Option<Where>) -> Row {
    let [expected, observed] = sides.map(|side| Cell::Saw(outcome(&side.outcome)));
    let mark = if at == Some(Where::Outcome) { Mark::First } else { Mark::Same };
    Row { lane: "end".to_string(), expected, observed, mark }
}

struct CallRows<'a> {
    case: &'a Case,
    prepared: &'a Prepared,
    sides: [&'a Observation; 2],
    call: usize,
    /// Where the sides part, if that is in this call.
    at: Option<Where>,
}

impl CallRows<'_> {
    fn rows(&self) -> Vec<Row> {
        let mut rows = vec![self.head()];
        rows.extend(self.host());
        for guest in 0..self.case.shape.guests.len() {
            rows.extend(self.guest(guest));
        }
        rows.extend(self.result());
        for guest in 0..self.case.shape.guests.len() {
            rows.extend(self.memory(guest));
        }
        rows.extend(self.end());
        rows
    }

    fn observations(&self) -> [Option<&CallObservation>; 2] {
        self.sides.map(|side| side.calls.get(self.call))
    }

    fn returned(&self) -> [Option<&Returned>; 2] {
        self.observations().map(|call| call.and_then(|call| call.returned.as_ref()))
    }

    fn head(&self) -> Row {
        let args = values(&self.case.calls[self.call].args, params(self.case));
        let mistake =
            mistake(self.case, self.call).map_or(String::new(), |said| format!("; {said}"));
        let text = format!("{EXPORT}({args}){mistake}");
        let [expected, observed] = self.observations().map(|call| match call {
            Some(_) => Cell::Saw(text.clone()),
            None => Cell::Unseen,
        });
        Row { lane: format!("call {}", self.call), expected, observed, mark: Mark::Call }
    }

    fn host(&self) -> Vec<Row> {
        let [expected, observed] = self.observations().map(|call| {
            let events = call.map(|call| &call.host[..]).unwrap_or_default();
            let events = events.iter().enumerate();
            events.map(|(i, event)| (i, host_event(self.case, event))).collect::<Vec<_>>()
        });
        let first = self.at.and_then(|at| match at {
            Where::HostEvent(number) => Some(number),
            Where::Outcome
            | Where::GuestEvent { .. }
            | Where::Result
            | Where::MemorySize { .. }
            | Where::Memory { .. } => None,
        });
        // A side that did not come back may have seen no more of it.
        let unseen = self.returned().map(|returned| returned.is_none());
        lane("host", [&expected, &observed], first, unseen)
    }

    fn guest(&self, guest: usize) -> Vec<Row> {
        let [expected, observed] = self.returned().map(|returned| {
            let seen = returned.and_then(|returned| returned.guests.get(guest));
            joined(guest, seen.map(|seen| &seen.events[..]).unwrap_or_default())
        });
        let first = self.at.and_then(|at| match at {
            Where::GuestEvent { guest: of, number } if of == guest => Some(number),
            Where::GuestEvent { .. }
            | Where::Outcome
            | Where::HostEvent(_)
            | Where::Result
            | Where::MemorySize { .. }
            | Where::Memory { .. } => None,
        });
        let unseen = self.returned().map(|returned| returned.is_none());
        lane(&guest_name(guest), [&expected, &observed], first, unseen)
    }

    fn result(&self) -> Option<Row> {
        let made = |call: Option<&CallObservation>| {
            let call = call.filter(|call| call.was_made())?;
            let line = result_line(self.case, call.returned.as_ref()?);
            Some(line.trim_start_matches("host").trim_start().to_string())
        };
        let [expected, observed] = self.observations().map(made);
        let mark = if self.at == Some(Where::Result) { Mark::First } else { Mark::Same };
        if expected.is_none() && observed.is_none() {
            return None;
        }
        let [expected, observed] =
            [expected, observed].map(|side| side.map_or(Cell::Unseen, Cell::Saw));
        Some(Row { lane: "result".to_string(), expected, observed, mark })
    }

    /// What the call changed in a guest's memory, and what else is not the same.
    fn memory(&self, guest: usize) -> Vec<Row> {
        let picture = picture((self.case, self.prepared), self.sides, self.call, guest);
        if picture.state == State::HandedOver {
            return Vec::new();
        }
        let size = self.size(guest, &picture);
        size.into_iter().chain(self.bytes(guest, &picture)).collect()
    }

    fn size(&self, guest: usize, picture: &Picture) -> Option<Row> {
        let first = self.at == Some(Where::MemorySize { guest });
        let grew = picture.memory.len() != picture.before.len();
        let [expected, observed] =
            self.shown(picture, |memory| Cell::Saw(format!("{} bytes", memory.len())));
        let mark = if first { Mark::First } else { Mark::Same };
        (first || grew).then(|| Row { lane: memory_name(guest), expected, observed, mark })
    }

    fn bytes(&self, guest: usize, picture: &Picture) -> Vec<Row> {
        let first = self.at.and_then(|at| match at {
            Where::Memory { guest: of, address } if of == guest => Some(address),
            Where::Memory { .. }
            | Where::Outcome
            | Where::HostEvent(_)
            | Where::GuestEvent { .. }
            | Where::Result
            | Where::MemorySize { .. } => None,
        });
        let runs = runs(picture.memory.len(), |i| picture.written(i) || picture.differs(i));
        let row = |(start, end): (usize, usize)| {
            let [expected, observed] = self.shown(picture, |memory| {
                let bytes = (start..end.min(memory.len())).map(|i| (memory[i], picture.differs(i)));
                Cell::Bytes(bytes.collect())
            });
            let lane = format!("{} {start:#06x}", memory_name(guest));
            let first = first.is_some_and(|first| (start..end).contains(&first));
            let mark = if first { Mark::First } else { Mark::Same };
            Row { lane, expected, observed, mark }
        };
        runs.into_iter().map(row).collect()
    }

    /// A cell for each side, by its memory.
    fn shown(&self, picture: &Picture, cell: impl Fn(&[u8]) -> Cell) -> [Cell; 2] {
        let [expected, observed] = self.returned().map(|returned| returned.is_some());
        let other = picture.other.as_ref().unwrap_or(&picture.memory);
        let wanted = if expected { cell(&picture.memory) } else { Cell::Unseen };
        let found = if observed { cell(other) } else { Cell::Unseen };
        [wanted, found]
    }

    /// How the run ended, after the last call of either side that did not return or that is the last.
    fn end(&self) -> Option<Row> {
        let last = |side: &Observation| self.call + 1 >= side.calls.len();
        let [expected, observed] = self.sides;
        let ends = last(expected) || last(observed);
        let both = last(expected) && last(observed);
        let failed = |side: &Observation| last(side) && side.outcome != Outcome::Returned;
        let shown = failed(expected) || failed(observed) || self.at == Some(Where::Outcome);
        (ends && (both || shown)).then(|| {
            let cell = |side: &Observation| {
                let text = if last(side) { outcome(&side.outcome) } else { "goes on".to_string() };
                Cell::Saw(text)
            };
            let row = end(self.sides, self.at);
            Row { expected: cell(expected), observed: cell(observed), ..row }
        })
    }
}

/// Events of one party on one side: what each is, and the number of the last that is in it.
type Events = [(usize, String)];

/// Calls of `realloc` with their answers.
fn joined(guest: usize, events: &[GuestEvent]) -> Vec<(usize, String)> {
    let mut joined: Vec<(usize, String)> = Vec::new();
    let mut called = false;
    for (number, event) in events.iter().enumerate() {
        if let GuestEvent::Reallocated(ptr) = event
            && called
            && let Some((last, text)) = joined.last_mut()
        {
            *last = number;
            *text += &format!(" -> {}", word(*ptr));
        } else {
            joined.push((number, guest_event(guest, event)));
        }
        called = matches!(event, GuestEvent::Realloc { .. });
    }
    joined
}

/// The rows of one party. `first` is the number of the event at which they part; before it all are the same,
/// for any NaN is.
fn lane(
    name: &str,
    [expected, observed]: [&Events; 2],
    first: Option<usize>,
    unseen: [bool; 2],
) -> Vec<Row> {
    let before = |events: &Events| match first {
        Some(first) => events.partition_point(|(last, _)| *last < first),
        None => 0,
    };
    let same = before(expected).min(before(observed));
    let mut pairs: Vec<_> = (0..same).map(|i| (Some(i), Some(i))).collect();
    let pair = |(a, b): (Option<usize>, Option<usize>)| (a.map(|a| a + same), b.map(|b| b + same));
    pairs.extend(aligned(&expected[same..], &observed[same..]).into_iter().map(pair));
    let cell = |events: &Events, at: Option<usize>, unseen: bool| match at {
        Some(at) => Cell::Saw(events[at].1.clone()),
        None if unseen => Cell::Unseen,
        None => Cell::Nothing,
    };
    let row = |(i, (a, b)): (usize, (Option<usize>, Option<usize>))| Row {
        lane: name.to_string(),
        expected: cell(expected, a, unseen[0]),
        observed: cell(observed, b, unseen[1]),
        mark: if first.is_some() && i == same { Mark::First } else { Mark::Same },
    };
    pairs.into_iter().enumerate().map(row).collect()
}

/// Pairs of positions: the same events beside each other, then what is left, in order.
fn aligned(a: &Events, b: &Events) -> Vec<(Option<usize>, Option<usize>)> {
    if a.len() > ALIGNED || b.len() > ALIGNED {
        let both = 0..a.len().max(b.len());
        return both.map(|i| ((i < a.len()).then_some(i), (i < b.len()).then_some(i))).collect();
    }
    let common = common(a, b);
    let (mut pairs, mut i, mut j) = (Vec::new(), 0, 0);
    while i < a.len() || j < b.len() {
        let same = i < a.len() && j < b.len() && a[i].1 == b[j].1;
        let skips_a = i < a.len() && (j == b.len() || common[i + 1][j] >= common[i][j]);
        let skips_b = j < b.len() && (i == a.len() || common[i][j + 1] >= common[i][j]);
        // Where neither belongs to anything on the other side, they stand for each other.
        let both = same || i < a.len() && j < b.len() && common[i + 1][j + 1] == common[i][j];
        let (left, right) = (both || skips_a, both || !skips_a && skips_b);
        pairs.push((left.then_some(i), right.then_some(j)));
        i += usize::from(left);
        j += usize::from(right);
    }
    pairs
}

/// How many events from each pair of positions on may stand beside each other.
fn common(a: &Events, b: &Events) -> Vec<Vec<usize>> {
    let mut common = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            common[i][j] = if a[i].1 == b[j].1 {
                common[i + 1][j + 1] + 1
            } else {
                common[i + 1][j].max(common[i][j + 1])
            };
        }
    }
    common
}

/// The runs of positions that are wanted, none across a multiple of what fits in a row.
fn runs(length: usize, wanted: impl Fn(usize) -> bool) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for i in (0..length).filter(|i| wanted(*i)) {
        match runs.last_mut() {
            Some((_, end)) if *end == i && !i.is_multiple_of(BYTES) => *end = i + 1,
            Some(_) | None => runs.push((i, i + 1)),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(text: &str) -> Vec<(usize, String)> {
        text.split_whitespace().map(str::to_string).enumerate().collect()
    }

    /// The rows of two sequences, an event of one side alone beside a `-`; `!` marks the first difference.
    #[track_caller]
    fn check(expected: &str, observed: &str, first: Option<usize>, rows: &str) {
        let cell = |cell: &Cell| match cell {
            Cell::Saw(text) => text.clone(),
            Cell::Nothing => "-".to_string(),
            Cell::Unseen => "?".to_string(),
            Cell::Bytes(_) => unreachable!("events are no bytes"),
        };
        let lane = lane("", [&events(expected), &events(observed)], first, [false, false]);
        let row = |row: &Row| {
            let mark = if row.mark == Mark::First { "!" } else { "" };
            format!("{mark}{}{}", cell(&row.expected), cell(&row.observed))
        };
        assert_eq!(lane.iter().map(row).collect::<Vec<_>>().join(" "), rows);
    }

    #[test]
    fn the_same_events_stand_beside_each_other() {
        check("a b c", "a b c", None, "aa bb cc");
        check("a b c", "a x c", Some(1), "aa !bx cc");
        check("a b c", "a c", Some(1), "aa !b- cc");
        check("a c", "a b c", Some(1), "aa !-b cc");
        check("a", "a b", Some(1), "aa !-b");
        check("a b c d", "x c d", Some(0), "!ax b- cc dd");
    }

    #[test]
    fn what_the_oracle_takes_for_the_same_stays_in_one_row() {
        check("nan b c", "NAN b x", Some(2), "nanNAN bb !cx");
    }

    #[test]
    fn the_answer_of_realloc_is_in_the_row_of_the_call() {
        let [a, b] = [1, 2].map(|answer| {
            let realloc = GuestEvent::Realloc { old: 0, old_size: 0, align: 1, new_size: 9 };
            joined(0, &[realloc, GuestEvent::Reallocated(answer), GuestEvent::Called(Vec::new())])
        });
        assert_eq!(a, [(1, "realloc(0, 0, 1, 9) -> 1".to_string()), (2, "f()".to_string())]);
        let lane = lane("", [&a, &b], Some(1), [false, false]);
        let marks: Vec<_> = lane.iter().map(|row| row.mark).collect();
        assert_eq!(marks, [Mark::First, Mark::Same]);
    }

    #[test]
    fn runs_of_bytes_end_with_their_row() {
        assert_eq!(runs(64, |i| (14..33).contains(&i)), [(14, 16), (16, 32), (32, 33)]);
        assert_eq!(runs(8, |i| i != 3), [(0, 3), (4, 8)]);
    }
}
