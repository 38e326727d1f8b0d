//! Who runs a case: the reference, and the subject.
//! Engines record what a run shows; none of them judges.

pub mod any;
pub mod holdings;
pub mod host;
pub mod local;
pub mod machine;
pub mod numbers;
pub mod puppets;
pub mod reference;
pub mod wasmtime;
pub mod worker;
