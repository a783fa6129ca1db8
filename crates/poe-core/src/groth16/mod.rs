//! Groth16 over BN254 (Groth, "On the Size of Pairing-based Non-interactive Arguments", EUROCRYPT 2016), with
//! snarkjs's H basis so that its `.zkey` files fit.
//!
//! `engine` is the only module that knows who multiplies points and transforms polynomials. `generator`, `prover`,
//! `verifier`, `r1cs_to_qap` work on any R1CS; `circuits` says which there are keys of, `keys` puts those on disk; `batch`
//! and `membership` prove.

pub mod batch;
pub mod circuits;
pub mod data_structures;
pub mod encoding;
pub mod engine;
pub mod generator;
pub mod key_file;
pub mod keys;
pub mod machine;
pub mod membership;
pub mod prepared;
pub mod prover;
pub mod r1cs_to_qap;
pub mod soundness;
pub mod tables;
pub mod verifier;
