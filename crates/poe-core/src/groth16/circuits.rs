//! The circuits that there are keys of, and how a key file names them.

use std::fmt;

use super::keys::KeyError;
use crate::circuit::{batch, membership, r1cs::R1cs};

/// A circuit that there are keys of.
pub trait Circuit: Copy + fmt::Display + Send + Sync {
    /// What its family is called in errors.
    const FAMILY: &'static str;

    /// Slots and depth, as a key file has them; 0 slots for the membership circuit.
    fn numbers(self) -> [usize; 2];

    /// The circuit with these numbers; `None` if they are those of another family.
    fn from_numbers(numbers: [usize; 2]) -> Option<Self>;

    fn compile(self) -> Result<R1cs, KeyError>;
}

/// The batch circuit of a shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchCircuit {
    pub slots: usize,
    pub depth: usize,
}

impl fmt::Display for BatchCircuit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.slots, self.depth)
    }
}

impl Circuit for BatchCircuit {
    const FAMILY: &'static str = "a batch circuit";

    fn numbers(self) -> [usize; 2] {
        [self.slots, self.depth]
    }

    fn from_numbers([slots, depth]: [usize; 2]) -> Option<Self> {
        (slots > 0).then_some(Self { slots, depth })
    }

    fn compile(self) -> Result<R1cs, KeyError> {
        Ok(batch::compile(self.slots, self.depth)?)
    }
}

/// The membership circuit of a depth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MembershipCircuit {
    pub depth: usize,
}

impl fmt::Display for MembershipCircuit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "membership circuit of depth {}", self.depth)
    }
}

impl Circuit for MembershipCircuit {
    const FAMILY: &'static str = "a membership circuit";

    fn numbers(self) -> [usize; 2] {
        [0, self.depth]
    }

    fn from_numbers([slots, depth]: [usize; 2]) -> Option<Self> {
        (slots == 0).then_some(Self { depth })
    }

    fn compile(self) -> Result<R1cs, KeyError> {
        Ok(membership::compile(self.depth)?)
    }
}
