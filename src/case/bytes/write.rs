//! The bytes that stand for a case.

use crate::case;
use crate::value::Value;

use super::form::{Act, Answer, Call, CanonOpts, End, Flat, Guest, Passed, Script, Turn};
use super::types::TypeTable;
use super::values;

pub fn write(case: &case::Case) -> Vec<u8> {
    let mut types = TypeTable::default();
    let mut values = Vec::new();
    let guests = &case.shape.guests;
    let exports = guests.iter().map(|guest| &guest.export);
    let import = guests.last().and_then(|guest| guest.import.as_ref());
    let functions = exports.chain(import).map(|function| types.functype(&function.ty)).collect();
    let calls = case.calls.iter().map(|c| call(c, &mut values)).collect();
    let flat = Flat {
        tuning: case.tuning,
        paths: case.paths,
        resources: case.shape.resources.clone(),
        types: types.into_entries(),
        functions,
        guests: guests.iter().map(guest).collect(),
        calls,
        values,
    };
    postcard::to_stdvec(&flat).expect("postcard can write all that is in a case")
}

fn guest(guest: &case::Guest) -> Guest {
    Guest {
        ptr_type: guest.ptr_type,
        pages: guest.pages,
        export: opts(guest.export.opts),
        import: guest.import.as_ref().map(|import| opts(import.opts)),
        noise: guest.noise.clone(),
    }
}

fn opts(opts: case::CanonOpts) -> CanonOpts {
    let case::CanonOpts { string_encoding, memory, realloc, post_return } = opts;
    CanonOpts { string_encoding, memory, realloc, post_return }
}

fn call(call: &case::Call, out: &mut Vec<u8>) -> Call {
    put(&call.args, out);
    let scripts = call.scripts.iter().map(|s| script(s, out)).collect();
    Call { scripts, host_drops: call.host_drops.clone(), manner: call.manner }
}

fn script(script: &case::Script, out: &mut Vec<u8>) -> Script {
    let case::Script { realloc, function, post_return, destructor } = script;
    Script {
        realloc: realloc.iter().map(|one| turn(one, out)).collect(),
        function: turn(function, out),
        post_return: turn(post_return, out),
        destructor: turn(destructor, out),
    }
}

fn turn(turn: &case::Turn, out: &mut Vec<u8>) -> Turn {
    let acts = turn.acts.iter().map(|one| act(one, out)).collect();
    let end = match &turn.end {
        case::End::Plain => End::Plain,
        case::End::Return(passed) => End::Return(pass(passed, out)),
        case::End::Answer(pointer) => End::Answer(*pointer),
        case::End::Trap => End::Trap,
    };
    Turn { acts, end }
}

fn act(act: &case::Act, out: &mut Vec<u8>) -> Act {
    match act {
        case::Act::Import(case::ImportCall { passed, answer: given }) => {
            let passed = pass(passed, out);
            Act::Import(passed, answer(given, out))
        }
        case::Act::Leave => Act::Leave,
        case::Act::BuiltIn(call) => Act::BuiltIn(*call),
        case::Act::Grow(pages) => Act::Grow(*pages),
    }
}

fn answer(answer: &case::Answer, out: &mut Vec<u8>) -> Answer {
    put(answer.values(), out);
    match answer {
        case::Answer::Guest => Answer::Guest,
        case::Answer::Return(_) => Answer::Return,
        case::Answer::Error => Answer::Error,
        case::Answer::Reenter(_) => Answer::Reenter,
    }
}

fn pass(passed: &case::Passed, out: &mut Vec<u8>) -> Passed {
    match passed {
        case::Passed::Lowered { values, patches } => {
            put(values, out);
            Passed::Lowered { patches: patches.clone() }
        }
        case::Passed::Raw { flat, memory } => {
            Passed::Raw { flat: flat.clone(), memory: memory.clone() }
        }
    }
}

fn put(values: &[Value], out: &mut Vec<u8>) {
    values.iter().for_each(|value| values::write(value, out));
}
