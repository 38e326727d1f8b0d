//! How the host calls, in the bytes of version 4 and in the case: both ways, side by side.
//! Knows nothing of guests.

use super::{Api, Manner, Mistake, Misuse, Mode, Path, Paths, Tuning};
use crate::case;
use crate::case::{misuse, paths};

pub fn read_tuning(tuning: Tuning) -> case::Tuning {
    let Tuning { optimize, pooling, moving_memory, concurrency, .. } = tuning;
    let Tuning { signals, guards, fuel, epochs, .. } = tuning;
    case::Tuning { optimize, pooling, moving_memory, concurrency, signals, guards, fuel, epochs }
}

pub fn write_tuning(tuning: case::Tuning) -> Tuning {
    let case::Tuning { optimize, pooling, moving_memory, concurrency, .. } = tuning;
    let case::Tuning { signals, guards, fuel, epochs, .. } = tuning;
    Tuning { optimize, pooling, moving_memory, concurrency, signals, guards, fuel, epochs }
}

pub fn read(Paths { call, import, polls, neighbor }: Paths) -> paths::Paths {
    let path = |Path { api, mode }| paths::Path { api: read_api(api), mode: read_mode(mode) };
    paths::Paths { call: path(call), import: path(import), polls, neighbor }
}

pub fn write(paths::Paths { call, import, polls, neighbor }: paths::Paths) -> Paths {
    let path = |paths::Path { api, mode }| Path { api: write_api(api), mode: write_mode(mode) };
    Paths { call: path(call), import: path(import), polls, neighbor }
}

fn read_api(api: Api) -> paths::Api {
    match api {
        Api::Dynamic => paths::Api::Dynamic,
        Api::Typed(form) => paths::Api::Typed(form),
    }
}

fn write_api(api: paths::Api) -> Api {
    match api {
        paths::Api::Dynamic => Api::Dynamic,
        paths::Api::Typed(form) => Api::Typed(form),
    }
}

fn read_mode(mode: Mode) -> paths::Mode {
    match mode {
        Mode::Sync => paths::Mode::Sync,
        Mode::Async => paths::Mode::Async,
        Mode::Concurrent => paths::Mode::Concurrent,
    }
}

fn write_mode(mode: paths::Mode) -> Mode {
    match mode {
        paths::Mode::Sync => Mode::Sync,
        paths::Mode::Async => Mode::Async,
        paths::Mode::Concurrent => Mode::Concurrent,
    }
}

pub fn read_manner(manner: Manner) -> case::Manner {
    match manner {
        Manner::Once => case::Manner::Once,
        Manner::Twice => case::Manner::Twice,
        Manner::Misused(misuse) => case::Manner::Misused(read_misuse(misuse)),
    }
}

pub fn write_manner(manner: case::Manner) -> Manner {
    match manner {
        case::Manner::Once => Manner::Once,
        case::Manner::Twice => Manner::Twice,
        case::Manner::Misused(misuse) => Manner::Misused(write_misuse(misuse)),
    }
}

fn read_misuse(misuse: Misuse) -> misuse::Misuse {
    match misuse {
        Misuse::ArgMissing => misuse::Misuse::ArgMissing,
        Misuse::ArgExtra => misuse::Misuse::ArgExtra,
        Misuse::ResultMissing => misuse::Misuse::ResultMissing,
        Misuse::ResultExtra => misuse::Misuse::ResultExtra,
        Misuse::Arg { node, mistake } => {
            misuse::Misuse::Arg { node, mistake: read_mistake(mistake) }
        }
        Misuse::Answer { node, mistake } => {
            misuse::Misuse::Answer { node, mistake: read_mistake(mistake) }
        }
        Misuse::Signature(number) => misuse::Misuse::Signature(number),
    }
}

fn write_misuse(misuse: misuse::Misuse) -> Misuse {
    match misuse {
        misuse::Misuse::ArgMissing => Misuse::ArgMissing,
        misuse::Misuse::ArgExtra => Misuse::ArgExtra,
        misuse::Misuse::ResultMissing => Misuse::ResultMissing,
        misuse::Misuse::ResultExtra => Misuse::ResultExtra,
        misuse::Misuse::Arg { node, mistake } => {
            Misuse::Arg { node, mistake: write_mistake(mistake) }
        }
        misuse::Misuse::Answer { node, mistake } => {
            Misuse::Answer { node, mistake: write_mistake(mistake) }
        }
        misuse::Misuse::Signature(number) => Misuse::Signature(number),
    }
}

fn read_mistake(mistake: Mistake) -> misuse::Mistake {
    match mistake {
        Mistake::OtherType => misuse::Mistake::OtherType,
        Mistake::MemberMissing => misuse::Mistake::MemberMissing,
        Mistake::MemberExtra => misuse::Mistake::MemberExtra,
        Mistake::FieldRenamed => misuse::Mistake::FieldRenamed,
        Mistake::FieldsReordered => misuse::Mistake::FieldsReordered,
        Mistake::UnknownCase => misuse::Mistake::UnknownCase,
        Mistake::UnknownFlag => misuse::Mistake::UnknownFlag,
        Mistake::DuplicateFlag => misuse::Mistake::DuplicateFlag,
        Mistake::PayloadMissing => misuse::Mistake::PayloadMissing,
        Mistake::PayloadExtra => misuse::Mistake::PayloadExtra,
        Mistake::MixedElements => misuse::Mistake::MixedElements,
        Mistake::ElementMissing => misuse::Mistake::ElementMissing,
        Mistake::ElementExtra => misuse::Mistake::ElementExtra,
        Mistake::OtherResource => misuse::Mistake::OtherResource,
        Mistake::OtherStore => misuse::Mistake::OtherStore,
    }
}

fn write_mistake(mistake: misuse::Mistake) -> Mistake {
    match mistake {
        misuse::Mistake::OtherType => Mistake::OtherType,
        misuse::Mistake::MemberMissing => Mistake::MemberMissing,
        misuse::Mistake::MemberExtra => Mistake::MemberExtra,
        misuse::Mistake::FieldRenamed => Mistake::FieldRenamed,
        misuse::Mistake::FieldsReordered => Mistake::FieldsReordered,
        misuse::Mistake::UnknownCase => Mistake::UnknownCase,
        misuse::Mistake::UnknownFlag => Mistake::UnknownFlag,
        misuse::Mistake::DuplicateFlag => Mistake::DuplicateFlag,
        misuse::Mistake::PayloadMissing => Mistake::PayloadMissing,
        misuse::Mistake::PayloadExtra => Mistake::PayloadExtra,
        misuse::Mistake::MixedElements => Mistake::MixedElements,
        misuse::Mistake::ElementMissing => Mistake::ElementMissing,
        misuse::Mistake::ElementExtra => Mistake::ElementExtra,
        misuse::Mistake::OtherResource => Mistake::OtherResource,
        misuse::Mistake::OtherStore => Mistake::OtherStore,
    }
}
