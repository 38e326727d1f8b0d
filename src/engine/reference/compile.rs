//! Components for the reference to run, whose puppets are compiled once for many.
//! Knows nothing of what is run on them.

use crate::case::Shape;
use crate::component::instantiate::{Compiled, engine};
use crate::component::refusal::Refusal;
use crate::encode::Puppets;
use crate::engine::puppets::PuppetCache;

/// A runtime, and the puppets that it has compiled.
pub struct Compiler {
    engine: wasmi::Engine,
    puppets: PuppetCache<wasmi::Module>,
}

impl Default for Compiler {
    fn default() -> Compiler {
        Compiler { engine: engine(false), puppets: PuppetCache::default() }
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
        let Compiler { engine, puppets: compiled } = self;
        let puppets = match puppets {
            Puppets::Contained => Vec::new(),
            Puppets::Imported => {
                let puppets = compiled.of(shape, |bytes| wasmi::Module::new(engine, bytes));
                puppets.map_err(|error| Refusal::unsupported(format!("a puppet: {error}")))?
            }
        };
        Compiled::importing(bytes, engine, puppets)
    }
}
