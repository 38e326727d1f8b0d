//! Makes core code smaller: fewer exports, simpler bodies, fewer instructions.
//! Knows nothing of what the code does; some of what it makes is not valid, which whoever asks finds out.

use std::ops::Range;

use wasm_encoder::reencode::{Error, Reencode};
use wasm_encoder::{CodeSection, ExportSection, Function, Module};
use wasmparser::{ExportSectionReader, FunctionBody, Parser, Payload};

/// All that may be left out, each body and each export alone, and of the instructions of a body what
/// `ranges` says for so many.
pub fn all(module: &[u8], ranges: impl Fn(usize) -> Vec<Range<usize>>) -> Vec<Leave> {
    let (exports, bodies) = parts(module);
    let instructions = bodies.iter().enumerate().flat_map(|(body, count)| {
        let ranges = ranges(count.saturating_sub(1)).into_iter();
        ranges.map(move |range| Leave::Instructions(body, range))
    });
    let instructions: Vec<_> = instructions.collect();
    let wholes = (0..exports).map(Leave::Export).chain((0..bodies.len()).map(Leave::Body));
    wholes.chain(instructions).collect()
}

/// The module without that.
pub fn without(module: &[u8], leave: Leave) -> Option<Vec<u8>> {
    let mut smaller = Module::new();
    let left = Smaller { leave, body: 0 }.parse_core_module(&mut smaller, Parser::new(0), module);
    left.is_ok().then(|| smaller.finish())
}

/// What is left out: an export, all of a body, or some of its instructions.
#[derive(Clone)]
pub enum Leave {
    Export(usize),
    Body(usize),
    Instructions(usize, Range<usize>),
}

/// How many exports there are, and how many instructions in each body.
fn parts(module: &[u8]) -> (usize, Vec<usize>) {
    let (mut exports, mut bodies) = (0, Vec::new());
    for payload in Parser::new(0).parse_all(module) {
        match payload {
            Ok(Payload::ExportSection(section)) => exports = section.into_iter().count(),
            Ok(Payload::CodeSectionEntry(body)) => {
                let count = body.get_operators_reader().map(|reader| reader.into_iter().count());
                bodies.push(count.unwrap_or(0));
            }
            _ => {}
        }
    }
    (exports, bodies)
}

struct Smaller {
    leave: Leave,
    /// The body that comes next.
    body: usize,
}

impl Smaller {
    fn rest(
        &mut self,
        func: &FunctionBody,
        left_out: Range<usize>,
    ) -> Result<Function, Error<std::convert::Infallible>> {
        let mut function = self.new_function_with_parsed_locals(func)?;
        for (position, operator) in func.get_operators_reader()?.into_iter().enumerate() {
            if !left_out.contains(&position) {
                function.instruction(&self.instruction(operator?)?);
            }
        }
        Ok(function)
    }
}

impl Reencode for Smaller {
    type Error = std::convert::Infallible;

    fn parse_export_section(
        &mut self,
        exports: &mut ExportSection,
        section: ExportSectionReader<'_>,
    ) -> Result<(), Error<Self::Error>> {
        for (position, export) in section.into_iter().enumerate() {
            let left_out = matches!(self.leave, Leave::Export(out) if out == position);
            if !left_out {
                self.parse_export(exports, export?)?;
            }
        }
        Ok(())
    }

    fn parse_function_body(
        &mut self,
        code: &mut CodeSection,
        func: FunctionBody<'_>,
    ) -> Result<(), Error<Self::Error>> {
        let body = self.body;
        self.body += 1;
        let left_out = match &self.leave {
            Leave::Body(out) if *out == body => {
                let mut function = Function::new([]);
                function.instructions().unreachable().end();
                code.function(&function);
                return Ok(());
            }
            Leave::Instructions(out, range) if *out == body => range.clone(),
            Leave::Export(_) | Leave::Body(_) | Leave::Instructions(..) => 0..0,
        };
        let function = self.rest(&func, left_out)?;
        code.function(&function);
        Ok(())
    }
}
