//! A case as bytes, for libFuzzer: a magic, a version, and a flat form that cannot nest.
//! Knows nothing of text but what does not survive it; what a valid case is, `check` says.

mod v1;
mod v2;
mod v3;
mod v4;
mod v5;

#[cfg(test)]
mod tests;

use anyhow::{Context, Result, anyhow, bail, ensure};

use super::check::check;
use super::text::core_survives;
use super::{Case, Limits};

/// How an encoded case begins.
pub const MAGIC: &[u8] = b"cfz";
const VERSION: u8 = b'4';
/// Of a case in which a guest does what nobody scripted.
const NOISY_VERSION: u8 = b'5';

/// Longer inputs are no cases: libFuzzer's default is 4,096, and a run should stay cheap.
const MAX_BYTES: usize = 65_536;

/// Whether this claims to be an encoded case, of whatever version.
pub fn is_encoded(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// The newest form of `case`. It may exceed what `decode` takes; so may what is not valid.
pub fn encode(case: &Case) -> Vec<u8> {
    let noisy = case.shape.is_noisy();
    let mut bytes = MAGIC.to_vec();
    bytes.push(if noisy { NOISY_VERSION } else { VERSION });
    bytes.extend(if noisy { v5::encode(case) } else { v4::encode(case) });
    bytes
}

/// The valid case that was encoded as `bytes`, by this version or an older one.
pub fn decode(bytes: &[u8]) -> Result<Case> {
    ensure!(bytes.len() <= MAX_BYTES, "{} bytes are more than {MAX_BYTES}", bytes.len());
    decode_any(bytes)
}

/// The same of any length: text may say more than a fuzzer's input, and so may what it is exported as.
pub fn decode_any(bytes: &[u8]) -> Result<Case> {
    let body = bytes.strip_prefix(MAGIC).context("the magic is missing")?;
    let case = match body.split_first() {
        Some((b'1', body)) => v1::decode(body, &Limits::CASE)?,
        Some((b'2', body)) => v2::decode(body, &Limits::CASE)?,
        Some((b'3', body)) => v3::decode(body, &Limits::CASE)?,
        Some((b'4', body)) => v4::decode(body, &Limits::CASE)?,
        Some((b'5', body)) => v5::decode(body, &Limits::CASE)?,
        Some((version, _)) => bail!("version {version:#04x} is unknown"),
        None => bail!("the version is missing"),
    };
    check(&case, &Limits::CASE).map_err(|why| anyhow!(why))?;
    let mut noise = case.shape.guests.iter().filter_map(|guest| guest.noise.as_ref());
    ensure!(noise.all(|module| core_survives(module)), "core code would not survive as text");
    Ok(case)
}
