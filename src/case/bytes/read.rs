//! The case that bytes stand for.

use anyhow::{Context, Result, ensure};

use crate::case;
use crate::types::{FuncType, Type};

use super::form::{Act, Answer, Call, CanonOpts, End, Flat, Guest, Passed, Script, Turn};
use super::types::Builder;
use super::values::Reader;

/// The types are within `limits`; all else is the caller's to check.
pub fn read(bytes: &[u8], limits: &case::Limits) -> Result<case::Case> {
    let (flat, rest): (Flat, _) = postcard::take_from_bytes(bytes)?;
    ensure!(rest.is_empty(), "{} bytes follow the case", rest.len());
    check_guests(&flat, limits)?;
    let mut builder = Builder::new(&flat.types, limits);
    let functions = flat.functions.iter().map(|ty| builder.functype(ty));
    let guests = guests(flat.guests, &functions.collect::<Result<Vec<_>>>()?);
    let shape = case::Shape { guests, resources: flat.resources };
    let mut values = Reader { rest: &flat.values };
    let calls = flat.calls.into_iter().map(|c| call(c, &shape, &mut values));
    let calls = calls.collect::<Result<_>>()?;
    ensure!(values.rest.is_empty(), "{} bytes follow the values", values.rest.len());
    Ok(case::Case { tuning: flat.tuning, paths: flat.paths, shape, calls })
}

/// Each guest exports one of the functions, and imports the one after it. They are counted before
/// any is built, since a short one can stand for a large tree.
fn check_guests(flat: &Flat, limits: &case::Limits) -> Result<()> {
    let (guests, limit) = (flat.guests.len(), limits.guests);
    ensure!(u32::try_from(guests)? <= limit, "{guests} guests are more than {limit}");
    let imports = flat.guests.last().is_some_and(|guest| guest.import.is_some());
    let expected = guests + usize::from(imports);
    let found = flat.functions.len();
    ensure!(found == expected, "the guests have {expected} functions, and {found} have a type");
    Ok(())
}

fn guests(guests: Vec<Guest>, functions: &[FuncType]) -> Vec<case::Guest> {
    let guests = guests.into_iter().enumerate();
    guests.map(|(number, guest)| self::guest(guest, &functions[number..])).collect()
}

/// `functions` are those from its export on.
fn guest(guest: Guest, functions: &[FuncType]) -> case::Guest {
    let Guest { ptr_type, pages, export, import, noise } = guest;
    case::Guest {
        export: function(export, &functions[0]),
        import: import.map(|import| function(import, &functions[1])),
        ptr_type,
        pages,
        noise,
    }
}

fn function(opts: CanonOpts, ty: &FuncType) -> case::Function {
    let CanonOpts { string_encoding, memory, realloc, post_return } = opts;
    let opts = case::CanonOpts { string_encoding, memory, realloc, post_return };
    case::Function { ty: ty.clone(), opts }
}

/// Values are read in the order in which they were written.
fn call(call: Call, shape: &case::Shape, values: &mut Reader) -> Result<case::Call> {
    let Call { scripts, host_drops, manner } = call;
    let first = shape.guests.first().context("there is no guest")?;
    let args = values.each(&first.export.ty.params)?;
    let scripts = scripts.into_iter().enumerate().map(|(number, script)| {
        let guest = shape.guests.get(number).context("a script has no guest")?;
        self::script(script, guest, values)
    });
    Ok(case::Call { args, scripts: scripts.collect::<Result<_>>()?, host_drops, manner })
}

fn script(script: Script, guest: &case::Guest, values: &mut Reader) -> Result<case::Script> {
    let Script { realloc, function, post_return, destructor } = script;
    Ok(case::Script {
        realloc: realloc.into_iter().map(|one| turn(one, guest, values)).collect::<Result<_>>()?,
        function: turn(function, guest, values)?,
        post_return: turn(post_return, guest, values)?,
        destructor: turn(destructor, guest, values)?,
    })
}

fn turn(turn: Turn, guest: &case::Guest, values: &mut Reader) -> Result<case::Turn> {
    let Turn { acts, end } = turn;
    let acts = acts.into_iter().map(|one| act(one, guest, values)).collect::<Result<_>>()?;
    let end = match end {
        End::Plain => case::End::Plain,
        End::Return(passed) => case::End::Return(pass(passed, guest.export.ty.results(), values)?),
        End::Answer(pointer) => case::End::Answer(pointer),
        End::Trap => case::End::Trap,
    };
    Ok(case::Turn { acts, end })
}

fn act(act: Act, guest: &case::Guest, values: &mut Reader) -> Result<case::Act> {
    Ok(match act {
        Act::Import(passed, answer) => {
            case::Act::Import(import_call(passed, answer, guest, values)?)
        }
        Act::Leave => case::Act::Leave,
        Act::BuiltIn(call) => case::Act::BuiltIn(call),
        Act::Grow(pages) => case::Act::Grow(pages),
    })
}

/// A call of an import that is not there is refused once it is read.
fn import_call(
    passed: Passed,
    answer: Answer,
    guest: &case::Guest,
    values: &mut Reader,
) -> Result<case::ImportCall> {
    let (params, results) = guest.types_of_import();
    let passed = pass(passed, params, values)?;
    let mut result = || values.each(results).map(|results| results.into_iter().next());
    let answer = match answer {
        Answer::Guest => case::Answer::Guest,
        Answer::Return => case::Answer::Return(result()?),
        Answer::Error => case::Answer::Error,
        Answer::Reenter => case::Answer::Reenter(result()?),
    };
    Ok(case::ImportCall { passed, answer })
}

fn pass(passed: Passed, types: &[Type], values: &mut Reader) -> Result<case::Passed> {
    Ok(match passed {
        Passed::Lowered { patches } => {
            case::Passed::Lowered { values: values.each(types)?, patches }
        }
        Passed::Raw { flat, memory } => case::Passed::Raw { flat, memory },
    })
}
