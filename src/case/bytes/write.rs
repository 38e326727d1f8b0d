//! The bytes that stand for a case.

use crate::case;
use crate::value::Value;

use super::form::{Answer, Call, CanonOpts, Finish, Flat, Guest, Passed, Script, Step};
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
    Script {
        realloc: script.realloc.clone(),
        steps: script.steps.iter().map(|s| step(s, out)).collect(),
        finish: match &script.finish {
            case::Finish::Return(passed) => Finish::Return(pass(passed, out)),
            case::Finish::Trap => Finish::Trap,
        },
        post_return: script.post_return,
        destructor: script.destructor,
    }
}

fn step(step: &case::Step, out: &mut Vec<u8>) -> Step {
    let case::ImportCall { passed, answer } = match step {
        case::Step::Import(call) => call,
        case::Step::BuiltIn(call) => return Step::BuiltIn(*call),
    };
    let passed = pass(passed, out);
    let answer = match answer {
        case::Answer::Guest => Answer::Guest,
        case::Answer::Return(value) => {
            put(value.as_slice(), out);
            Answer::Return
        }
        case::Answer::Error => Answer::Error,
        case::Answer::Reenter(value) => {
            put(value.as_slice(), out);
            Answer::Reenter
        }
    };
    Step::Import(passed, answer)
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
