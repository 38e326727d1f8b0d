//! Version 5 of the bytes: version 4, and core code of guests that nobody scripted.
//! Knows nothing of what version 4 says.

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::case::{Case, Limits};

use super::v4;

/// A case of version 4, and what it lacks.
#[derive(Serialize, Deserialize)]
struct Noisy {
    /// The guest of this number.
    guest: u32,
    #[serde(with = "serde_bytes")]
    module: Vec<u8>,
}

/// The modules come first, for the case has no end of its own.
pub fn encode(case: &Case) -> Vec<u8> {
    let guests = (0..).zip(&case.shape.guests);
    let noise: Vec<_> = guests
        .filter_map(|(guest, of)| {
            let module = of.noise.clone()?;
            Some(Noisy { guest, module })
        })
        .collect();
    let mut bytes = postcard::to_stdvec(&noise).expect("postcard can write bytes");
    bytes.extend(v4::encode(case));
    bytes
}

/// The types are within `limits`; all else is the caller's to check.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Case> {
    let (noise, rest): (Vec<Noisy>, _) = postcard::take_from_bytes(bytes)?;
    let mut case = v4::decode(rest, limits)?;
    ensure!(!noise.is_empty(), "no guest has core code of its own");
    for Noisy { guest, module } in noise {
        let guest = case.shape.guests.get_mut(usize::try_from(guest)?);
        let of = guest.context("core code has no guest")?;
        ensure!(of.noise.is_none(), "a guest has core code twice");
        of.noise = Some(module);
    }
    Ok(case)
}
