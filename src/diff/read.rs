//! A component's file, binary or text, as bytes.
//! Knows nothing of what is in it.

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};

use crate::component::wast::read::{self, STACK_BYTES};
use crate::files;
use crate::plain::name;

/// The longest file that is read.
const MAX_BYTES: u64 = 256 << 20;

/// Reads a component.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    let bytes = files::read(path, MAX_BYTES)?;
    if bytes.starts_with(b"\0asm") {
        return Ok(bytes);
    }
    let Ok(text) = String::from_utf8(bytes) else {
        bail!("{}: neither a component nor text", name(path));
    };
    encode(text).with_context(|| name(path))
}

/// The parser recurses: it gets a stack of its own.
fn encode(text: String) -> Result<Vec<u8>> {
    let parse = move || read::component(&text).map_err(|error| anyhow!("{error}"));
    let parser = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(parse);
    let parser = parser.context("cannot start a thread")?;
    parser.join().map_err(|_| anyhow!("the parser of component text failed"))?
}
