//! `planted`: how soon faults that were planted are found, and to what the cases that show them shrink.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use canonfuzz::abi::{Deviation, Deviations};
use canonfuzz::case::CaseKind;
use canonfuzz::case::text::CaseFile;
use canonfuzz::component::wast::with_stack;
use canonfuzz::engine::wasmtime;
use canonfuzz::export::trial::trial;
use canonfuzz::export::{self, About};
use canonfuzz::planted::small::{self, Form, Small};
use canonfuzz::planted::unchecked::{self, Unchecked};
use canonfuzz::planted::{self, Found, Planted, ways};
use canonfuzz::{Session, corpus, files, shrink};

use super::{bar, moving_bar, print};

fn is_about(kind: CaseKind) -> bool {
    let any = !planted::all(kind).is_empty() || !ways::all(kind).is_empty();
    if !any {
        print(&format!("no fault is planted that cases of {} are to find", kind.name()));
    }
    any
}

pub fn run(kind: CaseKind, seeds: &[u64], cases: u64) -> Result<bool> {
    if !is_about(kind) {
        return Ok(true);
    }
    let each = seeds.iter().map(|seed| hunt(kind, *seed, cases)).collect::<Result<Vec<_>>>()?;
    Ok(each.into_iter().all(|all_found| all_found))
}

fn hunt(kind: CaseKind, seed: u64, cases: u64) -> Result<bool> {
    let bar = bar();
    let tick = |number: u64, found: usize, all: usize| {
        if number.is_multiple_of(100) {
            bar.set_message(format!("{number} cases, {found} of {all} faults"));
        }
    };
    let in_reference = planted::hunt(kind, seed, cases, &mut |number, planted| {
        tick(number, count(planted), planted.len());
    })?;
    let in_ways = ways::hunt(kind, seed, cases, &mut |number, planted| {
        tick(number, count(planted), planted.len());
    })?;
    bar.finish_and_clear();
    print("cases  planted fault                        shows as");
    in_reference.iter().for_each(|one| print(&line(one.fault.name(), &one.found)));
    in_ways.iter().for_each(|one| print(&line(one.fault.name, &one.found)));
    let (found, all) = (count(&in_reference) + count(&in_ways), in_reference.len() + in_ways.len());
    print(&format!("{found} of {all} planted faults found, seed {seed}"));
    left_out(kind, seed, cases)?;
    Ok(found == all)
}

/// How many cases show that a check is left out, for each. Some are shown by one in ten thousand, or by a case of
/// the corpus only.
fn left_out(kind: CaseKind, seed: u64, cases: u64) -> Result<()> {
    if unchecked::all(kind).is_empty() {
        return Ok(());
    }
    let bar = bar();
    let checks = unchecked::hunt(kind, seed, cases, &mut |number, _| {
        if number.is_multiple_of(100) {
            bar.set_message(format!("{number} cases without a check"));
        }
        true
    })?;
    bar.finish_and_clear();
    print(&format!("cases  shown by  {:<82} shows as", "check that is left out"));
    checks.iter().for_each(|one| print(&unchecked_line(one)));
    let found = checks.iter().filter(|one| one.found.is_some()).count();
    let missed = checks.iter().filter(|one| one.is_missed()).count();
    let others = checks.len() - found - missed;
    print(&format!(
        "{found} of {} checks found that are left out, {others} cannot be, {missed} were not, seed {seed}",
        checks.len(),
    ));
    Ok(())
}

fn unchecked_line(one: &Unchecked) -> String {
    let name = unchecked::name(one.check);
    match &one.found {
        Some(Found { number, class, .. }) => {
            format!("{number:>5}  {:>8}  {name:<82} {class}", one.shown)
        }
        None => format!("    -         -  {name:<82} {}", one.why_not.unwrap_or("not found")),
    }
}

fn count<F>(planted: &[Planted<F>]) -> usize {
    planted.iter().filter(|one| one.found.is_some()).count()
}

fn line(name: &str, found: &Option<Found>) -> String {
    match found {
        Some(Found { number, class, .. }) => format!("{number:>5}  {name:<36} {class}"),
        None => format!("    -  {name:<36} not found"),
    }
}

/// Shrinks the first case of each seed that shows each fault, and writes what is left.
pub fn shrunk(kind: CaseKind, seeds: &[u64], cases: u64, folder: &Path) -> Result<bool> {
    if !is_about(kind) {
        return Ok(true);
    }
    files::check_folder(folder)?;
    let bar = moving_bar();
    let all = small::small(kind, seeds, cases, &mut |fault| bar.set_message(fault.to_string()))?;
    bar.finish_and_clear();
    print(
        "types  calls  candidates  seconds  its script    planted fault                        shows as",
    );
    let mut session = Session::new()?;
    let mut saved = Ok(());
    for one in &all {
        for (form, (name, file)) in one.forms.iter().zip(one.files(&mut session)?) {
            print(&form_line(one.fault, form, script_of(&mut session, one.fault, &file)?));
            let path = folder.join(format!("{name}.toml"));
            let written = corpus::save(&path, &file);
            saved = saved.and(written.inspect_err(|_| print(&corpus::in_hex(&file.case))));
        }
    }
    print(&summary(&all, seeds));
    saved?;
    Ok(all.iter().all(|one| found_by(one) == seeds.len()))
}

fn found_by(Small { forms, .. }: &Small) -> usize {
    forms.iter().map(|form| form.seeds.len()).sum()
}

/// What a script that a case is exported as does where the fault is.
fn script_of(session: &mut Session, fault: &str, file: &CaseFile) -> Result<&'static str> {
    let Some(fault) = Deviation::named(fault) else {
        return Ok("-");
    };
    let case = export::without_unused_import(&file.case);
    let expected = session.read(&case, Deviations::NONE)?;
    let about = About::new(fault.name(), 0, wasmtime::VERSION, None);
    let faults = Deviations::from_iter([fault]);
    let trial = with_stack(|| trial(file, &expected, &about, faults));
    Ok(trial.context("cannot start a thread")?.name())
}

fn form_line(fault: &str, form: &Form, script: &str) -> String {
    let (types, calls) = shrink::types_and_calls(&form.case);
    let (tried, seconds) = (form.tried, form.time.as_secs_f64());
    let Form { kind, .. } = form;
    format!("{types:>5}  {calls:>5}  {tried:>10}  {seconds:>7.1}  {script:<12}  {fault:<36} {kind}")
}

fn summary(all: &[Small], seeds: &[u64]) -> String {
    let forms: Vec<&Form> = all.iter().flat_map(|one| &one.forms).collect();
    let [types, calls] = [0, 1].map(|which| {
        let number = |form: &&Form| <[u64; 2]>::from(shrink::types_and_calls(&form.case))[which];
        let mut numbers: Vec<u64> = forms.iter().map(number).collect();
        numbers.sort_unstable();
        numbers.get(numbers.len() / 2).copied().unwrap_or_default()
    });
    let slowest = forms.iter().map(|form| form.time).max().unwrap_or_default().as_secs_f64();
    let mut kinds: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for one in all {
        for form in &one.forms {
            *kinds.entry((one.fault, &form.kind)).or_default() += 1;
        }
    }
    let once = kinds.values().filter(|count| **count == 1).count();
    format!(
        "{} planted faults, {} seeds: in the median {types} types and {calls} calls, at most {slowest:.1} s; \
         {once} of {} kinds shrink to one case whatever the seed",
        all.len(),
        seeds.len(),
        kinds.len()
    )
}
