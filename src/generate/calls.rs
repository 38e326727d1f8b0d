//! What happens in a call: arguments, calls of the imports, answers and missteps.
//! Knows which missteps a shape has room for, and which guest acts when; not what guest data looks like.

use arbitrary::{Result, Unstructured};

use super::choices::{Conduct, Misstep};
use super::draw::{between, chance, position, weighted, weighted_where};
use super::guest::{self, Giver};
use super::handles::{Handles, Party, mentioned, tables};
use super::paths::manner;
use super::values::{Room, fresh, least, values};
use super::weights;
use super::{acts, realloc};
use crate::case::{Act, Answer, BuiltInCall, Call, End, Guest, ImportCall, Limits, Passed};
use crate::case::{Script, Shape, Turn};
use crate::value::Value;

/// Calls for one case of this shape.
pub fn calls(u: &mut Unstructured, shape: &Shape, limits: &Limits) -> Result<Vec<Call>> {
    let counts = if shape.resources.is_empty() { weights::CALLS } else { weights::RESOURCE_CALLS };
    let count = weighted(u, counts)?.min(limits.calls);
    let mut handles = tables(shape);
    (0..count)
        .map(|index| {
            let conduct = weighted(u, weights::habits(shape).conducts)?;
            let honest = index + 1 < count && chance(u, weights::HONEST_BEFORE)?;
            let conduct = if honest { Conduct::Honest } else { conduct };
            call(u, shape, limits, conduct, &mut handles)
        })
        .collect()
}

/// One call, after which the `handles` of the guests are others.
pub fn call<'a>(
    u: &mut Unstructured,
    shape: &'a Shape,
    limits: &Limits,
    conduct: Conduct,
    handles: &mut Vec<Handles<'a>>,
) -> Result<Call> {
    let guests = 0..shape.guests.len();
    let imports = guests.clone().map(|guest| imports(u, shape, guest, limits));
    let imports = imports.collect::<Result<Vec<u32>>>()?;
    let missteps = missteps(u, shape, &imports, conduct)?;
    let data = (guests.zip(std::mem::take(handles)))
        .map(|(guest, handles)| Giver::with(shape, guest, handles));
    let (data, scripts) = (data.collect(), vec![None; shape.guests.len()]);
    let mut course = Course { shape, limits, imports, missteps, data, scripts };
    let args = course.args(u)?;
    course.run(u, 0, Party::Host)?;
    let unplayed = course.unplayed(u)?;
    let mut scripts = course.scripts.iter().flatten().cloned().collect::<Vec<Script>>();
    scripts.extend(unplayed);
    let errs = course.has(0, Misstep::Host);
    let destroys = course.has(0, Misstep::Destructor);
    let handles_of_host = &mut course.data[0].handles;
    let host_drops = acts::host_drops(u, limits, (errs, destroys), handles_of_host)?;
    handles.extend(course.data.into_iter().map(|data| data.handles));
    let manner = manner(u, shape)?;
    Ok(Call { args, scripts, host_drops, manner })
}

/// How often a guest calls its import.
fn imports(u: &mut Unstructured, shape: &Shape, guest: usize, limits: &Limits) -> Result<u32> {
    let Some(import) = &shape.guests[guest].import else {
        return Ok(0);
    };
    if guest + 1 == shape.guests.len() {
        return Ok(weighted(u, weights::IMPORT_CALLS)?.min(limits.steps));
    }
    // Another call would return what is gone, and lend what nobody drops.
    let once = mentioned(import.ty.results()) || acts::borrows(shape, guest + 1);
    let count = weighted(u, weights::chain::FUSED_CALLS)?.min(limits.steps);
    Ok(if once { count.min(1) } else { count })
}

/// What goes wrong, and with which guest.
fn missteps(
    u: &mut Unstructured,
    shape: &Shape,
    imports: &[u32],
    conduct: Conduct,
) -> Result<Vec<(usize, Misstep)>> {
    let count = match conduct {
        Conduct::Honest => 0,
        Conduct::OneMisstep => 1,
        Conduct::Missteps => between(u, 2, 3)?,
    };
    let misstep = |_| {
        let guest = u.choose_index(shape.guests.len())?;
        let possible = |misstep| possible(shape, guest, imports[guest], misstep);
        Ok((guest, weighted_where(u, weights::habits(shape).missteps, possible)?))
    };
    (0..count).map(misstep).collect()
}

/// Whether the guest has room for this misstep.
fn possible(shape: &Shape, number: usize, imports: u32, misstep: Misstep) -> bool {
    let guest = &shape.guests[number];
    match misstep {
        Misstep::Import => {
            imports > 0 && guest::params(guest).is_some_and(|side| !side.core().is_empty())
        }
        Misstep::Return => guest.export.ty.result.is_some(),
        Misstep::Realloc => realloc::has(guest),
        Misstep::Answer | Misstep::Reenter => imports > 0 && number + 1 == shape.guests.len(),
        Misstep::Finish => true,
        Misstep::PostReturn => guest.export.opts.post_return,
        Misstep::BuiltIn => !Handles::new(shape, number).known().is_empty(),
        Misstep::KeptBorrow => acts::borrows(shape, number),
        Misstep::Destructor => acts::destroys(shape, number),
        Misstep::Host => number == 0 && acts::any_defined(shape),
    }
}

/// A call while it is drawn, in the order in which it happens.
struct Course<'a, 'b> {
    shape: &'a Shape,
    limits: &'b Limits,
    /// How often each guest calls its import.
    imports: Vec<u32>,
    missteps: Vec<(usize, Misstep)>,
    data: Vec<Giver<'a>>,
    /// Of the guests whose function was called.
    scripts: Vec<Option<Script>>,
}

impl Course<'_, '_> {
    fn has(&self, guest: usize, misstep: Misstep) -> bool {
        self.missteps.contains(&(guest, misstep))
    }

    fn is_chain(&self) -> bool {
        self.shape.guests.len() > 1
    }

    /// What the host passes, which the first guest then has.
    fn args(&mut self, u: &mut Unstructured) -> Result<Vec<Value>> {
        let errs = self.has(0, Misstep::Host);
        let handles = &mut self.data[0].handles;
        let types = &self.shape.guests[0].export.ty.params;
        let mut room = Room::draw(u, weights::habits(self.shape))?;
        let mut args = values(u, types, &mut room)?;
        if !handles.settle(u, &mut args, types, Party::Host)? {
            args = types.iter().map(least).collect();
            handles.settle(u, &mut args, types, Party::Host)?;
        }
        if errs {
            handles.spoil_args(u, &mut args, types)?;
        }
        handles.lower(&args, types);
        Ok(args)
    }

    /// A guest's function is called first, by this party.
    fn run(&mut self, u: &mut Unstructured, guest: usize, caller: Party) -> Result<()> {
        let stock = self.stock(u, guest)?;
        let realloc = if self.is_chain() { Vec::new() } else { self.realloc(u, guest)? };
        let errs = self.has(guest, Misstep::Destructor);
        let destructor = acts::destructor(u, self.shape, guest, errs, self.handles(guest))?;
        self.data[guest].handles.destructor.clone_from(&destructor);
        let mut acts = self.steps(u, guest, stock)?;
        let end = self.end(u, guest)?;
        self.returned(guest, end.returned(), caller);
        acts.extend(self.data[guest].handles.made().into_iter().map(Act::BuiltIn));
        let errs = self.has(guest, Misstep::PostReturn);
        let post_return =
            acts::post_return(u, &self.shape.guests[guest], errs, self.handles(guest))?;
        // In a chain it knows where the heap begins.
        let realloc = if self.is_chain() { self.realloc(u, guest)? } else { realloc };
        let script = Script { realloc, function: Turn { acts, end }, post_return, destructor };
        self.scripts[guest] = Some(script);
        Ok(())
    }

    /// Scripts for those whose function nobody called, should it be called after all.
    fn unplayed(&mut self, u: &mut Unstructured) -> Result<Vec<Script>> {
        let mut scripts = Vec::new();
        for guest in self.scripts.iter().flatten().count()..self.shape.guests.len() {
            let mut data = Giver::new(self.shape, guest);
            let passed = data.truth(u, guest::results(&self.shape.guests[guest]))?;
            scripts.push(Script::ending(End::Return(passed)));
        }
        Ok(scripts)
    }

    fn handles(&self, guest: usize) -> &Handles<'_> {
        &self.data[guest].handles
    }

    fn realloc(&self, u: &mut Unstructured, number: usize) -> Result<Vec<Turn>> {
        let (guest, errs) = (&self.shape.guests[number], self.has(number, Misstep::Realloc));
        let data = &self.data[number];
        if self.is_chain() {
            realloc::chain_script(u, guest, self.limits, errs, data.heap(), &data.handles)
        } else {
            realloc::script(u, guest, self.limits, errs, &data.handles)
        }
    }

    /// What there is to be mistaken, where a built-in that is hidden may take it.
    fn stock(&mut self, u: &mut Unstructured, guest: usize) -> Result<Vec<BuiltInCall>> {
        let hidden = [Misstep::Realloc, Misstep::PostReturn, Misstep::Destructor];
        if !hidden.into_iter().any(|misstep| self.has(guest, misstep)) {
            return Ok(Vec::new());
        }
        self.data[guest].handles.stock(u)
    }

    /// The stock, calls of the import and of built-ins, in any order, and then what has to be dropped.
    fn steps(
        &mut self,
        u: &mut Unstructured,
        guest: usize,
        stock: Vec<BuiltInCall>,
    ) -> Result<Vec<Act>> {
        let most = usize::try_from(self.limits.steps).unwrap_or(usize::MAX);
        let imports = usize::try_from(self.imports[guest]).unwrap_or(0);
        let errs = self.has(guest, Misstep::BuiltIn);
        let built_ins = acts::built_in_count(u, guest, errs, self.handles(guest))?;
        let liar = position(u, imports)?;
        let wrong = position(u, built_ins)?.filter(|_| errs);
        let (mut called, mut built) = (0, 0);
        let mut steps: Vec<Act> = stock.into_iter().map(Act::BuiltIn).collect();
        while steps.len() < most && called + built < imports + built_ins {
            let import = called < imports && (built == built_ins || u.arbitrary()?);
            if import {
                let lies = liar == Some(called);
                called += 1;
                steps.extend(self.import_call(u, guest, lies)?.map(Act::Import));
            } else {
                let wrong = wrong == Some(built);
                built += 1;
                let handles = &mut self.data[guest].handles;
                steps.extend(acts::built_in(u, wrong, handles)?.map(Act::BuiltIn));
            }
        }
        let destroys = self.has(guest, Misstep::Destructor) && chance(u, weights::DESTROYED)?;
        if destroys {
            let destroyed = self.data[guest].handles.destroy_one(u)?;
            steps.extend(destroyed.into_iter().map(Act::BuiltIn));
        }
        let kept = self.has(guest, Misstep::KeptBorrow);
        let handles = &mut self.data[guest].handles;
        steps.extend(acts::drop_borrows(u, kept, handles)?.into_iter().map(Act::BuiltIn));
        steps.truncate(most);
        handles.room = most - steps.len();
        Ok(steps)
    }

    /// One call of the import; none where the guest would have to pass what it does not have.
    fn import_call(
        &mut self,
        u: &mut Unstructured,
        guest: usize,
        lies: bool,
    ) -> Result<Option<ImportCall>> {
        let shape = self.shape;
        let (params, _) = shape.guests[guest].types_of_import();
        let has = |misstep| lies && self.has(guest, misstep);
        let (wrong, fails, reenters) =
            (has(Misstep::Import), has(Misstep::Answer), has(Misstep::Reenter));
        let data = &mut self.data[guest];
        if !wrong && !data.handles.can(params, Party::Guest) {
            return Ok(None);
        }
        let passed = import_args(u, &shape.guests[guest], wrong, data)?;
        if guest + 1 < shape.guests.len() {
            return self.fused_call(u, guest, passed).map(Some);
        }
        data.handles.pass(&passed, params, Party::Host);
        let answer = self.answer(u, guest, fails, reenters)?;
        Ok(Some(ImportCall { passed, answer }))
    }

    /// The host's function answers.
    fn answer(
        &mut self,
        u: &mut Unstructured,
        guest: usize,
        fails: bool,
        reenters: bool,
    ) -> Result<Answer> {
        let (_, results) = self.shape.guests[guest].types_of_import();
        let mut answer = answer(u, &self.shape.guests[guest], fails, reenters)?;
        let handles = &mut self.data[guest].handles;
        handles.settle(u, answer.values_mut(), results, Party::Host)?;
        handles.lower(answer.values(), results);
        Ok(answer)
    }

    /// The next guest's function is called, and does its steps if it is the first time.
    fn fused_call(
        &mut self,
        u: &mut Unstructured,
        guest: usize,
        passed: Passed,
    ) -> Result<ImportCall> {
        let (params, results) = self.shape.guests[guest].types_of_import();
        let next = guest + 1;
        self.data[guest].handles.pass(&passed, params, Party::Guest);
        self.data[next].handles.lower(passed.values(), params);
        match self.scripts[next].take() {
            Some(script) => {
                self.returned(next, script.returned(), Party::Guest);
                self.scripts[next] = Some(script);
            }
            None => self.run(u, next, Party::Guest)?,
        }
        if let Some(passed) = self.scripts[next].as_ref().and_then(Script::returned) {
            self.data[guest].handles.lower(passed.values(), results);
        }
        Ok(ImportCall { passed, answer: Answer::Guest })
    }

    fn end(&mut self, u: &mut Unstructured, guest: usize) -> Result<End> {
        if self.has(guest, Misstep::Finish) {
            return Ok(End::Trap);
        }
        let side = guest::results(&self.shape.guests[guest]);
        let lies = self.has(guest, Misstep::Return);
        let keeps = self.has(guest, Misstep::KeptBorrow) && chance(u, weights::BORROW_RETURNED)?;
        let data = &mut self.data[guest];
        data.handles.embezzles = keeps;
        let passed = if lies { data.lie(u, side) } else { data.truth(u, side) };
        data.handles.embezzles = false;
        passed.map(End::Return)
    }

    fn returned(&mut self, guest: usize, passed: Option<&Passed>, to: Party) {
        let types = self.shape.guests[guest].export.ty.results();
        if let Some(passed) = passed {
            self.data[guest].handles.pass(passed, types, to);
        }
    }
}

/// What a guest passes to its import.
pub fn import_args(
    u: &mut Unstructured,
    guest: &Guest,
    lies: bool,
    data: &mut Giver,
) -> Result<Passed> {
    let side = guest::params(guest).expect("only what is there is called");
    if lies { data.lie(u, side) } else { data.truth(u, side) }
}

/// What the host's function answers.
pub fn answer(u: &mut Unstructured, guest: &Guest, fails: bool, reenters: bool) -> Result<Answer> {
    if fails {
        return Ok(Answer::Error);
    }
    let result = guest.import.as_ref().and_then(|import| import.ty.result.as_ref());
    let value = result.map(|ty| fresh(u, ty)).transpose()?;
    Ok(if reenters { Answer::Reenter(value) } else { Answer::Return(value) })
}
