//! The heavy arithmetic of the prover, by hand: the rest of the crate reaches it through `groth16::engine` only.

pub mod field;
pub mod ntt;
pub mod stop;
