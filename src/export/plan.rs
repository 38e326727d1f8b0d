//! What each guest of a case does and is to see, call by call.
//! Knows the scripts, and nothing of how a guest's code is written.

use std::collections::BTreeSet;

use super::about::NotExported;
use crate::abi::{BuiltIn, CoreFuncType, NanLeaf};
use crate::case::paths::Path;
use crate::case::{Call, Case, Guest, Manner, Script};
use crate::encode::guest::{core_export, core_import};
use crate::encode::script::GuestData;
use crate::encode::{Prepared, Standing, standing};
use crate::observation::{CallObservation, GuestObservation, HostEvent, Outcome, Reading};
use crate::types;
use crate::value::Value;

/// A case, taken apart.
pub struct Plan<'a> {
    pub case: &'a Case,
    pub prepared: &'a Prepared,
    pub reading: &'a Reading,
    pub guests: Vec<GuestPlan<'a>>,
}

/// One guest.
pub struct GuestPlan<'a> {
    pub number: usize,
    pub guest: &'a Guest,
    pub function: CoreFuncType,
    pub import: Option<CoreFuncType>,
    /// The resources that a guest knows, by how it does; only those that somebody speaks of.
    pub resources: Vec<(types::Resource, Standing)>,
    /// The built-ins that it calls, and of which resource.
    pub built_ins: BTreeSet<(BuiltIn, types::Resource)>,
    /// The calls of the host's that are made.
    pub calls: Vec<GuestCall<'a>>,
    /// Whether its function may be called more than once in one of them.
    pub again: bool,
}

/// What a guest does in one of the host's calls.
pub struct GuestCall<'a> {
    pub script: &'a Script,
    pub data: &'a GuestData,
    /// What it sees, where that is said: not in a call that traps.
    pub seen: Option<&'a GuestObservation>,
    /// Where any NaN is as good as another in that.
    pub nans: &'a [NanLeaf],
}

/// The case without the host's function, where no guest ever calls that. Nothing else is different then.
pub fn without_unused_import(case: &Case) -> Case {
    let mut case = case.clone();
    let last = case.shape.guests.len() - 1;
    // What nobody scripted may call it whenever it likes.
    let scripted = case.shape.guests[last].noise.is_none();
    if scripted && case.calls.iter().all(|call| !call.scripts[last].calls_import()) {
        case.shape.guests[last].import = None;
        (case.paths.import, case.paths.polls) = (Path::PLAIN, 0);
    }
    case
}

/// Takes a case apart that the reference has run.
pub fn plan<'a>(
    case: &'a Case,
    prepared: &'a Prepared,
    reading: &'a Reading,
) -> Result<Plan<'a>, NotExported> {
    runs(case, reading)?;
    let guests = 0..case.shape.guests.len();
    let guests = guests.map(|number| guest_plan(case, prepared, reading, number)).collect();
    Ok(Plan { case, prepared, reading, guests })
}

/// The case made ready to be taken apart.
pub fn prepare(case: &Case) -> Result<Prepared, NotExported> {
    Prepared::of(case).map_err(NotExported)
}

/// Whether the reference ran the case to an end that an engine can be held to.
fn runs(case: &Case, reading: &Reading) -> Result<(), NotExported> {
    let refused = |why: &str| Err(NotExported(why.to_string()));
    match &reading.observation.outcome {
        Outcome::Returned | Outcome::Trapped(Some(_), _) | Outcome::Misused(_) => {}
        Outcome::Trapped(None, why)
        | Outcome::Deadlocked(why)
        | Outcome::Refused(why)
        | Outcome::Unsupported(why)
        | Outcome::Exhausted(why)
        | Outcome::Crashed(why)
        | Outcome::NotObserved(why) => {
            return refused(&format!("the reference does not run it: {why}"));
        }
    }
    if case.shape.is_noisy() {
        return refused("core code that nobody scripted is exported as text or bytes only");
    }
    if case.calls.iter().any(|call| matches!(call.manner, Manner::Misused(_))) {
        return refused("a host that makes a mistake is exported as text or bytes only");
    }
    Ok(())
}

fn guest_plan<'a>(
    case: &'a Case,
    prepared: &'a Prepared,
    reading: &'a Reading,
    number: usize,
) -> GuestPlan<'a> {
    let guest = &case.shape.guests[number];
    let (mut calls, mut called) = (Vec::new(), BTreeSet::new());
    for (index, seen) in reading.observation.calls.iter().enumerate() {
        let script = &case.calls[index].scripts[number];
        let data = prepared.data(index, number);
        let seen = seen.returned.as_ref().map(|returned| &returned.guests[number]);
        called.extend(script.built_ins().map(|one| (one.which, one.of)));
        let nans = reading.nans(index, number);
        calls.push(GuestCall { script, data, seen, nans });
    }
    GuestPlan {
        number,
        guest,
        function: core_export(guest),
        import: core_import(guest),
        resources: resources(case, number),
        built_ins: called,
        calls,
        again: case.calls.iter().any(|call| is_called_again(call, number)),
    }
}

/// Whether a guest's function may be called more than once in a call of the host's.
fn is_called_again(call: &Call, guest: usize) -> bool {
    let reenters = |script: &Script| script.import_calls().any(|call| call.answer.reenters());
    let caller = guest.checked_sub(1).map(|caller| &call.scripts[caller]);
    call.manner == Manner::Twice
        || call.scripts.iter().any(reenters)
        || caller.is_some_and(|script| script.import_calls().count() > 1)
}

fn resources(case: &Case, guest: usize) -> Vec<(types::Resource, Standing)> {
    let resources = (0..).zip(&case.shape.resources);
    let spoken_of = resources.filter(|(number, _)| is_spoken_of(case, *number));
    spoken_of.filter_map(|(number, resource)| Some((number, standing(*resource, guest)?))).collect()
}

/// Whether a type mentions a resource or a guest calls one of its built-ins.
pub fn is_spoken_of(case: &Case, resource: types::Resource) -> bool {
    let mut functions = case.shape.guests.iter().flat_map(Guest::functions);
    let in_types = functions.any(|(_, function)| {
        let types = function.ty.params.iter().chain(&function.ty.result);
        let mut handles = types.flat_map(types::Type::handles);
        handles.any(|handle| handle.resource() == Some(resource))
    });
    let mut scripts = case.calls.iter().flat_map(|call| &call.scripts);
    in_types || scripts.any(|script| script.built_ins().any(|one| one.of == resource))
}

/// What the first of two calls returned.
pub fn first_returned(observed: &CallObservation) -> Option<&Option<Value>> {
    observed.host.iter().find_map(|event| match event {
        HostEvent::FirstReturned(result) => Some(result),
        HostEvent::Called(_)
        | HostEvent::Destructor { .. }
        | HostEvent::NotCalled(_)
        | HostEvent::NotDropped(_)
        | HostEvent::Misused => None,
    })
}

impl GuestPlan<'_> {
    /// Whether it has a memory that anybody can see.
    pub fn has_memory(&self) -> bool {
        self.guest.has_memory()
    }

    pub fn has_realloc(&self) -> bool {
        self.guest.functions().any(|(_, function)| function.opts.realloc)
    }

    pub fn has_post_return(&self) -> bool {
        self.guest.export.opts.post_return
    }

    /// Whether it has something to call: its import or a built-in.
    pub fn has_table(&self) -> bool {
        self.import.is_some() || !self.built_ins.is_empty()
    }

    /// Whether it is known what it sees in some call.
    pub fn is_checked(&self) -> bool {
        self.calls.iter().any(|call| call.seen.is_some())
    }

    /// Whether it has to be asked after a call whether all was as it is to be, or told to get ready for
    /// the next.
    pub fn is_asked(&self) -> bool {
        let silent = self.has_memory() || self.has_post_return() || !self.destructors().is_empty();
        self.calls.len() > 1 || self.is_checked() && (silent || self.again)
    }

    /// The resources with destructors.
    pub fn destructors(&self) -> Vec<types::Resource> {
        let with = Standing::Defined { destructor: true };
        let resources = self.resources.iter().filter(|(_, standing)| *standing == with);
        resources.map(|(number, _)| *number).collect()
    }
}
