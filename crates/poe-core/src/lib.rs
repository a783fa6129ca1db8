//! The heavy arithmetic of poe: hashes, signatures, state, circuit and Groth16 prover. Knows no Python.
//!
//! `docs/protocol.md` says what every function here must mean; the modules follow its sections.

pub mod account;
pub mod babyjubjub;
pub mod batch;
pub mod circuit;
pub mod eddsa;
pub mod field;
pub mod groth16;
mod keccak;
pub mod kernels;
pub mod membership;
pub mod merkle;
pub mod outcome;
pub mod poseidon;
pub mod sequencing;
pub mod snarkjs;
pub mod state;
pub mod statement;
pub mod trace;
pub mod transaction;
pub mod transition;
