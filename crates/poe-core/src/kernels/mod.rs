//! The heavy arithmetic of the prover, by hand: the rest of the crate reaches it through `groth16::engine` only.

pub mod curve;
pub mod field;
pub mod msm;
pub mod ntt;
pub mod sparse;
pub mod stop;
