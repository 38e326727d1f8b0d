//! A case as bytes, for libFuzzer: a magic, a version, and a flat form that cannot nest.
//! Knows nothing of text but what does not survive it; what a valid case is, `check` says.

mod form;
mod read;
mod types;
mod values;
mod write;

#[cfg(test)]
mod tests;

use anyhow::{Context, Result, anyhow, bail, ensure};

use super::check::check;
use super::text::core_survives;
use super::{Case, Limits};

/// How an encoded case begins.
pub const MAGIC: &[u8] = b"cfz";
/// The form may change until the first release, which freezes it as version 1.
const VERSION: u8 = b'0';

/// Longer inputs are no cases: libFuzzer's default is 4,096, and a run should stay cheap.
const MAX_BYTES: usize = 65_536;

/// Whether this claims to be an encoded case, of whatever version.
pub fn is_encoded(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// It may exceed what `decode` takes; so may what is not valid.
pub fn encode(case: &Case) -> Vec<u8> {
    [MAGIC, &[VERSION], &write::write(case)].concat()
}

/// The valid case that was encoded as `bytes`, which may be anybody's.
pub fn decode(bytes: &[u8]) -> Result<Case> {
    ensure!(bytes.len() <= MAX_BYTES, "{} bytes are more than {MAX_BYTES}", bytes.len());
    decode_any(bytes)
}

/// The valid case that was encoded as `bytes`, of any length: text may say more than a fuzzer's input, and so may what
/// it is exported as.
pub fn decode_any(bytes: &[u8]) -> Result<Case> {
    let body = bytes.strip_prefix(MAGIC).context("the magic is missing")?;
    let case = match body.split_first() {
        Some((&VERSION, body)) => read::read(body, &Limits::CASE)?,
        Some((version, _)) => bail!("version {version:#04x} is unknown"),
        None => bail!("the version is missing"),
    };
    check(&case, &Limits::CASE).map_err(|why| anyhow!(why))?;
    let mut noise = case.shape.guests.iter().filter_map(|guest| guest.noise.as_ref());
    ensure!(noise.all(|module| core_survives(module)), "core code would not survive as text");
    Ok(case)
}
