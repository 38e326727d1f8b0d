//! Fewer guests and resources, and plainer options, paths and configurations.
//! Knows no values.

use super::one::Cut;
use crate::abi::{PtrType, StringEncoding};
use crate::case::paths::{Api, Mode, Path, Paths};
use crate::case::{Case, Function, Guest, Manner, Pages, Resource, Tuning};
use crate::generate::mutate::{guests as chain, resources as defined};

/// One guest away, the last one first.
pub fn guests(case: &Case) -> Vec<Cut> {
    let count = if case.shape.guests.len() > 1 { case.shape.guests.len() } else { 0 };
    (0..count).rev().map(|number| Cut::new(move |case| chain::remove_guest(case, number))).collect()
}

/// One resource away, or defined by another: the host, or an earlier guest.
pub fn resources(case: &Case) -> Vec<Cut> {
    let count = case.shape.resources.len();
    let mut cuts: Vec<Cut> = (0..count)
        .rev()
        .map(|number| Cut::new(move |case| defined::remove(case, number)))
        .collect();
    for number in 0..count {
        cuts.push(Cut::new(move |case| case.shape.resources[number] = Resource::Host));
        for by in 0..u32::try_from(case.shape.guests.len()).expect("guests are few") {
            cuts.push(Cut::new(move |case| {
                case.shape.resources[number] = Resource::Guest { by, destructor: false };
            }));
        }
        cuts.push(Cut::new(move |case| match &mut case.shape.resources[number] {
            Resource::Guest { destructor, .. } => *destructor = false,
            Resource::Host => {}
        }));
    }
    cuts
}

/// What is done to one end of a function.
const PLAINER: [fn(&mut Function); 6] = [
    |function| (function.opts.memory, function.opts.realloc) = (false, false),
    |function| function.opts.realloc = false,
    |function| function.opts.post_return = false,
    |function| function.opts.string_encoding = StringEncoding::Utf8,
    |function| function.opts.string_encoding = StringEncoding::Utf16,
    |function| function.ty.is_async = false,
];

/// Options that are needed come back.
pub fn options(case: &Case) -> Vec<Cut> {
    let mut cuts = Vec::new();
    for change in PLAINER {
        cuts.push(Cut::new(move |case| {
            case.shape.guests.iter_mut().flat_map(functions_mut).for_each(change);
        }));
    }
    for number in 0..case.shape.guests.len() {
        for change in PLAINER {
            cuts.push(Cut::new(move |case| change(&mut case.shape.guests[number].export)));
            cuts.push(Cut::new(move |case| {
                case.shape.guests[number].import.iter_mut().for_each(change);
            }));
        }
        cuts.push(Cut::new(move |case| case.shape.guests[number].pages = Pages::ONE));
        cuts.push(Cut::new(move |case| {
            let pages = &mut case.shape.guests[number].pages;
            pages.maximum = pages.initial;
        }));
        cuts.push(Cut::new(move |case| {
            let pages = &mut case.shape.guests[number].pages;
            pages.maximum = pages.initial + 1;
        }));
        cuts.push(Cut::new(move |case| case.shape.guests[number].ptr_type = PtrType::I32));
    }
    cuts
}

fn functions_mut(guest: &mut Guest) -> impl Iterator<Item = &mut Function> {
    [&mut guest.export].into_iter().chain(&mut guest.import)
}

/// All choices that are plain, or one more.
pub fn tuning(case: &Case) -> Vec<Cut> {
    let mut cuts = vec![
        Cut::new(|case| case.tuning = Tuning::PLAIN),
        Cut::new(|case| case.tuning = Tuning { concurrency: false, ..Tuning::PLAIN }),
    ];
    cuts.extend(case.tuning.flipped().map(|tuning| Cut::new(move |case| case.tuning = tuning)));
    cuts
}

/// Plainer ways in and out, and calls that are made once, without a mistake.
pub fn paths(case: &Case) -> Vec<Cut> {
    let paths = case.paths;
    let calls = plainer(paths.call).map(|call| Paths { call, ..paths });
    let imports = plainer(paths.import).map(|import| Paths { import, ..paths });
    let dynamic = |path: Path| Path { api: Api::Dynamic, ..path };
    let both = Paths { call: dynamic(paths.call), import: dynamic(paths.import), ..paths };
    let others =
        [Paths::PLAIN, both, Paths { neighbor: false, ..paths }, Paths { polls: 0, ..paths }];
    let fewer = Paths { polls: paths.polls / 2, ..paths };
    let all = others.into_iter().chain(calls).chain(imports).chain([fewer]);
    let mut cuts: Vec<Cut> = all.map(|paths| Cut::new(move |case| case.paths = paths)).collect();
    cuts.extend(
        (0..case.calls.len())
            .map(|number| Cut::new(move |case| case.calls[number].manner = Manner::Once)),
    );
    cuts
}

/// This path with one thing plainer, or as it is.
fn plainer(path: Path) -> [Path; 3] {
    let mode = match path.mode {
        Mode::Sync | Mode::Async => Mode::Sync,
        Mode::Concurrent => Mode::Async,
    };
    let first = path.api.min(Api::Typed(0));
    [Path { mode, ..path }, Path { api: Api::Dynamic, ..path }, Path { api: first, ..path }]
}
