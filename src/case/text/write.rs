//! A case file as text, in the one spelling that is canonical.

use crate::case::{Call, Case, Destructor, Finish, Function, ImportCall, Passed, PostReturn};
use crate::case::{Resource, Shape, Step};
use crate::types::Type;
use crate::value::Value;

use super::{CaseFile, quote, script, wave, wit};

/// The text that `parse` reads as this file.
pub fn print(file: &CaseFile) -> String {
    let mut out = text("rule", &file.rule);
    out += &file.story.as_ref().map(|story| text("story", story)).unwrap_or_default();
    out += &format!("wit = {}\n", quote::lines(&wit::print(&file.case.shape)));
    out += &case(&file.case);
    if !file.expect.is_empty() {
        let lines = file.expect.iter().map(|line| quote::string(line));
        out += &format!("\n[expect]\n{}", quote::column("lines", &lines.collect::<Vec<_>>()));
    }
    out
}

fn text(key: &str, text: &str) -> String {
    let value = if text.contains('\n') { quote::lines(text) } else { quote::string(text) };
    format!("{key} = {value}\n")
}

fn case(case: &Case) -> String {
    let tuning = case.tuning;
    let pages = case.shape.guests[0].pages;
    let mut out = format!("\n[subject]\noptimize = {}\n", tuning.optimize);
    out += &format!("pooling = {}\n", tuning.pooling);
    out += &format!("moving-memory = {}\n", tuning.moving_memory);
    out += &format!("concurrency = {}\n", tuning.concurrency);
    out += &format!("\n[memory]\ninitial = {}\nmaximum = {}\n", pages.initial, pages.maximum);
    out += &case.shape.resources.iter().map(|defined| resource(*defined)).collect::<String>();
    out += &opts("export", &case.shape.guests[0].export);
    out += &format!("post-return = {}\n", case.shape.guests[0].export.opts.post_return);
    out += &case.shape.guests[0]
        .import
        .as_ref()
        .map(|import| opts("import", import))
        .unwrap_or_default();
    case.calls.iter().fold(out, |out, c| out + &call(c, &case.shape))
}

fn resource(resource: Resource) -> String {
    let keys = match resource {
        Resource::Host => "defined-by = \"host\"\n".to_string(),
        Resource::Guest { destructor, .. } => {
            format!("defined-by = \"guest\"\ndestructor = {destructor}\n")
        }
    };
    format!("\n[[resource]]\n{keys}")
}

fn opts(name: &str, function: &Function) -> String {
    let opts = function.opts;
    let encoding = script::print_string_encoding(opts.string_encoding);
    format!(
        "\n[{name}]\nstring-encoding = \"{encoding}\"\nmemory = {}\nrealloc = {}\n",
        opts.memory, opts.realloc
    )
}

fn call(call: &Call, shape: &Shape) -> String {
    let mut out = "\n[[call]]\n".to_string();
    out += &list("args", values(&call.args, &shape.guests[0].export.ty.params));
    if !call.scripts[0].realloc.is_empty() {
        let actions = call.scripts[0].realloc.iter().map(|action| script::print_realloc(*action));
        out += &quote::words("realloc", &strings(actions));
    }
    if call.scripts[0].finish == Finish::Trap {
        out += "finish = \"trap\"\n";
    }
    if call.scripts[0].post_return != PostReturn::Nothing {
        out += &format!(
            "post-return = \"{}\"\n",
            script::print_post_return(call.scripts[0].post_return)
        );
    }
    if call.scripts[0].destructor != Destructor::Nothing {
        out +=
            &format!("destructor = \"{}\"\n", script::print_destructor(call.scripts[0].destructor));
    }
    if !call.host_drops.is_empty() {
        let numbers: Vec<String> = call.host_drops.iter().map(u32::to_string).collect();
        out += &quote::words("host-drops", &numbers);
    }
    out += &call.scripts[0].steps.iter().map(|step| self::step(step, shape)).collect::<String>();
    out + &finish(&call.scripts[0].finish, shape.guests[0].export.ty.results())
}

fn step(step: &Step, shape: &Shape) -> String {
    let keys = match step {
        Step::Import(call) => import_call(call, shape.guests[0].import.as_ref()),
        Step::BuiltIn(built_in) => {
            format!("built-in = \"{}\"\n", script::print_built_in(*built_in))
        }
    };
    format!("\n[[call.step]]\n{keys}")
}

fn import_call(call: &ImportCall, import: Option<&Function>) -> String {
    let types = import.map_or(&[][..], |import| &import.ty.params);
    let result = import.and_then(|import| import.ty.result.as_ref());
    let answer = quote::string(&script::print_answer(&call.answer, result));
    format!("{}answer = {answer}\n", passed(&call.passed, types))
}

/// A function that returns nothing, as it should, needs no words.
fn finish(finish: &Finish, types: &[Type]) -> String {
    let keys = match finish {
        Finish::Return(what) => passed(what, types),
        Finish::Trap => String::new(),
    };
    if keys.is_empty() { keys } else { format!("\n[call.return]\n{keys}") }
}

fn passed(passed: &Passed, types: &[Type]) -> String {
    match passed {
        Passed::Lowered { values: lowered, patches } => {
            list("values", values(lowered, types))
                + &list("patches", patches.iter().map(script::print_patch))
        }
        // Even an empty list, since it says that the guest passes raw data.
        Passed::Raw { flat, memory } => {
            let flat = strings(flat.iter().map(|bits| script::print_word(*bits)));
            quote::words("flat", &flat) + &list("memory", memory.iter().map(script::print_chunk))
        }
    }
}

fn values(values: &[Value], types: &[Type]) -> impl Iterator<Item = String> {
    values.iter().zip(types).map(|(value, ty)| wave::print(value, ty))
}

/// An array of strings, left out if it is empty.
fn list(key: &str, items: impl Iterator<Item = String>) -> String {
    let items = strings(items);
    if items.is_empty() { String::new() } else { quote::array(key, &items) }
}

fn strings(items: impl Iterator<Item = String>) -> Vec<String> {
    items.map(|item| quote::block(&item)).collect()
}
