//! canonfuzz: finds disagreements between an engine's component-model calls and an independent
//! reading of the Canonical ABI.
//!
//! The whole pipeline is [`Session::check`]: a case becomes a component and scripts for its guest;
//! the reference and the subject run them; the oracle compares what they show. All else feeds it
//! cases (`generate`, `corpus`) or explains what it said (`report`).

pub use canonical_abi as abi;
pub use canonical_abi::{types, value};
pub use component_interpreter as component;

pub mod files;
pub mod plain;

pub mod case;
pub mod observation;

pub mod generate;

pub mod encode;

pub mod engine;

pub mod oracle;

pub mod mix;

pub mod corpus;
pub mod drift;
pub mod replay;
pub mod report;

pub mod planted;
pub mod shrink;

pub mod fuzz;
pub mod releases;
pub mod run;
pub mod wast;

pub mod diff;

pub mod export;

mod session;

pub use session::{BadCase, Checked, Other, Session, Timings, own_build, subject_crashes};
