//! Components for the reference to run, whose puppets are compiled once for many.
//! Knows nothing of what is run on them.

use crate::case::Shape;
use crate::component::CoreModule;
use crate::component::instantiate::{Compiled, engine};
use crate::component::refusal::Refusal;
use crate::encode::Puppets;
use crate::engine::puppets::PuppetCache;

/// Components for which a runtime is used: it forgets none of their functions.
const COMPONENTS: u32 = 1000;

/// A runtime, and the puppets that it has compiled.
pub struct Compiler {
    engine: wasmi::Engine,
    puppets: PuppetCache<CoreModule>,
    /// Components until there is a new one.
    left: u32,
}

impl Default for Compiler {
    fn default() -> Compiler {
        Compiler { engine: engine(false), puppets: PuppetCache::default(), left: COMPONENTS }
    }
}

impl Compiler {
    /// Compiles the component of this shape, which has its puppets from there.
    pub fn compile(
        &mut self,
        shape: &Shape,
        bytes: &[u8],
        puppets: Puppets,
    ) -> Result<Compiled, Refusal> {
        if self.left == 0 {
            *self = Compiler::default();
        }
        self.left -= 1;
        let Compiler { engine, puppets: compiled, .. } = self;
        let puppets = match puppets {
            Puppets::Contained => Vec::new(),
            Puppets::Imported => {
                let puppets = compiled.of(shape, |bytes| CoreModule::new(engine, bytes));
                puppets.map_err(|error| Refusal::unsupported(format!("a puppet: {error}")))?
            }
        };
        Compiled::importing(bytes, engine, puppets, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::Recorder;
    use crate::case::Guest;
    use crate::encode;

    #[test]
    fn what_was_compiled_outlives_its_runtime() {
        let shape = Shape { guests: vec![Guest::empty()], resources: Vec::new() };
        let bytes = encode::component(&shape, Puppets::Imported);
        let mut compiler = Compiler::default();
        let mut compile = || compiler.compile(&shape, &bytes, Puppets::Imported).unwrap();
        let first = compile();
        let others: Vec<Compiled> = (0..COMPONENTS).map(|_| compile()).collect();
        for compiled in others.iter().chain([&first]) {
            assert!(super::super::instantiate(compiled, &shape, Recorder::default()).is_ok());
        }
        assert_eq!(compiler.left, COMPONENTS - 1);
    }
}
