//! A case file from text.

use std::ops::Range;

use anyhow::{Error, Result, anyhow, ensure};
use toml::Spanned;

use crate::abi::PtrType;
use crate::case::check::check;
use crate::case::{Call, CanonOpts, Case, Destructor, Finish, Function, Guest, ImportCall, Limits};
use crate::case::{Pages, Passed, PostReturn, Resource, Script, Shape, Step, Tuning};
use crate::types::{FuncType, Type};
use crate::value::Value;

use super::document::{self, Document, Passing, Strings};
use super::{CaseFile, script, wave, wit};

/// The valid case that `text` describes. An error is one line, and names a line where it can.
pub fn parse(text: &str) -> Result<CaseFile> {
    let reader = Reader { text };
    let document: Document = toml::from_str(text).map_err(|error| reader.toml(&error))?;
    let case = reader.case(&document)?;
    check(&case, &Limits::CASE).map_err(|why| anyhow!(why))?;
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
        let document::Subject { optimize, pooling, moving_memory, concurrency } = document.subject;
        let tuning =
            Tuning { optimize, pooling, moving_memory, concurrency, signals: true, guards: true };
        Ok(Case { tuning, calls: calls.collect::<Result<_>>()?, shape })
    }

    fn shape(&self, document: &Document) -> Result<Shape> {
        let world = wit::parse(document.wit.as_ref(), &Limits::CASE)
            .map_err(|(line, why)| self.wit(&document.wit, line, &why))?;
        let export = self.export(&document.export, world.export)?;
        let import = match (&document.import, world.import) {
            (Some(opts), Some(ty)) => Some(self.import(opts, ty)?),
            (None, None) => None,
            (Some(_), None) => return Err(anyhow!("import: the world imports no function")),
            (None, Some(_)) => return Err(anyhow!("import: its options are missing")),
        };
        let document::Memory { initial, maximum } = document.memory;
        let resources = self.resources(&document.resource, world.resources)?;
        let pages = Pages { initial, maximum };
        let guest = Guest { export, import, ptr_type: PtrType::I32, pages };
        Ok(Shape { guests: vec![guest], resources })
    }

    /// `count` is how many the world has.
    fn resources(&self, tables: &[document::Resource], count: usize) -> Result<Vec<Resource>> {
        let found = tables.len();
        ensure!(found == count, "resource: the world has {count}, and {found} are described");
        tables.iter().enumerate().map(|(i, table)| self.resource(i, table)).collect()
    }

    fn resource(&self, index: usize, table: &document::Resource) -> Result<Resource> {
        self.read(&format!("resource {index}"), &table.defined_by, |definer| {
            match (definer, table.destructor) {
                ("host", None) => Ok(Resource::Host),
                ("host", Some(_)) => Err("the host's have no destructor that says so".to_string()),
                ("guest", destructor) => {
                    Ok(Resource::Guest { by: 0, destructor: destructor.unwrap_or(false) })
                }
                (_, _) => Err(format!("expected host or guest, found `{definer}`")),
            }
        })
    }

    /// `line` counts from where the string starts, which is below its quotes if these stand alone.
    fn wit(&self, wit: &Spanned<String>, line: usize, why: &str) -> Error {
        let quotes = &self.text[wit.span()];
        let below = quotes.starts_with("\"\"\"\n") || quotes.starts_with("'''\n");
        anyhow!("line {}: wit: {why}", self.line(&wit.span()) + usize::from(below) + line)
    }

    fn export(&self, opts: &document::Export, ty: FuncType) -> Result<Function> {
        let string_encoding =
            self.read("export", &opts.string_encoding, script::parse_string_encoding)?;
        let document::Export { memory, realloc, post_return, .. } = *opts;
        Ok(Function { ty, opts: CanonOpts { string_encoding, memory, realloc, post_return } })
    }

    fn import(&self, opts: &document::Import, ty: FuncType) -> Result<Function> {
        let string_encoding =
            self.read("import", &opts.string_encoding, script::parse_string_encoding)?;
        let document::Import { memory, realloc, .. } = *opts;
        let opts = CanonOpts { string_encoding, memory, realloc, post_return: false };
        Ok(Function { ty, opts })
    }

    fn call(&self, place: &str, call: &document::Call, shape: &Shape) -> Result<Call> {
        let args =
            self.values(&format!("{place}: args"), &call.args, &shape.guests[0].export.ty.params)?;
        let realloc = self.each(&format!("{place}: realloc"), &call.realloc, |_, text| {
            script::parse_realloc(text)
        })?;
        let steps = call.step.iter().enumerate();
        let steps =
            steps.map(|(index, step)| self.step(&format!("{place}: step {index}"), step, shape));
        let steps = steps.collect::<Result<_>>()?;
        let finish = self.finish(place, call, shape)?;
        let post_return = match &call.post_return {
            Some(word) => {
                self.read(&format!("{place}: post-return"), word, script::parse_post_return)?
            }
            None => PostReturn::Nothing,
        };
        let destructor = match &call.destructor {
            Some(word) => {
                self.read(&format!("{place}: destructor"), word, script::parse_destructor)?
            }
            None => Destructor::Nothing,
        };
        let host_drops = call.host_drops.clone();
        let script = Script { realloc, steps, finish, post_return, destructor };
        Ok(Call { args, scripts: vec![script], host_drops })
    }

    fn finish(&self, place: &str, call: &document::Call, shape: &Shape) -> Result<Finish> {
        let types = shape.guests[0].export.ty.results();
        match (&call.finish, &call.r#return) {
            (Some(word), None) => self.read(&format!("{place}: finish"), word, |word| match word {
                "trap" => Ok(Finish::Trap),
                _ => Err(format!("the guest cannot `{word}`")),
            }),
            (Some(_), Some(_)) => Err(anyhow!("{place}: `finish` and `return` exclude each other")),
            (None, passed) => {
                let passed = passed.as_ref().map(Passing::from).unwrap_or_default();
                self.passed(&format!("{place}: return"), passed, types).map(Finish::Return)
            }
        }
    }

    fn step(&self, place: &str, step: &document::Step, shape: &Shape) -> Result<Step> {
        let passing = [&step.values, &step.patches, &step.flat, &step.memory];
        match (&step.built_in, &step.answer) {
            (None, Some(answer)) => self.import_call(place, step, answer, shape).map(Step::Import),
            (Some(word), None) if passing.iter().all(|key| key.is_none()) => {
                self.read(place, word, script::parse_built_in).map(Step::BuiltIn)
            }
            (Some(_), _) => Err(anyhow!("{place}: a built-in has no other keys")),
            (None, None) => Err(anyhow!("{place}: either `built-in` or `answer` is missing")),
        }
    }

    fn import_call(
        &self,
        place: &str,
        step: &document::Step,
        answer: &Spanned<String>,
        shape: &Shape,
    ) -> Result<ImportCall> {
        let import = shape.guests[0].import.as_ref();
        let import = import.ok_or_else(|| anyhow!("{place}: there is no import to call"))?;
        let answer = self.read(&format!("{place}: answer"), answer, |text| {
            script::parse_answer(text, import.ty.result.as_ref())
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
