//! The circuits: one description of each gadget, read as constraints or as witness.
//!
//! `builder`, `hint` and `r1cs` are the machinery; `bits`, `poseidon`, `merkle`, `top` and, for signatures, `scalar`,
//! `edwards`, `montgomery`, `fixed_base`, `variable_base`, `eddsa` are gadgets of general use; `word`, `account`, `slot`,
//! `fees`, `statement`, `batch` follow docs/protocol.md, sections 3 to 5; `membership` is the circuit of section 9, by
//! which accounts leave; `mutate` looks for a second witness of either.
//!
//! **Invariant**: every batch content has a satisfying witness, and only one new root satisfies it.

pub mod account;
pub mod batch;
pub mod bits;
pub mod builder;
pub mod eddsa;
pub mod edwards;
pub mod fees;
pub mod fixed_base;
pub mod hint;
pub mod membership;
pub mod merkle;
pub mod montgomery;
pub mod mutate;
pub mod poseidon;
pub mod r1cs;
pub mod scalar;
pub mod slot;
pub mod statement;
#[cfg(test)]
mod testing;
pub mod top;
pub mod variable_base;
pub mod word;
