//! The numbers by which traces know traps: those of the places in the executable specification, in the order of
//! their lines, and some that it lacks.
//! Knows nothing of machines.

use crate::point::Answer;
use crate::value::StringSource;
use crate::{AsyncRule, BuiltIn, Change, Miss, Point, Rule, StringEncoding};

/// A core trap within a guest.
pub const CORE_TRAP: u32 = 0;
/// An exception that nobody catches.
pub const THROWN: u32 = 74;

/// What a trap by this rule may be numbered, where this built-in was called last and that is why something was not
/// in a table.
pub fn numbers(point: Point, called: Option<BuiltIn>, miss: Option<Miss>) -> Vec<u32> {
    match point {
        Point::Value(..) => Vec::new(),
        Point::Block { source, to, change, answer } => block(source, to, change, answer),
        Point::Rule(rule) => match HANDLES.iter().find(|(of, ..)| of.contains(&rule)) {
            Some((_, other_kind, other_type)) => vec![match miss {
                Some(miss) => look_up(miss, *other_kind),
                None => *other_type,
            }],
            None => of(RULES, rule),
        },
        Point::Async(AsyncRule::NothingThere | AsyncRule::NewThreadNoFunction) => {
            miss.map(|miss| look_up(miss, 0)).into_iter().collect()
        }
        Point::Async(AsyncRule::MayNotLeave) => called.into_iter().map(may_not_leave).collect(),
        Point::Async(rule) => of(ASYNC_RULES, rule),
    }
}

/// The rules of what is no such handle, the number where it is something else, and where it is of another type.
const HANDLES: [([Rule; 2], u32, u32); 4] = [
    ([Rule::LiftOwnUnknown, Rule::LiftOwnOtherType], 33, 34),
    ([Rule::LiftBorrowUnknown, Rule::LiftBorrowOtherType], 37, 38),
    ([Rule::DropUnknown, Rule::DropOtherType], 78, 79),
    ([Rule::RepUnknown, Rule::RepOtherType], 81, 82),
];

fn look_up(miss: Miss, other_kind: u32) -> u32 {
    match miss {
        Miss::BeyondEnd => 7,
        Miss::Empty => 8,
        Miss::OtherKind => other_kind,
    }
}

fn of<T: PartialEq>(rows: &[(u32, T)], rule: T) -> Vec<u32> {
    rows.iter().filter(|(_, of)| *of == rule).map(|(number, _)| *number).collect()
}

const RULES: &[(u32, Rule)] = &[
    (3, Rule::BorrowsRemain),
    (6, Rule::MayNotEnter),
    (9, Rule::TableFull),
    (22, Rule::CodePointTooLarge),
    (23, Rule::Surrogate),
    (24, Rule::StringTooLong),
    (25, Rule::StringMisaligned),
    (26, Rule::StringOutOfBounds),
    (27, Rule::InvalidUtf8),
    (27, Rule::InvalidUtf16),
    (29, Rule::ListTooLong),
    (30, Rule::ListMisaligned),
    (31, Rule::ListOutOfBounds),
    (32, Rule::LoadNoCase),
    (35, Rule::LiftOwnLent),
    (36, Rule::LiftOwnBorrowed),
    (63, Rule::ListBlockMisaligned),
    (64, Rule::ListBlockOutOfBounds),
    (65, Rule::LiftNoCase),
    (66, Rule::LiftSpilledMisaligned),
    (67, Rule::LiftSpilledOutOfBounds),
    (68, Rule::LowerSpilledMisaligned),
    (68, Rule::LowerOutParamMisaligned),
    (69, Rule::LowerSpilledOutOfBounds),
    (69, Rule::LowerOutParamOutOfBounds),
    (72, Rule::MayNotBlock),
    (75, Rule::LowerMayNotLeave),
    (76, Rule::NewMayNotLeave),
    (77, Rule::DropMayNotLeave),
    (80, Rule::DropLent),
];

const ASYNC_RULES: &[(u32, AsyncRule)] = &[
    (1, AsyncRule::TaskUnresolved),
    (2, AsyncRule::ReturnedTwice),
    (4, AsyncRule::CancelNotDelivered),
    (5, AsyncRule::CancelBorrowsRemain),
    (10, AsyncRule::SetNotEmpty),
    (11, AsyncRule::SetWaitedFor),
    (12, AsyncRule::SubtaskUnresolved),
    (13, AsyncRule::BufferTooLong),
    (14, AsyncRule::BufferMisaligned),
    (15, AsyncRule::BufferOutOfBounds),
    (16, AsyncRule::StreamReadWithinInstance),
    (17, AsyncRule::StreamWriteWithinInstance),
    (18, AsyncRule::EndDroppedCopying),
    (19, AsyncRule::FutureReadWithinInstance),
    (20, AsyncRule::FutureWriteWithinInstance),
    (21, AsyncRule::FutureDroppedUnwritten),
    (28, AsyncRule::LiftErrorContextOtherKind),
    (39, AsyncRule::LiftEndOtherKind),
    (40, AsyncRule::LiftEndOtherType),
    (41, AsyncRule::LiftEndNotIdle),
    (42, AsyncRule::LiftEndInSet),
    (70, AsyncRule::CallbackNoSet),
    (73, AsyncRule::CallbackCode),
    (83, AsyncRule::BackpressureTooHigh),
    (84, AsyncRule::BackpressureTooLow),
    (86, AsyncRule::ReturnNotAsync),
    (87, AsyncRule::ReturnOtherType),
    (88, AsyncRule::ReturnOtherOptions),
    (90, AsyncRule::CancelNotAsync),
    (93, AsyncRule::WaitNoSet),
    (95, AsyncRule::PollNoSet),
    (97, AsyncRule::DropNoSet),
    (99, AsyncRule::JoinNoWaitable),
    (100, AsyncRule::JoinSyncWaiter),
    (101, AsyncRule::JoinNoSet),
    (103, AsyncRule::CancelNoSubtask),
    (104, AsyncRule::CancelResolved),
    (105, AsyncRule::CancelTwice),
    (106, AsyncRule::CancelInSet),
    (108, AsyncRule::DropNoSubtask),
    (112, AsyncRule::StreamCopyNoEnd),
    (113, AsyncRule::StreamCopyOtherType),
    (114, AsyncRule::StreamCopyNotIdle),
    (115, AsyncRule::StreamCopyInSet),
    (117, AsyncRule::FutureCopyNoEnd),
    (118, AsyncRule::FutureCopyOtherType),
    (119, AsyncRule::FutureCopyNotIdle),
    (120, AsyncRule::FutureCopyInSet),
    (122, AsyncRule::CancelCopyNoEnd),
    (123, AsyncRule::CancelCopyOtherType),
    (124, AsyncRule::CancelCopyNotCopying),
    (125, AsyncRule::CancelCopyInSet),
    (127, AsyncRule::DropNoEnd),
    (128, AsyncRule::DropEndOtherType),
    (131, AsyncRule::NewThreadOtherType),
    (133, AsyncRule::ResumeLaterNotSuspended),
    (137, AsyncRule::SuspendThenResumeNotSuspended),
    (139, AsyncRule::YieldThenResumeNotSuspended),
    (144, AsyncRule::MessageNoErrorContext),
    (146, AsyncRule::DropNoErrorContext),
    (147, AsyncRule::EventMisaligned),
    (147, AsyncRule::EventOutOfBounds),
    (148, AsyncRule::MessageMisaligned),
    (148, AsyncRule::MessageOutOfBounds),
];

/// That of a built-in where its instance may not be left.
fn may_not_leave(called: BuiltIn) -> u32 {
    match called {
        BuiltIn::ResourceNew => 76,
        BuiltIn::ResourceDrop => 77,
        BuiltIn::TaskReturn => 85,
        BuiltIn::TaskCancel => 89,
        BuiltIn::WaitableSetNew => 91,
        BuiltIn::WaitableSetWait => 92,
        BuiltIn::WaitableSetPoll => 94,
        BuiltIn::WaitableSetDrop => 96,
        BuiltIn::WaitableJoin => 98,
        BuiltIn::SubtaskCancel => 102,
        BuiltIn::SubtaskDrop => 107,
        BuiltIn::StreamNew => 109,
        BuiltIn::FutureNew => 110,
        BuiltIn::StreamRead | BuiltIn::StreamWrite => 111,
        BuiltIn::FutureRead | BuiltIn::FutureWrite => 116,
        BuiltIn::StreamCancelRead
        | BuiltIn::StreamCancelWrite
        | BuiltIn::FutureCancelRead
        | BuiltIn::FutureCancelWrite => 121,
        BuiltIn::StreamDropReadable
        | BuiltIn::StreamDropWritable
        | BuiltIn::FutureDropReadable
        | BuiltIn::FutureDropWritable => 126,
        BuiltIn::ThreadIndex => 129,
        BuiltIn::ThreadNewIndirect => 130,
        BuiltIn::ThreadResumeLater => 132,
        BuiltIn::ThreadSuspend => 134,
        BuiltIn::ThreadYield => 135,
        BuiltIn::ThreadSuspendThenResume => 136,
        BuiltIn::ThreadYieldThenResume => 138,
        BuiltIn::ThreadSuspendThenPromote => 140,
        BuiltIn::ThreadYieldThenPromote => 141,
        BuiltIn::ErrorContextNew => 142,
        BuiltIn::ErrorContextDebugMessage => 143,
        BuiltIn::ErrorContextDrop => 145,
        BuiltIn::ResourceRep
        | BuiltIn::ContextGet
        | BuiltIn::ContextSet
        | BuiltIn::BackpressureInc
        | BuiltIn::BackpressureDec => unreachable!("they do not leave"),
    }
}

/// That of a string's block which `realloc` has put where none can be: by the function that transcodes.
fn block(source: StringSource, to: StringEncoding, change: Change, answer: Answer) -> Vec<u32> {
    use StringEncoding::{Latin1OrUtf16, Utf8, Utf16};
    let rows: &[(Change, [u32; 2])] = match (to, source) {
        (Utf8, StringSource::Utf8)
        | (Utf16, StringSource::Utf16 | StringSource::TaggedUtf16 | StringSource::Latin1)
        | (Latin1OrUtf16, StringSource::Latin1) => &[(Change::New, [43, 44])],
        (Utf8, StringSource::Utf16 | StringSource::TaggedUtf16 | StringSource::Latin1) => {
            &[(Change::New, [0, 45]), (Change::Grown, [0, 46]), (Change::Shrunk, [0, 47])]
        }
        (Utf16, StringSource::Utf8) => &[(Change::New, [48, 49]), (Change::Shrunk, [50, 51])],
        (Latin1OrUtf16, StringSource::Utf8 | StringSource::Utf16) => &[
            (Change::New, [52, 53]),
            (Change::Grown, [54, 55]),
            (Change::Shrunk, [56, 57]),
            (Change::Shrunk, [58, 59]),
        ],
        (Latin1OrUtf16, StringSource::TaggedUtf16) => {
            &[(Change::New, [60, 61]), (Change::Shrunk, [0, 62])]
        }
    };
    let numbers = rows.iter().filter(|(of, _)| *of == change);
    numbers
        .filter_map(|(_, [misaligned, out_of_bounds])| match answer {
            Answer::Misaligned => Some(*misaligned),
            Answer::OutOfBounds => Some(*out_of_bounds),
            Answer::Fits => None,
        })
        .collect()
}
