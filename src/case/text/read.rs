//! A case file from text.

use std::ops::Range;

use anyhow::{Error, Result, anyhow, bail, ensure};
use toml::Spanned;

use crate::abi::{PtrType, StringEncoding};
use crate::case::check::check;
use crate::case::paths::{Path, Paths};
use crate::case::{Act, Answer, Call, CanonOpts, Case, End, Entry, Function, Guest, ImportCall};
use crate::case::{Limits, Manner, Pages, Passed, Resource, Script, Shape, Tuning, Turn};
use crate::types::{FuncType, Type};
use crate::value::Value;

use super::document::{self, Acts, Component, Document, Passing, Strings};
use super::{CaseFile, core, host, script, wave, wit};

/// The valid case that `text` describes. An error is one line, and names a line where it can.
pub fn parse(text: &str) -> Result<CaseFile> {
    let reader = Reader { text };
    let document: Document = toml::from_str(text).map_err(|error| reader.toml(&error))?;
    let case = reader.case(&document).map_err(|error| match error.to_string() {
        why if why.starts_with("line ") => error,
        why => reader.invalid(&document, &why),
    })?;
    check(&case, &Limits::CASE).map_err(|why| reader.invalid(&document, &why))?;
    let Document { rule, story, expect, .. } = document;
    Ok(CaseFile { rule, story, case, expect: expect.lines })
}

/// The file, for the lines of errors.
struct Reader<'a> {
    text: &'a str,
}

impl Reader<'_> {
    fn toml(&self, error: &toml::de::Error) -> Error {
        let why = error.message().lines().collect::<Vec<_>>().join(", ");
        match error.span() {
            Some(span) => anyhow!("line {}: {why}", self.line(&span)),
            None => anyhow!(why),
        }
    }

    /// What is wrong with the whole case, with the line of what it is about, where that is in one place.
    fn invalid(&self, document: &Document, why: &str) -> Error {
        match place(document, why) {
            Some(span) => anyhow!("line {}: {why}", self.line(&span)),
            None => anyhow!("{why}"),
        }
    }

    fn line(&self, span: &Range<usize>) -> usize {
        self.text.bytes().take(span.start).filter(|byte| *byte == b'\n').count() + 1
    }

    /// What `read` makes of one string, which is at `place`.
    fn read<T>(
        &self,
        place: &str,
        item: &Spanned<String>,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<T> {
        read(item.as_ref()).map_err(|why| {
            let why = why.replace(char::is_control, " ");
            anyhow!("line {}: {place}: {why}", self.line(&item.span()))
        })
    }

    /// What `read` makes of each string in a list; it is told the position as well.
    fn each<T>(
        &self,
        place: &str,
        items: &Strings,
        read: impl Fn(usize, &str) -> Result<T, String>,
    ) -> Result<Vec<T>> {
        let items = items.iter().enumerate();
        let item =
            |(index, item)| self.read(&format!("{place}[{index}]"), item, |text| read(index, text));
        items.map(item).collect()
    }

    fn values(&self, place: &str, items: &Strings, types: &[Type]) -> Result<Vec<Value>> {
        self.each(place, items, |index, text| {
            let ty = types.get(index).ok_or_else(|| format!("expected {} values", types.len()))?;
            wave::parse(text, ty)
        })
    }

    fn case(&self, document: &Document) -> Result<Case> {
        let shape = self.shape(document)?;
        let calls = document.call.iter().enumerate();
        let calls = calls.map(|(index, call)| self.call(&format!("call {index}"), call, &shape));
        let tuning = tuning(&document.subject);
        let paths = self.paths(&document.paths)?;
        Ok(Case { tuning, paths, calls: calls.collect::<Result<_>>()?, shape })
    }

    fn paths(&self, paths: &document::Paths) -> Result<Paths> {
        let call = paths
            .call
            .as_ref()
            .map_or(Ok(Path::PLAIN), |text| self.read("paths: call", text, host::parse_call_path));
        let import = paths.import.as_ref().map_or(Ok(Path::PLAIN), |text| {
            self.read("paths: import", text, host::parse_import_path)
        });
        let (polls, neighbor) = (paths.polls, paths.neighbor);
        Ok(Paths { call: call?, import: import?, polls, neighbor })
    }

    fn shape(&self, document: &Document) -> Result<Shape> {
        let world = wit::parse(document.wit.as_ref(), &Limits::CASE)
            .map_err(|(line, why)| self.inside("wit", &document.wit, line, &why))?;
        let resources = self.resources(&document.resource, world.resources)?;
        let guests = self.guests(document, world.export, world.imports)?;
        Ok(Shape { guests, resources })
    }

    /// The first one exports `export`; each imports one of `imports`, which the next one exports.
    fn guests(
        &self,
        document: &Document,
        export: FuncType,
        imports: Vec<FuncType>,
    ) -> Result<Vec<Guest>> {
        let (found, further) = (imports.len(), document.guest.len());
        if found != further && found != further + 1 {
            let line = self.line(&document.wit.span());
            bail!(
                "line {line}: guest: the world imports {found} functions, and {further} further \
                guests are described"
            );
        }
        let types: Vec<FuncType> = [export].into_iter().chain(imports).collect();
        let first = [Component::from(document)].into_iter();
        let components = first.chain(document.guest.iter().map(Component::from)).enumerate();
        let guest = |(number, component)| {
            let place = if number == 0 { String::new() } else { format!("guest {number}: ") };
            self.guest(&place, &component, &types[number..])
        };
        components.map(guest).collect()
    }

    /// `types` are those of the functions from its export on.
    fn guest(&self, place: &str, component: &Component, types: &[FuncType]) -> Result<Guest> {
        let export =
            self.export(&format!("{place}export"), component.export.as_ref(), types[0].clone())?;
        let opts = component.import.map(Spanned::as_ref);
        let import = match types.get(1) {
            Some(ty) => Some(self.import(&format!("{place}import"), opts, ty.clone())?),
            None if opts.is_none() => None,
            None => bail!("{place}import: the world has no function for it"),
        };
        let memory = component.memory.as_ref();
        let ptr_type = self.ptr_type(&format!("{place}memory"), memory)?;
        let noise = component.core.map(|text| self.core(&format!("{place}core"), text));
        let initial = memory.initial.unwrap_or(Pages::ONE.initial);
        let pages = Pages { initial, maximum: memory.maximum.unwrap_or(initial) };
        Ok(Guest { export, import, ptr_type, pages, noise: noise.transpose()? })
    }

    fn core(&self, place: &str, text: &Spanned<String>) -> Result<Vec<u8>> {
        core::parse(text.as_ref()).map_err(|(line, why)| {
            self.inside(place, text, line, &why.replace(char::is_control, " "))
        })
    }

    fn ptr_type(&self, place: &str, memory: &document::Memory) -> Result<PtrType> {
        let Some(bits) = &memory.addresses else {
            return Ok(PtrType::I32);
        };
        match bits.as_ref() {
            32 => Ok(PtrType::I32),
            64 => Ok(PtrType::I64),
            other => {
                let line = self.line(&bits.span());
                bail!("line {line}: {place}: addresses have 32 or 64 bits, not {other}")
            }
        }
    }

    /// `count` is how many the world has.
    fn resources(
        &self,
        tables: &[Spanned<document::Resource>],
        count: usize,
    ) -> Result<Vec<Resource>> {
        let found = tables.len();
        ensure!(found == count, "resource: the world has {count}, and {found} are described");
        tables.iter().enumerate().map(|(i, table)| self.resource(i, table.as_ref())).collect()
    }

    fn resource(&self, index: usize, table: &document::Resource) -> Result<Resource> {
        let place = format!("resource {index}");
        self.read(&place, &table.defined_by, |definer| {
            match (script::parse_definer(definer)?, table.destructor) {
                (None, None) => Ok(Resource::Host),
                (None, Some(_)) => Err("the host's have no destructor that says so".to_string()),
                (Some(by), destructor) => {
                    Ok(Resource::Guest { by, destructor: destructor.unwrap_or(false) })
                }
            }
        })
    }

    /// `line` counts from where the string starts, which is below its quotes if these stand alone.
    fn inside(&self, place: &str, text: &Spanned<String>, line: usize, why: &str) -> Error {
        let quotes = &self.text[text.span()];
        let below = quotes.starts_with("\"\"\"\n") || quotes.starts_with("'''\n");
        anyhow!("line {}: {place}: {why}", self.line(&text.span()) + usize::from(below) + line)
    }

    fn export(&self, place: &str, opts: &document::Export, ty: FuncType) -> Result<Function> {
        let string_encoding = self.string_encoding(place, opts.string_encoding.as_ref())?;
        let document::Export { memory, realloc, post_return, .. } = *opts;
        Ok(Function { ty, opts: CanonOpts { string_encoding, memory, realloc, post_return } })
    }

    fn import(
        &self,
        place: &str,
        opts: Option<&document::Import>,
        ty: FuncType,
    ) -> Result<Function> {
        let encoding = opts.and_then(|opts| opts.string_encoding.as_ref());
        let string_encoding = self.string_encoding(place, encoding)?;
        let [memory, realloc] = opts.map_or([false; 2], |opts| [opts.memory, opts.realloc]);
        let opts = CanonOpts { string_encoding, memory, realloc, post_return: false };
        Ok(Function { ty, opts })
    }

    fn string_encoding(
        &self,
        place: &str,
        name: Option<&Spanned<String>>,
    ) -> Result<StringEncoding> {
        name.map_or(Ok(StringEncoding::Utf8), |name| {
            self.read(place, name, script::parse_string_encoding)
        })
    }

    fn call(&self, place: &str, table: &Spanned<document::Call>, shape: &Shape) -> Result<Call> {
        let call = table.as_ref();
        let args = format!("{place}: args");
        let args = self.values(&args, &call.args, &shape.guests[0].export.ty.params)?;
        let (found, expected) = (call.guest.len(), shape.guests.len() - 1);
        if found != expected {
            let line = self.line(&table.span());
            bail!("line {line}: {place}: guest: {found} of {expected} further guests do something");
        }
        let first = [Acts::from(call)].into_iter();
        let acts = first.chain(call.guest.iter().map(Acts::from)).enumerate();
        let script = |(number, acts)| {
            let within = if number == 0 { String::new() } else { format!(": guest {number}") };
            self.script(&format!("{place}{within}"), &acts, shape, number)
        };
        let scripts = acts.map(script).collect::<Result<_>>()?;
        let manner = call.manner.as_ref().map_or(Ok(Manner::Once), |text| {
            self.read(&format!("{place}: manner"), text, host::parse_manner)
        })?;
        Ok(Call { args, scripts, host_drops: call.host_drops.clone(), manner })
    }

    /// What the guest of this number does.
    fn script(&self, place: &str, acts: &Acts, shape: &Shape, number: usize) -> Result<Script> {
        let guest = &shape.guests[number];
        let turn = |entry, key: &str, word: Option<&Spanned<String>>| match word {
            Some(word) => {
                self.read(&format!("{place}: {key}"), word, |word| script::parse_turn(entry, word))
            }
            None => Ok(Turn::PLAIN),
        };
        let realloc = self.each(&format!("{place}: realloc"), acts.realloc, |_, text| {
            script::parse_turn(Entry::Realloc, text)
        });
        let realloc = realloc?;
        let steps = acts.step.iter().enumerate().map(|(index, step)| {
            let place = format!("{place}: step {index}");
            self.step(&place, step, guest, shape.calls_guest(number))
        });
        let steps = steps.collect::<Result<_>>()?;
        let end = self.finish(place, acts, guest.export.ty.results())?;
        Ok(Script {
            realloc,
            function: Turn { acts: steps, end },
            post_return: turn(Entry::PostReturn, "post-return", acts.post_return)?,
            destructor: turn(Entry::Destructor, "destructor", acts.destructor)?,
        })
    }

    fn finish(&self, place: &str, acts: &Acts, types: &[Type]) -> Result<End> {
        match (acts.finish, acts.r#return) {
            (Some(word), None) => self.read(&format!("{place}: finish"), word, |word| match word {
                "trap" => Ok(End::Trap),
                _ => Err(format!("the guest cannot `{word}`")),
            }),
            (Some(_), Some(_)) => Err(anyhow!("{place}: `finish` and `return` exclude each other")),
            (None, passed) => {
                let passed = passed.map(Passing::from).unwrap_or_default();
                self.passed(&format!("{place}: return"), passed, types).map(End::Return)
            }
        }
    }

    /// `calls_guest` tells whether the import is the next guest's, which needs no word to answer.
    fn step(
        &self,
        place: &str,
        step: &document::Step,
        guest: &Guest,
        calls_guest: bool,
    ) -> Result<Act> {
        let passing = [&step.values, &step.patches, &step.flat, &step.memory];
        match (&step.act, &step.answer) {
            (Some(word), None) if passing.iter().all(|key| key.is_none()) => {
                self.read(place, word, |word| {
                    script::parse_act(word)?.ok_or_else(|| format!("a guest cannot `{word}`"))
                })
            }
            (Some(_), _) => Err(anyhow!("{place}: an `act` has no other keys")),
            (None, None) if !calls_guest => {
                Err(anyhow!("{place}: either `act` or `answer` is missing"))
            }
            (None, Some(answer)) if calls_guest => {
                self.read(&format!("{place}: answer"), answer, |_| {
                    Err("the next guest's script says it".to_string())
                })
            }
            (None, answer) => {
                self.import_call(place, step, answer.as_ref(), guest).map(Act::Import)
            }
        }
    }

    fn import_call(
        &self,
        place: &str,
        step: &document::Step,
        answer: Option<&Spanned<String>>,
        guest: &Guest,
    ) -> Result<ImportCall> {
        let import = guest.import.as_ref();
        let import = import.ok_or_else(|| anyhow!("{place}: there is no import to call"))?;
        let answer = answer.map_or(Ok(Answer::Guest), |answer| {
            self.read(&format!("{place}: answer"), answer, |text| {
                script::parse_answer(text, import.ty.result.as_ref())
            })
        })?;
        let passed = self.passed(place, Passing::from(step), &import.ty.params)?;
        Ok(ImportCall { passed, answer })
    }

    fn passed(&self, place: &str, passing: Passing, types: &[Type]) -> Result<Passed> {
        let Passing { values, patches, flat, memory } = passing;
        let lowered = values.is_some() || patches.is_some();
        let raw = flat.is_some() || memory.is_some();
        ensure!(!(lowered && raw), "{place}: values and patches exclude flat and memory");
        let none = Strings::new();
        let key = |key: &str| format!("{place}: {key}");
        if raw {
            let flat =
                self.each(&key("flat"), flat.unwrap_or(&none), |_, text| script::parse_word(text))?;
            let memory = self.each(&key("memory"), memory.unwrap_or(&none), |_, text| {
                script::parse_chunk(text)
            })?;
            return Ok(Passed::Raw { flat, memory });
        }
        let values = self.values(&key("values"), values.unwrap_or(&none), types)?;
        let patches = self
            .each(&key("patches"), patches.unwrap_or(&none), |_, text| script::parse_patch(text))?;
        Ok(Passed::Lowered { values, patches })
    }
}

/// The table that an error of `check` is about, by the words that it begins with.
fn place(document: &Document, why: &str) -> Option<Range<usize>> {
    let number = |what: &str| {
        let digits = why.strip_prefix(what)?.split(|c: char| !c.is_ascii_digit()).next()?;
        digits.parse::<usize>().ok()
    };
    if let Some(number) = number("call ") {
        return document.call.get(number).map(Spanned::span);
    }
    if let Some(number) = number("resource ") {
        return document.resource.get(number).map(Spanned::span);
    }
    let (component, why) = match number("guest ").zip(why.split_once(": ")) {
        Some((number, (_, why))) => {
            (Component::from(document.guest.get(number.checked_sub(1)?)?), why)
        }
        None => (Component::from(document), why),
    };
    let begins = |what: &str| why.starts_with(what);
    let table = if begins("resource: ") {
        document.wit.span()
    } else if begins("export: ") {
        component.export.span()
    } else if begins("import: ") {
        component.import.map_or(document.wit.span(), Spanned::span)
    } else if begins("core: ") {
        component.core.map(Spanned::span)?
    } else if begins("memory: ") || why.contains(" pages of memory") {
        component.memory.span()
    } else {
        return None;
    };
    // What is wrong with a table that is not there is wrong with what the world needs.
    Some(if table.is_empty() { document.wit.span() } else { table })
}

fn tuning(subject: &document::Subject) -> Tuning {
    let document::Subject { optimize, pooling, moving_memory, concurrency, .. } = *subject;
    let document::Subject { signals, guards, fuel, epochs, .. } = *subject;
    let given = [optimize, pooling, moving_memory, concurrency, signals, guards, fuel, epochs];
    let mut tuning = Tuning::PLAIN;
    for (choice, given) in tuning.choices().into_iter().zip(given) {
        *choice = given.unwrap_or(*choice);
    }
    tuning
}
