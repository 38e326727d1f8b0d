//! Version 3 of the bytes: guests that call one another. Frozen like those before it, which become it.
//! Knows how it becomes version 4, of which the parts that both have are as frozen.

use anyhow::Result;
use serde::Deserialize;

use crate::case::{Case, Limits};

use super::v4::{
    self, Api, FuncType, Guest, Manner, Mode, Path, Paths, Resource, Script, TypeEntry,
};

/// The types are within `limits`; all else is the caller's to check.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Case> {
    let flat: Flat = v4::take_all(bytes)?;
    v4::build(upgrade(flat), limits)
}

/// All but the values, which follow in `values` in the order of the case, under their types.
#[derive(Deserialize)]
pub struct Flat {
    pub tuning: Tuning,
    pub resources: Vec<Resource>,
    pub types: Vec<TypeEntry>,
    /// What each guest exports, and then what the last one imports, if it does.
    pub functions: Vec<FuncType>,
    pub guests: Vec<Guest>,
    pub calls: Vec<Call>,
    pub values: Vec<u8>,
}

#[derive(Deserialize)]
pub struct Tuning {
    pub optimize: bool,
    pub pooling: bool,
    pub moving_memory: bool,
    pub concurrency: bool,
    pub signals: bool,
    pub guards: bool,
}

#[derive(Deserialize)]
pub struct Call {
    pub scripts: Vec<Script>,
    pub host_drops: Vec<u32>,
}

pub fn upgrade(flat: Flat) -> v4::Flat {
    let Flat { tuning, resources, types, functions, guests, calls, values } = flat;
    let Tuning { optimize, pooling, moving_memory, concurrency, signals, guards } = tuning;
    let call =
        |Call { scripts, host_drops }| v4::Call { scripts, host_drops, manner: Manner::Once };
    let plain = || Path { api: Api::Dynamic, mode: Mode::Sync };
    v4::Flat {
        tuning: v4::Tuning {
            optimize,
            pooling,
            moving_memory,
            concurrency,
            signals,
            guards,
            fuel: false,
            epochs: false,
        },
        paths: Paths { call: plain(), import: plain(), polls: 0, neighbor: false },
        resources,
        types,
        functions,
        asyncs: 0,
        guests,
        calls: calls.into_iter().map(call).collect(),
        values,
    }
}
