//! Steers random core code: constants that may be pointers, calls that may pass, ends that return what the
//! script says, and writes where the canonical ABI has just been.
//! Knows nothing of what the code was drawn from.

use std::collections::BTreeMap;

use arbitrary::{Result, Unstructured};
use wasm_encoder::reencode::{self, Error, Reencode};
use wasm_encoder::{
    CodeSection, ExportKind, ExportSection, Function, FunctionSection, InstructionSink, MemArg,
    Module,
};
use wasmparser::{
    CodeSectionReader, ExportSectionReader, ExternalKind, FunctionBody, FunctionSectionReader,
    Operator, Parser, Payload, TypeRef,
};

use super::super::choices::Aside;
use super::super::draw::{Percent, chance, weighted_where};
use super::super::weights::noise as weights;
use crate::abi::{CoreFuncType, CoreType};
use crate::case::noise::{Act, Offer, Typed, acts, offers};
use crate::case::{GUEST_DATA, Shape};

/// Bytes of the guest's data and heap that are written to most.
const NEAR: u32 = 512;

/// The module with its code steered by these bytes; nothing, if it is no module of this guest.
pub fn steer(
    bytes: &[u8],
    module: &[u8],
    fuel: u32,
    shape: &Shape,
    number: usize,
) -> Option<Vec<u8>> {
    let mut steer = Steer {
        u: Unstructured::new(bytes),
        imports: BTreeMap::new(),
        acts: BTreeMap::new(),
        next: 0,
        fuel,
        refuel: 0,
        step_type: 0,
    };
    steer.read(module, shape, number);
    let mut steered = Module::new();
    steer.parse_core_module(&mut steered, Parser::new(0), module).ok()?;
    Some(steered.finish())
}

struct Steer<'a> {
    u: Unstructured<'a>,
    /// By their function indices.
    imports: BTreeMap<u32, Typed<Offer>>,
    acts: BTreeMap<u32, Typed<Act>>,
    /// The function whose body comes next.
    next: u32,
    /// The global that holds the fuel, the function that fills it, and its type.
    fuel: u32,
    refuel: u32,
    step_type: u32,
}

impl Steer<'_> {
    /// Finds what is imported and exported.
    fn read(&mut self, module: &[u8], shape: &Shape, number: usize) {
        let (offers, acts) = (offers(shape, number), acts(shape, number));
        for payload in Parser::new(0).parse_all(module) {
            match payload {
                Ok(Payload::ImportSection(section)) => {
                    for import in section.into_imports().flatten() {
                        if let TypeRef::Func(ty) = import.ty {
                            if import.name == Offer::Step.name() {
                                self.step_type = ty;
                            }
                            let offer = offers.iter().find(|offer| offer.of.name() == import.name);
                            self.imports.extend(offer.map(|offer| (self.next, offer.clone())));
                            self.next += 1;
                        }
                    }
                }
                Ok(Payload::ExportSection(section)) => {
                    for export in section.into_iter().flatten() {
                        if export.kind == ExternalKind::Func {
                            let act = acts.iter().find(|act| act.of.name() == export.name);
                            self.acts.extend(act.map(|act| (export.index, act.clone())));
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn index_of(&self, offer: Offer) -> Option<u32> {
        self.imports.iter().find(|(_, known)| known.of == offer).map(|(index, _)| *index)
    }

    fn body(&mut self, act: Option<&Typed<Act>>, func: &FunctionBody) -> Result<Option<Function>> {
        let Ok(mut function) = self.new_function_with_parsed_locals(func) else {
            return Ok(None);
        };
        let operators = func.get_operators_reader().map(|reader| reader.into_iter().collect());
        let Ok(Ok(operators)) = operators.map(|all: wasmparser::Result<Vec<_>>| all) else {
            return Ok(None);
        };
        if act.is_some_and(|act| act.of == Act::Function) && self.chance(weights::STEP_FIRST)? {
            self.aside(&mut function.instructions(), Aside::Step, act);
        }
        let destroys = act.is_some_and(|act| matches!(act.of, Act::Destructor(_)));
        if destroys && self.chance(weights::IMPORT_FIRST)? {
            self.import(&mut function.instructions());
        }
        let mut before = None;
        for (position, operator) in operators.iter().enumerate() {
            let last = position + 1 == operators.len();
            if last {
                self.end(&mut function.instructions(), act)?;
            } else if !self.meters(before) && self.chance(weights::ASIDE)? {
                self.draw_aside(&mut function.instructions(), act)?;
            }
            let steered = self.operator(&mut function, operator, before, act)?;
            if !steered {
                let Ok(instruction) = self.instruction(operator.clone()) else {
                    return Ok(None);
                };
                function.instruction(&instruction);
            }
            before = Some(operator);
        }
        Ok(Some(function))
    }

    /// Whether the fuel is being counted.
    fn meters(&self, before: Option<&Operator>) -> bool {
        match before {
            Some(Operator::GlobalGet { global_index }) => *global_index == self.fuel,
            Some(Operator::I32Sub | Operator::I32Const { .. }) => true,
            _ => false,
        }
    }

    /// Writes something else in the place of an operator, maybe.
    #[expect(clippy::wildcard_enum_match_arm, reason = "most are left as they are")]
    fn operator(
        &mut self,
        function: &mut Function,
        operator: &Operator,
        before: Option<&Operator>,
        act: Option<&Typed<Act>>,
    ) -> Result<bool> {
        let metered = matches!(before, Some(Operator::GlobalGet { global_index }) if *global_index == self.fuel);
        match operator {
            Operator::I32Const { .. } if !metered && self.chance(weights::PLAUSIBLE)? => {
                let value = self.plausible()?;
                function.instructions().i32_const(value.cast_signed());
                Ok(true)
            }
            Operator::Call { function_index } => {
                let Some(offer) = self.imports.get(function_index).cloned() else {
                    return Ok(false);
                };
                self.call(&mut function.instructions(), *function_index, &offer, act)
            }
            // wasmi 2.0.0 takes these two for one, and then looks for the condition where it is not:
            // `tests/noise.rs` shows it.
            Operator::Select | Operator::TypedSelect { .. } if is_compared(before) => {
                function.instructions().i32_const(1).i32_and();
                Ok(false)
            }
            _ => Ok(false),
        }
    }

    /// A call out of the module.
    fn call(
        &mut self,
        sink: &mut InstructionSink,
        index: u32,
        offer: &Typed<Offer>,
        act: Option<&Typed<Act>>,
    ) -> Result<bool> {
        let forbidden = act.is_some_and(|act| matches!(act.of, Act::Realloc | Act::PostReturn));
        match offer.of {
            Offer::Results | Offer::Allocate => Ok(false),
            Offer::BuiltIn(which, _)
                if which.row().takes_handle() && !(forbidden && which.leaves()) =>
            {
                self.with_handle(sink, index)
            }
            Offer::Step | Offer::Import | Offer::BuiltIn(..) if forbidden => {
                let left_out = self.chance(weights::FORBIDDEN_LEFT_OUT)?;
                if left_out {
                    replace(sink, &offer.ty, |_| {});
                }
                Ok(left_out)
            }
            Offer::Import if self.chance(weights::SCRIPTED_CALL)? => {
                let step = self.index_of(Offer::Step);
                replace(sink, &offer.ty, |sink| {
                    step.into_iter().for_each(|step| {
                        sink.call(step);
                    });
                });
                Ok(true)
            }
            Offer::Step | Offer::Import | Offer::BuiltIn(..) => Ok(false),
        }
    }

    fn with_handle(&mut self, sink: &mut InstructionSink, index: u32) -> Result<bool> {
        let steers = self.chance(weights::PLAUSIBLE_HANDLE)?;
        if steers {
            let handle = self.u.int_in_range(1..=4)?;
            sink.drop().i32_const(handle).call(index);
        }
        Ok(steers)
    }

    /// What comes before the last `end`.
    fn end(&mut self, sink: &mut InstructionSink, act: Option<&Typed<Act>>) -> Result<()> {
        let Some(act) = act else {
            return Ok(());
        };
        if self.chance(weights::LAST_ASIDE)? {
            self.draw_aside(sink, Some(act))?;
        }
        let scripted = match act.of {
            Act::Function => self.chance(weights::SCRIPTED_RESULTS)?,
            Act::Realloc => self.chance(weights::SCRIPTED_REALLOC)?,
            Act::PostReturn | Act::Refuel | Act::Destructor(_) => false,
        };
        if scripted {
            act.ty.results.iter().for_each(|_| {
                sink.drop();
            });
            self.scripted(sink, act);
        }
        Ok(())
    }

    /// Pushes what the script says that an act answers, or what is as good as anything.
    fn scripted(&self, sink: &mut InstructionSink, act: &Typed<Act>) {
        match act.of {
            Act::Function => {
                let results = self.index_of(Offer::Results).expect("it is always offered");
                sink.call(results);
            }
            Act::Realloc => {
                let allocate = self.index_of(Offer::Allocate).expect("it is always offered");
                (0..4).for_each(|param| {
                    sink.local_get(param);
                });
                sink.call(allocate);
            }
            Act::PostReturn | Act::Refuel | Act::Destructor(_) => zeros(sink, &act.ty.results),
        }
    }

    fn draw_aside(&mut self, sink: &mut InstructionSink, act: Option<&Typed<Act>>) -> Result<()> {
        let acts = |wanted: &[Act]| act.is_some_and(|act| wanted.contains(&act.of));
        let forbidden = acts(&[Act::Realloc, Act::PostReturn]);
        let pointer = act.is_some_and(|act| act.ty.params.first() == Some(&CoreType::I32));
        let aside = weighted_where(&mut self.u, weights::ASIDES, |aside| match aside {
            Aside::Write | Aside::Grow => true,
            Aside::Step => !forbidden && act.is_some(),
            Aside::WriteToParam => forbidden && pointer,
            Aside::Return => act.is_some(),
            Aside::ReturnGrown => act.is_some_and(|act| act.ty.results == [CoreType::I32]),
        })?;
        match aside {
            Aside::Write => {
                let (at, value) = (self.address()?, self.plausible()?);
                sink.i32_const(at.cast_signed())
                    .i32_const(value.cast_signed())
                    .i32_store8(at_zero());
            }
            Aside::WriteToParam => {
                let (offset, value) = (self.u.int_in_range(0..=12)?, self.plausible()?);
                sink.local_get(0).i32_const(value.cast_signed());
                sink.i32_store8(MemArg { offset, ..at_zero() });
            }
            Aside::Step | Aside::Grow | Aside::Return | Aside::ReturnGrown => {
                self.aside(sink, aside, act);
            }
        }
        Ok(())
    }

    /// One for which nothing is drawn.
    fn aside(&self, sink: &mut InstructionSink, aside: Aside, act: Option<&Typed<Act>>) {
        match aside {
            Aside::Write | Aside::WriteToParam => {}
            Aside::Step => {
                let step = self.index_of(Offer::Step).expect("it is always offered");
                sink.call(step);
            }
            Aside::Grow => {
                sink.i32_const(1).memory_grow(0).drop();
            }
            Aside::ReturnGrown => {
                sink.i32_const(1).memory_grow(0).i32_const(16).i32_shl().return_();
            }
            Aside::Return => {
                if let Some(act) = act {
                    self.scripted(sink, act);
                    sink.return_();
                }
            }
        }
    }

    /// Calls the import, if there is one.
    fn import(&self, sink: &mut InstructionSink) {
        let import = self.imports.iter().find(|(_, known)| known.of == Offer::Import);
        if let Some((index, Typed { ty, .. })) = import {
            zeros(sink, &ty.params);
            sink.call(*index);
            ty.results.iter().for_each(|_| {
                sink.drop();
            });
        }
    }

    fn chance(&mut self, percent: Percent) -> Result<bool> {
        chance(&mut self.u, percent)
    }

    /// Where the guest's data or its heap may be.
    fn address(&mut self) -> Result<u32> {
        Ok(match self.u.int_in_range(0..=7)? {
            0 => self.u.int_in_range(0..=GUEST_DATA)?,
            1 => self.u.int_in_range(0..=0xffff)?,
            _ => GUEST_DATA + self.u.int_in_range(0..=NEAR)?,
        })
    }

    /// A number that may be a pointer, a length, a discriminant or a handle.
    fn plausible(&mut self) -> Result<u32> {
        Ok(match self.u.int_in_range(0..=9)? {
            0..=4 => self.u.int_in_range(0..=8)?,
            5..=7 => GUEST_DATA + 4 * self.u.int_in_range(0..=NEAR / 4)?,
            8 => 0x1_0000 - self.u.int_in_range(0..=16)?,
            _ => self.u.int_in_range(0..=0xff)?,
        })
    }
}

fn is_compared(before: Option<&Operator>) -> bool {
    matches!(before, Some(Operator::I32Eqz | Operator::I32Eq | Operator::I32Ne))
}

/// Takes the params of a call, does something else, and pushes zeros for its results.
fn replace(
    sink: &mut InstructionSink,
    ty: &CoreFuncType,
    instead: impl FnOnce(&mut InstructionSink),
) {
    ty.params.iter().for_each(|_| {
        sink.drop();
    });
    instead(sink);
    zeros(sink, &ty.results);
}

fn zeros(sink: &mut InstructionSink, types: &[CoreType]) {
    for ty in types {
        match ty {
            CoreType::I32 => sink.i32_const(0),
            CoreType::I64 => sink.i64_const(0),
            CoreType::F32 => sink.f32_const(0.0.into()),
            CoreType::F64 => sink.f64_const(0.0.into()),
        };
    }
}

fn at_zero() -> MemArg {
    MemArg { offset: 0, align: 0, target: wasm_encoder::MemArgTarget::Memory(0), ordering: None }
}

impl Reencode for Steer<'_> {
    type Error = arbitrary::Error;

    /// One function more, which gives fuel. It is added here, so that nothing that was drawn calls it.
    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        section: FunctionSectionReader<'_>,
    ) -> std::result::Result<(), Error<Self::Error>> {
        self.refuel = self.next + section.count();
        reencode::utils::parse_function_section(self, functions, section)?;
        functions.function(self.step_type);
        Ok(())
    }

    fn parse_export_section(
        &mut self,
        exports: &mut ExportSection,
        section: ExportSectionReader<'_>,
    ) -> std::result::Result<(), Error<Self::Error>> {
        reencode::utils::parse_export_section(self, exports, section)?;
        exports.export(&Act::Refuel.name(), ExportKind::Func, self.refuel);
        Ok(())
    }

    fn parse_code_section(
        &mut self,
        code: &mut CodeSection,
        section: CodeSectionReader<'_>,
    ) -> std::result::Result<(), Error<Self::Error>> {
        reencode::utils::parse_code_section(self, code, section)?;
        let mut refuel = Function::new([]);
        let fuel = weights::FUEL.cast_signed();
        refuel.instructions().i32_const(fuel).global_set(self.fuel).end();
        code.function(&refuel);
        Ok(())
    }

    fn parse_function_body(
        &mut self,
        code: &mut CodeSection,
        func: FunctionBody<'_>,
    ) -> std::result::Result<(), Error<Self::Error>> {
        let act = self.acts.get(&self.next).cloned();
        self.next += 1;
        let body = self.body(act.as_ref(), &func).map_err(Error::UserError)?;
        let body = body.ok_or(Error::UserError(arbitrary::Error::IncorrectFormat))?;
        code.function(&body);
        Ok(())
    }
}
