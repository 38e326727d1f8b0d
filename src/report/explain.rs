//! A case with all that there is to tell of it, for those who write it down: as text or as a page.
//! Knows verdicts and the register; runs nothing.

use anyhow::Result;

use super::align::{Row, rows};
use super::disagreement::{class, export_command, parting, replay_command, subject, verdict};
use super::layout;
use super::memory::{Field, FieldKind, FlatValue, Picture, Root, State, picture};
use super::spec::{NO_RULE, Rule, is_misused, rules};
use super::timeline::{core, guest_name, hex};
use crate::abi::Deviation;
use crate::case::Case;
use crate::case::text::{CaseFile, UNREVIEWED, print};
use crate::encode::Prepared;
use crate::observation::{Observation, Outcome};
use crate::oracle::register::{Divergence, Register};
use crate::oracle::{Difference, Verdict, Where, first_difference};
use crate::session::{Checked, own_build, situation};

/// A case that was checked, explained.
pub struct Explained {
    /// Its path, without the ending.
    pub name: String,
    pub file: CaseFile,
    pub checked: Checked,
    /// Where the two sides part: of what is accepted, too.
    pub difference: Option<Difference>,
    pub register: Registered,
    /// The command that shows it again.
    pub replay: String,
    /// The one that makes a file of it for those who have no canonfuzz.
    pub export: String,
    /// Such files, as far as somebody made them: what each is called, and what is in it.
    pub reproducers: Vec<(String, String)>,
}

/// What the register has to do with a case.
#[derive(Clone, Debug)]
pub struct Registered {
    /// In a sentence.
    pub says: String,
    /// The entries that are about it.
    pub entries: Vec<Divergence>,
    /// Those of them by which it is accepted.
    pub reasons: Vec<Divergence>,
}

/// Collects what there is to tell of the case at this path.
pub fn explain(path: &str, file: CaseFile, checked: Checked) -> Result<Explained> {
    let difference = match &checked.verdict {
        Verdict::Disagree(difference) => Some((**difference).clone()),
        Verdict::Accepted(_) => first_difference(&checked.expected, &checked.observed),
        Verdict::Agree | Verdict::Inconclusive(_) | Verdict::Unsupported(_) => None,
    };
    let mut register = registered(&Register::committed()?, path, &checked.verdict);
    let (build, situation) = (own_build()?, situation(&file.case));
    register.reasons.retain(|reason| reason.applies(&build, situation));
    let name = path.strip_suffix(".toml").unwrap_or(path).to_string();
    let (replay, export) = (replay_command(path), export_command(path));
    let reproducers = Vec::new();
    Ok(Explained { name, file, checked, difference, register, replay, export, reproducers })
}

fn registered(register: &Register, path: &str, verdict: &Verdict) -> Registered {
    let accepted: &[Deviation] = if let Verdict::Accepted(names) = verdict { names } else { &[] };
    let about = |divergence: &&Divergence| {
        accepted.contains(&divergence.deviation) || path.ends_with(&divergence.case)
    };
    let entries: Vec<_> = register.divergences.iter().filter(about).cloned().collect();
    let says = match verdict {
        Verdict::Accepted(_) => "accepted: the subject does exactly what the register says of it",
        Verdict::Disagree(_) => {
            "not registered: nothing that is registered explains this difference"
        }
        Verdict::Agree if entries.is_empty() => "nothing to register: both sides agree",
        Verdict::Agree => "registered for other releases or configurations: here both sides agree",
        Verdict::Inconclusive(_) | Verdict::Unsupported(_) => "not decided: the run says nothing",
    };
    let reasons = entries.iter().filter(|entry| accepted.contains(&entry.deviation));
    Registered { says: says.to_string(), reasons: reasons.cloned().collect(), entries }
}

impl Explained {
    pub fn sides(&self) -> [&Observation; 2] {
        [&self.checked.expected.observation, &self.checked.observed]
    }

    /// The case, and the same made ready.
    fn prepared(&self) -> (&Case, &Prepared) {
        (&self.file.case, &self.checked.prepared)
    }

    /// Whether the two sides differ in a way that nobody has registered.
    pub fn is_finding(&self) -> bool {
        matches!(self.checked.verdict, Verdict::Disagree(_))
    }

    /// The rule in a sentence; of what nobody has reviewed, how the two sides differ.
    pub fn title(&self) -> String {
        match self.file.rule.as_str() {
            UNREVIEWED => self.kind(),
            rule => rule.to_string(),
        }
    }

    /// The file's name, as others may be told it: where it lies on this machine is not theirs to know.
    pub fn told_name(&self) -> &str {
        match self.name.rsplit_once('/') {
            Some((_, file)) if self.name.starts_with('/') => file,
            Some(_) | None => &self.name,
        }
    }

    /// Whether the sides part over a mistake of the host's.
    pub fn is_misuse(&self) -> bool {
        let call = self.difference.as_ref().map(|difference| difference.call);
        call.is_some_and(|call| is_misused(&self.file.case, call))
    }

    /// The verdict, and the kind of difference where there is one.
    pub fn verdict(&self) -> String {
        verdict(&self.checked.verdict)
    }

    /// What lies where two memories part.
    pub fn there(&self) -> Option<String> {
        let Difference { call, at: Where::Memory { guest, address }, .. } =
            self.difference.as_ref()?
        else {
            return None;
        };
        let address = u64::try_from(*address).ok()?;
        let picture = picture(self.prepared(), self.sides(), *call, *guest);
        let mut fields = picture.roots.iter().flat_map(|root| &root.fields);
        fields.find(|field| field.range().contains(&address)).map(described)
    }

    /// What findings that are likely the same have in common.
    pub fn kind(&self) -> String {
        match &self.checked.verdict {
            Verdict::Disagree(difference) => class(difference),
            Verdict::Accepted(_)
            | Verdict::Agree
            | Verdict::Inconclusive(_)
            | Verdict::Unsupported(_) => self.verdict(),
        }
    }

    pub fn rows(&self) -> Vec<Row> {
        rows(self.prepared(), self.sides(), self.difference.as_ref())
    }

    pub fn subject(&self) -> String {
        subject(&self.file.case)
    }

    pub(super) fn rules(&self) -> Vec<Rule> {
        self.difference.as_ref().map(rules).unwrap_or_default()
    }

    /// The call that is to be looked at first: where they part, or else the one that did not return.
    pub fn call(&self) -> usize {
        let expected = &self.checked.expected.observation;
        match &self.difference {
            Some(difference) => difference.call,
            None if expected.outcome != Outcome::Returned => expected.calls.len().saturating_sub(1),
            None => 0,
        }
    }

    /// The memories of all guests in one call.
    pub fn pictures(&self, call: usize) -> Vec<Picture> {
        let case = &self.file.case;
        if call >= case.calls.len() {
            return Vec::new();
        }
        let guests = 0..case.shape.guests.len();
        guests.map(|guest| picture(self.prepared(), self.sides(), call, guest)).collect()
    }
}

/// Everything as text: a case file, with what there is to tell of it in comments.
pub fn show(explained: &Explained) -> String {
    let mut lines = summary(explained);
    lines.push(String::new());
    let mut out: Vec<String> = lines.iter().map(|line| comment(line)).collect();
    out.push(print(&explained.file).trim_end().to_string());
    let mut lines = vec!["Layout, as the spec has it (sizes and offsets in bytes):".to_string()];
    lines.extend(layout::lines(&explained.file.case.shape));
    lines.extend(explained.pictures(explained.call()).iter().flat_map(memory));
    out.push(String::new());
    out.extend(lines.iter().map(|line| comment(line)));
    out.join("\n")
}

fn comment(line: &str) -> String {
    // A line of a message may be several.
    format!("# {}", line.replace('\n', "\n# ")).trim_end().to_string()
}

fn summary(explained: &Explained) -> Vec<String> {
    let Explained { name, file, difference, register, replay, .. } = explained;
    let mut lines = vec![format!("{}  {name}", explained.verdict())];
    if let Some(difference) = difference {
        lines.extend(parting(&file.case, difference).map(|line| format!("  {line}")));
    }
    lines.extend(explained.there().map(|there| format!("  there     {there}")));
    lines.push(format!("  subject   {}", explained.subject()));
    if explained.is_misuse() {
        lines.push(format!("  spec      {NO_RULE}"));
    } else {
        for rule in explained.rules() {
            lines.push(format!("  spec      {}: {}", rule.section, rule.functions.join(", ")));
        }
    }
    lines.push(format!("  register  {}", register.says));
    for Divergence { deviation, versions, reason, link, .. } in &register.entries {
        lines.push(format!("            {deviation}, wasmtime {versions} ({link}): {reason}"));
    }
    lines.push(format!("  replay    {replay}"));
    lines
}

/// What a picture is of.
pub(super) fn title(picture: &Picture) -> String {
    let Picture { call, guest, .. } = picture;
    let state = match picture.state {
        State::Reference => "after the call, as the reference leaves it",
        State::Subject => {
            "after the call, as the subject leaves it: on the reference it did not return"
        }
        State::HandedOver => {
            "as the guest has it when it is called, for after a trap nobody can look into it"
        }
    };
    format!("memory of {} in call {call}, {state}", guest_name(*guest))
}

fn memory(picture: &Picture) -> Vec<String> {
    let mut lines = vec![String::new(), format!("{} (> what to look at):", title(picture))];
    for root in &picture.roots {
        let Root { title, spilled, flat, fields, cut } = root;
        let passing = if *spilled { "spilled into memory" } else { "passed flat" };
        lines.push(format!("  {title}, {passing}"));
        lines.extend(flat.iter().enumerate().map(|(i, value)| flat_line(i, value)));
        lines.extend(fields.iter().map(|field| field_line(picture, field)));
        lines.extend(cut.then(|| "      and more".to_string()));
    }
    if picture.roots.is_empty() {
        lines.push("  nothing is passed".to_string());
    }
    lines
}

fn flat_line(index: usize, flat: &FlatValue) -> String {
    let FlatValue { path, core, value, wrong, other, .. } = flat;
    let mark = if flat.is_marked() { ">" } else { " " };
    let other = other.map_or(String::new(), |other| format!(", subject {}", self::core(other)));
    let wrong = wrong.as_ref().map_or(String::new(), |wrong| format!("  {wrong}"));
    format!("  {mark} flat {index}  {}{other}  {path} = {value}{wrong}", self::core(*core))
}

fn field_line(picture: &Picture, field: &Field) -> String {
    let mark = if picture.is_marked(field) { ">" } else { " " };
    let bytes = |memory: &[u8]| hex(quoted(memory, field));
    let subject = match &picture.other {
        Some(other) if quoted(other, field) != quoted(&picture.memory, field) => {
            format!(", subject {}", bytes(other))
        }
        Some(_) | None => String::new(),
    };
    let what = described(field);
    let wrong = field.wrong.as_ref().map_or(String::new(), |wrong| format!("  {wrong}"));
    format!("  {mark} {:#06x}  {}{subject}  {what}{wrong}", field.at, bytes(&picture.memory))
}

/// Some bytes of a field: all of most.
pub(super) fn quoted<'a>(memory: &'a [u8], field: &Field) -> &'a [u8] {
    const QUOTED: usize = 16;
    let index = |address: u64| usize::try_from(address).unwrap_or(usize::MAX).min(memory.len());
    let (start, end) = (index(field.at), index(field.range().end));
    &memory[start..end.min(start.saturating_add(QUOTED))]
}

/// A field in words: its name, its type and what it says.
pub(super) fn described(field: &Field) -> String {
    let Field { path, ty, value, .. } = field;
    match field.kind {
        FieldKind::Value => format!("{path}: {ty} = {value}"),
        FieldKind::Pointer { .. } => format!("{path}: pointer of {ty} = {value}"),
        FieldKind::Length => format!("{path}: length of {ty} = {value}"),
        FieldKind::Discriminant => format!("{path}: case of {ty} = {value}"),
        FieldKind::Text => format!("{path}: code units of {value}"),
        FieldKind::Padding => "padding".to_string(),
    }
}
