//! Core modules as they are run: their start functions are exported, for what is called by nobody could not go
//! on once it had stopped.
//! Knows nothing of components.

use std::ops::Range;
use std::sync::Arc;

use canonical_abi::{CoreFuncType, CoreType};
use wasm_encoder::{
    CodeSection, Encode, EntityType, ExportKind, ExportSection, Function, FunctionSection,
    ImportSection, Module, RawSection, SectionId, TypeSection, ValType,
};
use wasmparser::{Operator, Parser, Payload};

use super::refusal::Refusal;

/// A compiled core module.
#[derive(Clone, Debug)]
pub struct CoreModule {
    pub module: wasmi::Module,
    /// The name under which it exports its start function, which instantiating it does not call.
    pub start: Option<String>,
    /// Whether some function of it makes tail calls.
    pub tail_calls: bool,
    /// As it was given.
    pub bytes: Arc<[u8]>,
}

impl CoreModule {
    /// Compiles a module for this engine.
    pub fn new(engine: &wasmi::Engine, bytes: &[u8]) -> Result<CoreModule, Refusal> {
        let parts = Parts::read(bytes)?;
        let start = parts.start.map(|func| (func, parts.free_name()));
        let module = match &start {
            None => wasmi::Module::new(engine, bytes),
            Some((func, name)) => wasmi::Module::new(engine, parts.exporting(bytes, *func, name)),
        };
        let module =
            module.map_err(|error| Refusal::unsupported(format!("a core module: {error}")))?;
        let (start, tail_calls) = (start.map(|(_, name)| name), parts.tail_calls);
        Ok(CoreModule { module, start, tail_calls, bytes: bytes.into() })
    }
}

/// What a module is made of.
#[derive(Default)]
struct Parts<'a> {
    /// Where they are, by what they are.
    sections: Vec<(u8, Range<usize>)>,
    /// The names of what it exports.
    names: Vec<&'a str>,
    /// Where what it exports begins.
    exports: Option<usize>,
    start: Option<u32>,
    tail_calls: bool,
}

impl<'a> Parts<'a> {
    fn read(bytes: &'a [u8]) -> Result<Parts<'a>, Refusal> {
        let mut parts = Parts::default();
        for payload in Parser::new(0).parse_all(bytes) {
            let payload = payload?;
            if let Some((id, range)) = payload.as_section() {
                parts.sections.push((id, position(range.start)..position(range.end)));
            }
            parts.note(payload)?;
        }
        Ok(parts)
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "all other parts stay as they are")]
    fn note(&mut self, payload: Payload<'a>) -> Result<(), Refusal> {
        match payload {
            Payload::ExportSection(exports) => {
                self.exports = Some(position(exports.original_position()));
                for export in exports {
                    self.names.push(export?.name);
                }
            }
            Payload::StartSection { func, .. } => self.start = Some(func),
            Payload::CodeSectionEntry(body) if !self.tail_calls => {
                for operator in body.get_operators_reader()? {
                    self.tail_calls |= is_tail_call(&operator?);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// A name that nothing is exported under.
    fn free_name(&self) -> String {
        let mut name = "start".to_string();
        while self.names.contains(&name.as_str()) {
            name.push('\'');
        }
        name
    }

    /// The same module, which exports its start function instead of calling it.
    fn exporting(&self, bytes: &[u8], func: u32, name: &str) -> Vec<u8> {
        let mut module = Module::new();
        let (export, start) = (u8::from(SectionId::Export), u8::from(SectionId::Start));
        for (id, range) in &self.sections {
            // What it exports comes before its start function, if there is any.
            if *id == export || *id == start && self.exports.is_none() {
                let mut data = Vec::new();
                (self.names.len() + 1).encode(&mut data);
                data.extend(self.exports.map_or(&[][..], |begin| &bytes[begin..range.end]));
                name.encode(&mut data);
                ExportKind::Func.encode(&mut data);
                func.encode(&mut data);
                module.section(&RawSection { id: export, data: &data });
            } else if *id != start {
                module.section(&RawSection { id: *id, data: &bytes[range.clone()] });
            }
        }
        module.finish()
    }
}

/// A module with one function of this type, which calls the one that it imports.
pub fn calling_import(ty: &CoreFuncType) -> Vec<u8> {
    let (mut types, mut imports) = (TypeSection::new(), ImportSection::new());
    types.ty().function(ty.params.iter().map(val_type), ty.results.iter().map(val_type));
    imports.import("", "", EntityType::Function(0));
    let (mut functions, mut exports) = (FunctionSection::new(), ExportSection::new());
    functions.function(0);
    exports.export("", ExportKind::Func, 1);
    let (mut code, mut function) = (CodeSection::new(), Function::new([]));
    let mut body = function.instructions();
    for (local, _) in (0..).zip(&ty.params) {
        body.local_get(local);
    }
    body.call(0).end();
    code.function(&function);
    let mut module = Module::new();
    module.section(&types).section(&imports).section(&functions).section(&exports);
    module.section(&code);
    module.finish()
}

fn val_type(ty: &CoreType) -> ValType {
    match ty {
        CoreType::I32 => ValType::I32,
        CoreType::I64 => ValType::I64,
        CoreType::F32 => ValType::F32,
        CoreType::F64 => ValType::F64,
    }
}

fn is_tail_call(operator: &Operator) -> bool {
    matches!(
        operator,
        Operator::ReturnCall { .. }
            | Operator::ReturnCallIndirect { .. }
            | Operator::ReturnCallRef { .. }
    )
}

fn position(offset: u64) -> usize {
    usize::try_from(offset).expect("it is in the module")
}
