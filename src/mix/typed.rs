//! Tables of calls by static types: which of them lowered and lifted, by which ways.
//! Knows the families of signatures by their names only.

use super::passages::{Passage, passages, proper_calls};
use super::table::Table;
use super::ways::{self, Apis};
use crate::abi::Stage;
use crate::case::allowed::{Allowed, Side, Signature};
use crate::case::check::Feature;
use crate::case::paths::{Api, Mode, Path};
use crate::case::text::host::{print_call_path, print_import_path};
use crate::case::{Case, Resource};
use crate::observation::Reading;
use crate::types::FuncType;

/// The tables of one run.
#[derive(Clone)]
pub struct Typed {
    allowed: Allowed,
    families: Vec<&'static str>,
    passing: Table,
    forms: Table,
    ways: Table,
}

/// What is passed on each side, in the order of the columns.
const PASSED: [&str; 2] = ["params", "result"];
const SIDES: usize = Side::ALL.len();

impl Typed {
    /// Empty tables, for subjects with these signatures.
    pub fn new(allowed: &Allowed) -> Typed {
        let mut families: Vec<&str> = Vec::new();
        for signature in &*allowed.signatures {
            if !families.contains(&signature.family) {
                families.push(signature.family);
            }
        }
        let passing = passing(allowed, &families);
        let (forms, ways) =
            (forms(allowed, &families), ways::table(Apis::Typed, &allowed.features));
        Typed { allowed: allowed.clone(), families, passing, forms, ways }
    }

    /// Counts what happened when the reference ran this case.
    pub fn add(&mut self, case: &Case, reading: &Reading) {
        let signatures = Side::ALL.map(|side| self.allowed.form(case, side));
        for call in proper_calls(case, reading) {
            for passage in passages(case, &call) {
                let (side, passed) = place(&passage);
                let Some(signature) = signatures[side] else {
                    continue;
                };
                let family = self.families.iter().position(|family| *family == signature.family);
                let family = family.expect("every family has a row");
                let mode = Side::ALL[side].path(case.paths).mode;
                if !passage.types.is_empty() {
                    self.passing.count(family, column(side, mode, passed));
                }
                if passed == 0 {
                    let forms = self.allowed.forms_of(&case.shape, Side::ALL[side], mode);
                    let number = position(signature, &forms);
                    self.forms.count(family, SIDES * number + side);
                }
            }
        }
        ways::count(&mut self.ways, Apis::Typed, case, reading);
    }

    pub fn tables(&self) -> Vec<&Table> {
        let Typed { passing, forms, ways, .. } = self;
        vec![passing, forms, ways]
    }

    pub fn tables_mut(&mut self) -> Vec<&mut Table> {
        let Typed { passing, forms, ways, .. } = self;
        vec![passing, forms, ways]
    }
}

/// The positions of the side on which something is passed, and of what it is.
fn place(passage: &Passage) -> (usize, usize) {
    match passage.stage {
        Stage::LowerParams => (0, 0),
        Stage::LiftResult => (0, 1),
        Stage::LiftParams => (1, 0),
        Stage::LowerResult => (1, 1),
        Stage::Callee | Stage::Host | Stage::PostReturn | Stage::Destructor => {
            unreachable!("no values pass there")
        }
    }
}

fn column(side: usize, mode: Mode, passed: usize) -> usize {
    let mode = Mode::ALL.iter().position(|known| *known == mode);
    let mode = mode.expect("all modes are known");
    (side * Mode::ALL.len() + mode) * PASSED.len() + passed
}

/// Families by what is passed by which path.
fn passing(allowed: &Allowed, families: &[&str]) -> Table {
    let paths = Mode::ALL.map(|mode| Path { api: Api::Typed(0), mode });
    let names = paths.map(print_call_path).into_iter().chain(paths.map(print_import_path));
    let columns = names.flat_map(|name| PASSED.map(|passed| format!("{name}: {passed}"))).collect();
    let rows = families.iter().map(|family| family.to_string()).collect();
    Table::new("static types", rows, columns, |row, column| {
        let (path, passed) = (column / PASSED.len(), column % PASSED.len());
        let (side, mode) = (Side::ALL[path / Mode::ALL.len()], Mode::ALL[path % Mode::ALL.len()]);
        if !has(allowed, side, mode) {
            return Some("this release has no async functions");
        }
        let family =
            allowed.signatures.iter().filter(|signature| signature.family == families[row]);
        let mut of_path =
            family.filter(|signature| signature.modes(side).contains(&mode)).peekable();
        if of_path.peek().is_none() {
            return Some("no signature of this family has this path");
        }
        let passes =
            |ty: &FuncType| if passed == 0 { !ty.params.is_empty() } else { ty.result.is_some() };
        (!of_path.any(|signature| passes(&signature.ty)))
            .then_some("no type of this family has one")
    })
}

/// Whether this release has this path for functions of the types that there are.
fn has(allowed: &Allowed, side: Side, mode: Mode) -> bool {
    let concurrent = side == Side::Import && mode == Mode::Concurrent;
    !concurrent || allowed.features.contains(&Feature::AsyncFunction)
}

/// Families by the position of the static types among those for one type.
fn forms(allowed: &Allowed, families: &[&str]) -> Table {
    let all = positions(allowed);
    let count = all.iter().map(|(_, number, _)| number + 1).max().unwrap_or(0);
    let columns = (1..=count)
        .flat_map(|number| ["called by", "defined by"].map(|side| format!("{side} {number}.")));
    let rows = families.iter().map(|family| family.to_string()).collect();
    Table::new("forms", rows, columns.collect(), |row, column| {
        let wanted = (families[row], column / SIDES, Side::ALL[column % SIDES]);
        (!all.contains(&wanted)).then_some("it is no form of any type")
    })
}

/// Which positions signatures of a family have, on which side: an import mentions the host's resources
/// only.
fn positions(allowed: &Allowed) -> Vec<(&'static str, usize, Side)> {
    let mut positions = Vec::new();
    for signature in &*allowed.signatures {
        let count = signature.resources().map(|number| number + 1).max().unwrap_or(0);
        let count = usize::try_from(count).unwrap_or(0);
        let guests = vec![Resource::Guest { by: 0, destructor: false }; count];
        let mut add = |resources: &[Resource], side: Side| {
            for mode in signature.modes(side).iter().filter(|mode| has(allowed, side, **mode)) {
                let forms = allowed.forms(&signature.ty, resources, side, *mode);
                positions.push((signature.family, position(signature, &forms), side));
            }
        };
        Side::ALL.into_iter().for_each(|side| add(&vec![Resource::Host; count], side));
        if signature.anybodys {
            add(&guests, Side::Call);
        }
    }
    positions
}

/// The position of a signature among the forms of its type.
fn position(signature: &Signature, forms: &[&Signature]) -> usize {
    let position = forms.iter().position(|form| std::ptr::eq(*form, signature));
    position.expect("it is a form of its own type")
}
