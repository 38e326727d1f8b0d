//! Scripts of the component model's reference tests, run on both engines.
//! Knows nothing of cases, nor of how an engine runs a component.

pub mod compare;
pub mod subject;

use self::compare::Difference;
use crate::component::wast::engine::Engine;
use crate::component::wast::read::NoScript;
use crate::component::wast::{self, Side};

/// What a script did.
pub struct Played {
    pub sides: Vec<Side>,
    /// Where the engines differ, if there are two.
    pub differences: Vec<Difference>,
}

/// Runs a script on each of the engines.
pub fn play(text: &str, engines: &mut [Box<dyn Engine>]) -> Result<Played, NoScript> {
    let sides = engines.iter_mut().map(|engine| wast::play(text, engine.as_mut()));
    let sides = sides.collect::<Result<Vec<_>, _>>()?;
    let differences = match sides.as_slice() {
        [expected, observed] => compare::differences(&expected.steps, &observed.steps),
        _ => Vec::new(),
    };
    Ok(Played { sides, differences })
}
