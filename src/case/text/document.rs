//! The tables and keys of the document. Strings are spelled out in `script`, `wave` and `wit`.
//! Knows nothing of what a case is.

use serde::Deserialize;
use toml::Spanned;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Document {
    pub rule: String,
    pub story: Option<String>,
    pub wit: Spanned<String>,
    /// Core code of the first guest that nobody scripted, in the text format of core modules.
    pub core: Option<Spanned<String>>,
    #[serde(default)]
    pub subject: Subject,
    #[serde(default)]
    pub paths: Paths,
    #[serde(default = "absent")]
    pub memory: Spanned<Memory>,
    #[serde(default)]
    pub resource: Vec<Spanned<Resource>>,
    #[serde(default = "absent")]
    pub export: Spanned<Export>,
    pub import: Option<Spanned<Import>>,
    /// Those after the first one, which `memory`, `export` and `import` describe.
    #[serde(default)]
    pub guest: Vec<Guest>,
    #[serde(default)]
    pub call: Vec<Spanned<Call>>,
    #[serde(default)]
    pub expect: Expect,
}

/// A table that is not there, and so is nowhere.
fn absent<T: Default>() -> Spanned<T> {
    Spanned::new(0..0, T::default())
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Subject {
    pub optimize: Option<bool>,
    pub pooling: Option<bool>,
    pub moving_memory: Option<bool>,
    pub concurrency: Option<bool>,
    pub signals: Option<bool>,
    pub guards: Option<bool>,
    pub fuel: Option<bool>,
    pub epochs: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Paths {
    pub call: Option<Spanned<String>>,
    pub import: Option<Spanned<String>>,
    pub polls: u32,
    pub neighbor: bool,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Memory {
    /// One where it is not said.
    pub initial: Option<u32>,
    /// As much as `initial` where it is not said.
    pub maximum: Option<u32>,
    /// Of how many bits they are: 32 where it is not said.
    pub addresses: Option<Spanned<u32>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Resource {
    pub defined_by: Spanned<String>,
    pub destructor: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Export {
    pub string_encoding: Option<Spanned<String>>,
    pub memory: bool,
    pub realloc: bool,
    pub post_return: bool,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Import {
    pub string_encoding: Option<Spanned<String>>,
    pub memory: bool,
    pub realloc: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guest {
    pub core: Option<Spanned<String>>,
    #[serde(default = "absent")]
    pub memory: Spanned<Memory>,
    #[serde(default = "absent")]
    pub export: Spanned<Export>,
    pub import: Option<Spanned<Import>>,
}

/// What a guest is: the tables that the document and a further guest have in common.
pub struct Component<'a> {
    pub core: Option<&'a Spanned<String>>,
    pub memory: &'a Spanned<Memory>,
    pub export: &'a Spanned<Export>,
    pub import: Option<&'a Spanned<Import>>,
}

impl<'a> From<&'a Document> for Component<'a> {
    fn from(document: &'a Document) -> Component<'a> {
        let Document { core, memory, export, import, .. } = document;
        Component { core: core.as_ref(), memory, export, import: import.as_ref() }
    }
}

impl<'a> From<&'a Guest> for Component<'a> {
    fn from(guest: &'a Guest) -> Component<'a> {
        let Guest { core, memory, export, import } = guest;
        Component { core: core.as_ref(), memory, export, import: import.as_ref() }
    }
}

/// Strings that are lines of their own in the file.
pub type Strings = Vec<Spanned<String>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Call {
    pub manner: Option<Spanned<String>>,
    #[serde(default)]
    pub args: Strings,
    #[serde(default)]
    pub realloc: Strings,
    #[serde(default)]
    pub step: Vec<Step>,
    pub finish: Option<Spanned<String>>,
    pub r#return: Option<Return>,
    pub post_return: Option<Spanned<String>>,
    pub destructor: Option<Spanned<String>>,
    #[serde(default)]
    pub host_drops: Vec<u32>,
    /// What those after the first one do.
    #[serde(default)]
    pub guest: Vec<Script>,
}

/// What a guest does that is not the first one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Script {
    #[serde(default)]
    pub realloc: Strings,
    #[serde(default)]
    pub step: Vec<Step>,
    pub finish: Option<Spanned<String>>,
    pub r#return: Option<Return>,
    pub post_return: Option<Spanned<String>>,
    pub destructor: Option<Spanned<String>>,
}

/// An act in a word, or a call of the import: `values` and `patches`, or `flat` and `memory`, and an answer
/// where the import is the host's.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Step {
    pub act: Option<Spanned<String>>,
    pub values: Option<Strings>,
    pub patches: Option<Strings>,
    pub flat: Option<Strings>,
    pub memory: Option<Strings>,
    pub answer: Option<Spanned<String>>,
}

/// What a guest does: the keys that a call and a further guest's script have in common.
pub struct Acts<'a> {
    pub realloc: &'a Strings,
    pub step: &'a [Step],
    pub finish: Option<&'a Spanned<String>>,
    pub r#return: Option<&'a Return>,
    pub post_return: Option<&'a Spanned<String>>,
    pub destructor: Option<&'a Spanned<String>>,
}

impl<'a> From<&'a Call> for Acts<'a> {
    fn from(call: &'a Call) -> Acts<'a> {
        let Call { realloc, step, finish, r#return, post_return, destructor, .. } = call;
        let [finish, post_return, destructor] =
            [finish, post_return, destructor].map(Option::as_ref);
        Acts { realloc, step, finish, r#return: r#return.as_ref(), post_return, destructor }
    }
}

impl<'a> From<&'a Script> for Acts<'a> {
    fn from(script: &'a Script) -> Acts<'a> {
        let Script { realloc, step, finish, r#return, post_return, destructor } = script;
        let [finish, post_return, destructor] =
            [finish, post_return, destructor].map(Option::as_ref);
        Acts { realloc, step, finish, r#return: r#return.as_ref(), post_return, destructor }
    }
}

/// What the export returns: `values` and `patches`, or `flat` and `memory`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Return {
    pub values: Option<Strings>,
    pub patches: Option<Strings>,
    pub flat: Option<Strings>,
    pub memory: Option<Strings>,
}

/// What a guest passes: the keys that a call of the import and a return have in common.
#[derive(Default)]
pub struct Passing<'a> {
    pub values: Option<&'a Strings>,
    pub patches: Option<&'a Strings>,
    pub flat: Option<&'a Strings>,
    pub memory: Option<&'a Strings>,
}

impl<'a> From<&'a Step> for Passing<'a> {
    fn from(step: &'a Step) -> Passing<'a> {
        let Step { values, patches, flat, memory, .. } = step;
        let [values, patches, flat, memory] = [values, patches, flat, memory].map(Option::as_ref);
        Passing { values, patches, flat, memory }
    }
}

impl<'a> From<&'a Return> for Passing<'a> {
    fn from(passed: &'a Return) -> Passing<'a> {
        let Return { values, patches, flat, memory } = passed;
        let [values, patches, flat, memory] = [values, patches, flat, memory].map(Option::as_ref);
        Passing { values, patches, flat, memory }
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    pub lines: Vec<String>,
}
