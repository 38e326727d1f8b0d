//! Fewer calls, and guests that do less.
//! Knows no types but to lower the least value of each.

use super::one::{Cut, ranges};
use crate::case::{
    Answer, Case, Destructor, Finish, ImportCall, Passed, Patch, PostReturn, Realloc, Script, Step,
};
use crate::generate::values::least;
use crate::types::Type;

/// Fewer calls of the export; one stays.
pub fn calls(case: &Case) -> Vec<Cut> {
    let few = ranges(case.calls.len()).into_iter().filter(|range| range.len() < case.calls.len());
    few.map(|range| Cut::new(move |case| drop(case.calls.drain(range.clone())))).collect()
}

/// Fewer steps and drops, no actions of `realloc` or plain ones, plain endings.
pub fn scripts(case: &Case) -> Vec<Cut> {
    let mut cuts = Vec::new();
    for (number, call) in case.calls.iter().enumerate() {
        for (guest, script) in call.scripts.iter().enumerate() {
            let at = At { call: number, guest };
            cuts.extend(
                ranges(script.steps.len())
                    .into_iter()
                    .map(|range| at.cut(move |script| drop(script.steps.drain(range.clone())))),
            );
            cuts.extend(
                ranges(script.realloc.len())
                    .into_iter()
                    .map(|range| at.cut(move |script| drop(script.realloc.drain(range.clone())))),
            );
            cuts.extend(
                (0..script.realloc.len())
                    .map(|index| at.cut(move |script| script.realloc[index] = Realloc::Bump)),
            );
            cuts.push(at.cut(|script| script.post_return = PostReturn::Nothing));
            cuts.push(at.cut(|script| script.destructor = Destructor::Nothing));
        }
        cuts.extend(ranges(call.host_drops.len()).into_iter().map(|range| {
            Cut::new(move |case| drop(case.calls[number].host_drops.drain(range.clone())))
        }));
    }
    cuts
}

/// The script of a guest in a call.
#[derive(Clone, Copy)]
struct At {
    call: usize,
    guest: usize,
}

impl At {
    fn cut(self, change: impl Fn(&mut Script) + 'static) -> Cut {
        Cut::new(move |case| change(self.of(case)))
    }

    fn of(self, case: &mut Case) -> &mut Script {
        &mut case.calls[self.call].scripts[self.guest]
    }
}

/// Where a guest hands something over.
#[derive(Clone, Copy)]
struct HandOver {
    at: At,
    /// The step; nothing for what the guest returns.
    step: Option<usize>,
}

impl HandOver {
    fn cut(self, change: impl Fn(&mut Passed) + 'static) -> Cut {
        Cut::new(move |case| self.of(case).into_iter().for_each(&change))
    }

    fn of(self, case: &mut Case) -> Option<&mut Passed> {
        let script = self.at.of(case);
        match self.step {
            None => match &mut script.finish {
                Finish::Return(passed) => Some(passed),
                Finish::Trap => None,
            },
            Some(step) => match &mut script.steps[step] {
                Step::Import(call) => Some(&mut call.passed),
                Step::BuiltIn(_) => None,
            },
        }
    }
}

fn all_places(case: &Case) -> Vec<(HandOver, &Passed)> {
    let mut all = Vec::new();
    for (call, made) in case.calls.iter().enumerate() {
        for (guest, script) in made.scripts.iter().enumerate() {
            let at = At { call, guest };
            for (step, action) in script.steps.iter().enumerate() {
                match action {
                    Step::Import(call) => {
                        all.push((HandOver { at, step: Some(step) }, &call.passed))
                    }
                    Step::BuiltIn(_) => {}
                }
            }
            match &script.finish {
                Finish::Return(passed) => all.push((HandOver { at, step: None }, passed)),
                Finish::Trap => {}
            }
        }
    }
    all
}

/// Plain data in the place of raw data, returning in that of trapping, plain answers.
pub fn passed(case: &Case) -> Vec<Cut> {
    let mut cuts = Vec::new();
    for (place, passed) in all_places(case) {
        let types = types_at(case, place);
        match passed {
            Passed::Raw { flat, memory } => {
                let lowered = move || types.iter().map(least).collect::<Vec<_>>();
                let plain = lowered.clone();
                cuts.push(place.cut(move |passed| {
                    *passed = Passed::Lowered { values: plain(), patches: Vec::new() };
                }));
                let flat = flat.iter().enumerate().map(|(index, bits)| Patch::Flat {
                    index: u32::try_from(index).expect("core values are few"),
                    bits: *bits,
                });
                let chunks = memory.iter().cloned().map(Patch::Memory);
                let patches: Vec<Patch> = flat.chain(chunks).collect();
                cuts.push(place.cut(move |passed| {
                    *passed = Passed::Lowered { values: lowered(), patches: patches.clone() };
                }));
            }
            Passed::Lowered { .. } => {}
        }
    }
    for (call, made) in case.calls.iter().enumerate() {
        for (guest, script) in made.scripts.iter().enumerate() {
            let at = At { call, guest };
            if script.finish == Finish::Trap {
                cuts.push(returning(case, at));
            }
            cuts.extend((0..script.steps.len()).map(|step| plain_answer(case, at, step)));
        }
    }
    cuts
}

/// The types of what is handed over there.
fn types_at(case: &Case, place: HandOver) -> Vec<Type> {
    let guest = &case.shape.guests[place.at.guest];
    let types = match place.step {
        None => guest.export.ty.results(),
        Some(_) => guest.types_of_import().0,
    };
    types.to_vec()
}

fn returning(case: &Case, at: At) -> Cut {
    let types = types_at(case, HandOver { at, step: None });
    at.cut(move |script| {
        let values = types.iter().map(least).collect();
        script.finish = Finish::Return(Passed::Lowered { values, patches: Vec::new() });
    })
}

fn plain_answer(case: &Case, at: At, step: usize) -> Cut {
    let import = case.shape.guests[at.guest].import.clone();
    at.cut(move |script| {
        if let Step::Import(ImportCall { answer, .. }) = &mut script.steps[step] {
            let result = || import.as_ref().and_then(|import| import.ty.result.as_ref()).map(least);
            *answer = match answer {
                Answer::Return(value) | Answer::Reenter(value) => Answer::Return(value.take()),
                Answer::Guest => Answer::Guest,
                Answer::Error => Answer::Return(result()),
            };
        }
    })
}

/// Fewer patches, chunks and raw words.
pub fn patches(case: &Case) -> Vec<Cut> {
    let mut cuts = Vec::new();
    for (place, passed) in all_places(case) {
        let count = match passed {
            Passed::Lowered { patches, .. } => patches.len(),
            Passed::Raw { memory, .. } => memory.len(),
        };
        cuts.extend(ranges(count).into_iter().map(|range| {
            place.cut(move |passed| match passed {
                Passed::Lowered { patches, .. } => drop(patches.drain(range.clone())),
                Passed::Raw { memory, .. } => drop(memory.drain(range.clone())),
            })
        }));
    }
    cuts
}
