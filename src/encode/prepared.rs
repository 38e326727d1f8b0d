//! A case made ready: what each guest hands over and is told in each call, made once for all who run, show or export it.
//! Knows calls and guests by number, and nothing of what becomes of them.

use super::script::{GuestData, guest_data, script};
use crate::case::{Call, Case, Chunk, Guest};

/// What a case comes to before anyone runs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// One script for each guest, call by call.
    pub calls: Vec<Vec<PreparedScript>>,
}

/// The script of a guest in a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreparedScript {
    pub data: GuestData,
    /// As the puppet reads it.
    pub bytes: Vec<u8>,
}

impl Prepared {
    /// An error says what does not fit.
    pub fn of(case: &Case) -> Result<Prepared, String> {
        let calls = case.calls.iter().enumerate().map(|(i, call)| {
            let scripts = of_call(&case.shape.guests, call, i == 0);
            scripts.map_err(|error| format!("call {i}: {error}"))
        });
        Ok(Prepared { calls: calls.collect::<Result<_, _>>()? })
    }

    /// What a guest hands over in a call.
    pub fn data(&self, call: usize, guest: usize) -> &GuestData {
        &self.calls[call][guest].data
    }

    /// The bytes that it puts into its memory for that.
    pub fn chunks(&self, call: usize, guest: usize) -> &[Chunk] {
        &self.data(call, guest).memory
    }
}

fn of_call(guests: &[Guest], call: &Call, first: bool) -> Result<Vec<PreparedScript>, String> {
    let scripts = guests.iter().zip(&call.scripts).enumerate();
    let scripts = scripts.map(|(i, (guest, actions))| {
        let prepared = guest_data(guest, actions).and_then(|data| {
            let bytes = script(guest, actions, &data, first)?;
            Ok(PreparedScript { data, bytes })
        });
        prepared.map_err(|error| if i == 0 { error } else { format!("guest {i}: {error}") })
    });
    scripts.collect()
}
