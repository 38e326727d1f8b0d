//! Arguments and answers for types that nobody here chose.
//! Knows what resources a host holds; no engine but by what it says of that.

use std::sync::Arc;

use crate::engine::any::{Answers, Imports};
use crate::engine::host::change_handles;
use crate::engine::reference::any::AnyRun;
use crate::generate::Draws;
use crate::types::{FuncType, Handle, Type};
use crate::value::Value;

/// Where the representations of the host's own resources begin in arguments, and in answers.
const FIRST_REP: u32 = 1_000;
const FIRST_ANSWERED_REP: u32 = 1_000_000;

/// Draws arguments.
pub struct Draw {
    draws: Draws,
    next_rep: u32,
}

impl Draw {
    pub fn new(seed: u64) -> Draw {
        Draw { draws: Draws::new(seed), next_rep: FIRST_REP }
    }

    /// Arguments for a function; nothing where the host holds no resource that it would have to pass.
    pub fn args(
        &mut self,
        ty: &FuncType,
        run: &mut AnyRun,
        imports: &Imports,
    ) -> Option<Vec<Value>> {
        let values = self.draws.values(&ty.params);
        let mut used = Vec::new();
        let mut missing = false;
        let mut number = |handle: &Handle, _| {
            let resource = handle.resource().expect("no component with others is decoded");
            if imports.resources.contains_key(&resource) {
                self.next_rep += 1;
                return self.next_rep;
            }
            let held = run.numbers().into_iter();
            let held = held.filter(|(number, of)| *of == resource && !used.contains(number));
            let numbers: Vec<u32> = held.map(|(number, _)| number).collect();
            let Some(number) = self.draws.choose(&numbers) else {
                missing = true;
                return 0;
            };
            used.push(number);
            number
        };
        let pairs = values.iter().zip(&ty.params);
        let args = pairs.map(|(value, ty)| change_handles(value, ty, &mut number)).collect();
        (!missing).then_some(args)
    }
}

/// What functions of the host answer: the same for the same seed, path and number of calls.
pub fn answers(seed: u64) -> Answers {
    Arc::new(move |path, ty, calls| {
        let ty = ty.result.as_ref()?;
        let mut draws = Draws::new(seed ^ hash(path) ^ calls.rotate_left(32));
        let value = draws.values(std::slice::from_ref(ty)).pop()?;
        Some(with_new_handles(&value, ty, calls))
    })
}

/// Every handle in what the host answers is to a resource of its own; of some thousand answers with
/// some hundred handles each, all are different.
fn with_new_handles(value: &Value, ty: &Type, calls: u64) -> Value {
    let calls = u32::try_from(calls % 4_096).expect("12 bits fit");
    let mut next = FIRST_ANSWERED_REP + calls * 256;
    change_handles(value, ty, &mut |_, _| {
        next += 1;
        next
    })
}

/// FNV-1a: the same on every machine.
fn hash(path: &str) -> u64 {
    path.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
