//! Scripts of the component model's reference tests, run on both engines.
//! Knows nothing of cases, nor of how an engine runs a component.

pub mod compare;
pub mod subject;

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use self::compare::Difference;
use crate::component::wast::engine::Engine;
use crate::component::wast::read::{MAX_BYTES, NoScript};
use crate::component::wast::{self, Side};
use crate::files::Search;
use crate::{files, plain};

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

/// The scripts at these paths: files as they are named, folders with all that is in them, in the order of their
/// names.
pub fn find(paths: &[PathBuf]) -> Search {
    files::find(paths, &|path| Ok(path.extension().is_some_and(|ending| ending == "wast")))
}

/// Reads a script's text.
pub fn load(path: &Path) -> Result<String> {
    let Ok(text) = String::from_utf8(files::read(path, MAX_BYTES)?) else {
        bail!("{}: no script, for it is no text", plain::name(path));
    };
    Ok(text)
}
