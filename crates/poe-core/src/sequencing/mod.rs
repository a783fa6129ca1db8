//! The sequencer's engine: transactions in, verified; batches out, executed, sealed and on disk.
//!
//! `pool` holds what waits, `seal` cuts batches from it, `store` keeps both on disk, `engine` ties them together for
//! callers on any number of threads. What a batch means stays in `transition`; nothing here judges a slot itself.
//!
//! **Invariant**: what a caller has been told (a transaction accepted, a batch sealed) is on disk.

pub mod code;
mod core;
pub mod engine;
mod pool;
pub mod record;
mod seal;
mod store;
pub mod workload;

pub use code::Code;
pub use engine::{Engine, EngineError, Rules};
pub use record::{Queue, Sealed};
pub use store::StoreError;
