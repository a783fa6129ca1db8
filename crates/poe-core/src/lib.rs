//! The heavy arithmetic of poe: hashes, signatures, state, circuit and Groth16 prover. Knows no Python.
//!
//! `docs/protocol.md` says what every function here must mean; the modules follow its sections.

pub mod account;
pub mod field;
pub mod outcome;
pub mod poseidon;
pub mod trace;
