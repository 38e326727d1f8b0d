//! Fewer calls, and guests that do less.
//! Knows no types but to lower the least value of each.

use super::one::{Cut, ranges};
use crate::case::{Answer, Case, End, Entry, ImportCall, Part, Passed, Patch, Script, Turn};
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
            cuts.extend(fewer(at, script.function.acts.len(), |script| &mut script.function.acts));
            cuts.extend(fewer(at, script.realloc.len(), |script| &mut script.realloc));
            cuts.extend(
                (0..script.realloc.len())
                    .map(|index| at.cut(move |script| script.realloc[index] = Turn::PLAIN)),
            );
            cuts.push(at.cut(|script| script.post_return = Turn::PLAIN));
            cuts.push(at.cut(|script| script.destructor = Turn::PLAIN));
            cuts.extend(parts_of_turns(at, script));
        }
        cuts.extend(ranges(call.host_drops.len()).into_iter().map(|range| {
            Cut::new(move |case| drop(case.calls[number].host_drops.drain(range.clone())))
        }));
    }
    cuts
}

/// Without some of what a script has so many of.
fn fewer<T: 'static>(
    at: At,
    count: usize,
    of: impl Fn(&mut Script) -> &mut Vec<T> + Copy + 'static,
) -> impl Iterator<Item = Cut> {
    let ranges = ranges(count).into_iter();
    ranges.map(move |range| at.cut(move |script| drop(of(script).drain(range.clone()))))
}

/// Of turns that do more than one thing and are not the function's: without one, or with a plain end.
fn parts_of_turns(at: At, script: &Script) -> Vec<Cut> {
    let mut cuts = Vec::new();
    for (number, (entry, turn)) in script.turns().enumerate() {
        let things = turn.acts.len() + usize::from(turn.end != End::Plain);
        if entry == Entry::Function || things < 2 {
            continue;
        }
        let change = move |change: fn(&mut Turn, usize), act: usize| {
            at.cut(move |script| {
                script.turns_mut().nth(number).into_iter().for_each(|(_, turn)| change(turn, act));
            })
        };
        let without = |act| change(|turn, act| drop(turn.acts.remove(act)), act);
        cuts.extend((0..turn.acts.len()).map(without));
        cuts.push(change(|turn, _| turn.end = End::Plain, 0));
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

/// Where a guest hands something over: this one of all that it does.
#[derive(Clone, Copy)]
struct HandOver {
    at: At,
    number: usize,
}

impl HandOver {
    fn cut(self, change: impl Fn(&mut Passed) + 'static) -> Cut {
        Cut::new(move |case| {
            let passed = self.at.of(case).passed_mut().nth(self.number);
            passed.into_iter().for_each(|(_, passed)| change(passed));
        })
    }
}

fn all_places(case: &Case) -> Vec<(HandOver, Part, &Passed)> {
    let mut all = Vec::new();
    for (call, made) in case.calls.iter().enumerate() {
        for (guest, script) in made.scripts.iter().enumerate() {
            let at = At { call, guest };
            let passed = script.passed().enumerate();
            all.extend(
                passed.map(|(number, (part, passed))| (HandOver { at, number }, part, passed)),
            );
        }
    }
    all
}

/// Plain data in the place of raw data, returning in that of trapping, plain answers.
pub fn passed(case: &Case) -> Vec<Cut> {
    let mut cuts = Vec::new();
    for (place, part, passed) in all_places(case) {
        let types = types_at(case, place.at, part);
        match passed {
            Passed::Raw { flat, memory } => {
                let lowered = move || types.iter().map(least).collect::<Vec<_>>();
                let plain = lowered.clone();
                cuts.push(place.cut(move |passed| {
                    *passed = Passed::lowered(plain());
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
            if script.function.end == End::Trap {
                cuts.push(returning(case, at));
            }
            cuts.extend(
                (0..script.import_calls().count()).map(|call| plain_answer(case, at, call)),
            );
        }
    }
    cuts
}

/// The types of what is handed over there.
fn types_at(case: &Case, at: At, part: Part) -> Vec<Type> {
    let guest = &case.shape.guests[at.guest];
    let (params, answer) = guest.types_of_import();
    let types = match part {
        Part::Params => params,
        Part::Answer => answer,
        Part::Result => guest.export.ty.results(),
    };
    types.to_vec()
}

fn returning(case: &Case, at: At) -> Cut {
    let types = types_at(case, at, Part::Result);
    at.cut(move |script| {
        script.function.end = End::Return(Passed::lowered(types.iter().map(least).collect()));
    })
}

fn plain_answer(case: &Case, at: At, call: usize) -> Cut {
    let result = types_at(case, at, Part::Answer);
    at.cut(move |script| {
        let call = script.import_calls_mut().nth(call);
        call.into_iter().for_each(|ImportCall { answer, .. }| {
            *answer = match answer {
                Answer::Return(value) | Answer::Reenter(value) => Answer::Return(value.take()),
                Answer::Guest => Answer::Guest,
                Answer::Error => Answer::Return(result.first().map(least)),
            };
        });
    })
}

/// Fewer patches, chunks and raw words.
pub fn patches(case: &Case) -> Vec<Cut> {
    let mut cuts = Vec::new();
    for (place, _, passed) in all_places(case) {
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
