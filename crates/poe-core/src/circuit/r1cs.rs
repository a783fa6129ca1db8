//! A compiled circuit: sparse matrices A, B, C with `(A·w) ∘ (B·w) = C·w`, and the groups of its constraints.

use std::collections::BTreeMap;

use ark_ff::{AdditiveGroup, Field};
use sha2::{Digest, Sha256};

use crate::field::{self, Fr};

/// A sparse matrix by rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matrix {
    /// `rows + 1` positions in `wires` and `coefficients`.
    pub starts: Vec<u32>,
    pub wires: Vec<u32>,
    pub coefficients: Vec<Fr>,
}

impl Default for Matrix {
    fn default() -> Self {
        Self { starts: vec![0], wires: vec![], coefficients: vec![] }
    }
}

impl Matrix {
    pub fn rows(&self) -> usize {
        self.starts.len() - 1
    }

    /// Entries that are not zero.
    pub fn entries(&self) -> usize {
        self.wires.len()
    }

    /// The (wire, coefficient) pairs of one row.
    pub fn row(&self, row: usize) -> impl ExactSizeIterator<Item = (u32, Fr)> + '_ {
        let range = self.starts[row] as usize..self.starts[row + 1] as usize;
        let wires = self.wires[range.clone()].iter().copied();
        wires.zip(self.coefficients[range].iter().copied())
    }

    /// The product of one row and the wires' values.
    pub fn evaluate(&self, row: usize, values: &[Fr]) -> Fr {
        let mut sum = Fr::ZERO;
        for (wire, coefficient) in self.row(row) {
            let value = values[wire as usize];
            sum += if coefficient == Fr::ONE { value } else { coefficient * value };
        }
        sum
    }

    fn push_row(&mut self, terms: &[(u32, Fr)]) {
        self.wires.extend(terms.iter().map(|term| term.0));
        self.coefficients.extend(terms.iter().map(|term| term.1));
        self.starts.push(self.wires.len() as u32);
    }
}

/// The first constraint that a witness breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("constraint {constraint} of group \"{group}\" does not hold")]
pub struct Violation {
    pub constraint: usize,
    pub group: String,
}

/// A rank-1 constraint system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct R1cs {
    wires: usize,
    public_inputs: usize,
    /// A, B, C.
    pub matrices: [Matrix; 3],
    groups: Vec<String>,
    group_ids: BTreeMap<String, u32>,
    /// Group of each constraint.
    group_of: Vec<u32>,
}

impl R1cs {
    pub(super) fn new(public_inputs: usize) -> Self {
        Self {
            wires: 1 + public_inputs,
            public_inputs,
            matrices: Default::default(),
            groups: vec![],
            group_ids: BTreeMap::new(),
            group_of: vec![],
        }
    }

    /// Wires, the constant one included.
    pub fn wires(&self) -> usize {
        self.wires
    }

    /// Public inputs, the constant one not included.
    pub fn public_inputs(&self) -> usize {
        self.public_inputs
    }

    pub fn constraints(&self) -> usize {
        self.group_of.len()
    }

    /// Label of the group that a constraint belongs to.
    pub fn group(&self, constraint: usize) -> &str {
        &self.groups[self.group_of[constraint] as usize]
    }

    /// Constraints a group, by label.
    pub fn counts(&self) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        for constraint in 0..self.constraints() {
            *counts.entry(self.group(constraint)).or_insert(0) += 1;
        }
        counts
    }

    /// The same system without the constraints of the groups for which `is_deleted` holds; wires stay.
    pub fn without_groups(&self, is_deleted: impl Fn(&str) -> bool) -> Self {
        let mut kept = Self { matrices: Default::default(), group_of: vec![], ..self.clone() };
        for constraint in (0..self.constraints()).filter(|&i| !is_deleted(self.group(i))) {
            for (matrix, from) in kept.matrices.iter_mut().zip(&self.matrices) {
                matrix.push_row(&from.row(constraint).collect::<Vec<_>>());
            }
            kept.group_of.push(self.group_of[constraint]);
        }
        kept
    }

    /// Whether one constraint holds.
    pub fn holds(&self, constraint: usize, values: &[Fr]) -> bool {
        let [a, b, c] = &self.matrices;
        let product = a.evaluate(constraint, values) * b.evaluate(constraint, values);
        product == c.evaluate(constraint, values)
    }

    /// Whether all constraints hold, or the first that does not. `values` has one entry a wire.
    pub fn is_satisfied(&self, values: &[Fr]) -> Result<(), Violation> {
        let broken = (0..self.constraints()).find(|&constraint| !self.holds(constraint, values));
        match broken {
            None => Ok(()),
            Some(constraint) => Err(Violation { constraint, group: self.group(constraint).to_owned() }),
        }
    }

    /// The wires of a constraint, some of them more than once.
    pub fn wires_of(&self, constraint: usize) -> impl Iterator<Item = u32> + '_ {
        self.matrices.iter().flat_map(move |matrix| matrix.row(constraint)).map(|(wire, _)| wire)
    }

    /// For each wire, the constraints that it stands in.
    pub fn constraints_of_wires(&self) -> Vec<Vec<u32>> {
        let mut constraints = vec![vec![]; self.wires];
        for constraint in 0..self.constraints() {
            for (wire, _) in self.matrices.iter().flat_map(|matrix| matrix.row(constraint)) {
                let list: &mut Vec<u32> = &mut constraints[wire as usize];
                if list.last() != Some(&(constraint as u32)) {
                    list.push(constraint as u32);
                }
            }
        }
        constraints
    }

    /// SHA-256 of the canonical serialisation, first byte cleared (docs/protocol.md, section 7).
    ///
    /// Serialised, integers as u32 big-endian: `"poe-r1cs-1"`, wires, public inputs, constraints; then for each
    /// constraint its rows of A, B, C: number of terms, and each term as wire and 32-byte coefficient. Group
    /// labels are comments and not part of it.
    pub fn hash(&self) -> [u8; 32] {
        let mut hasher = Sha256::new();
        hasher.update(b"poe-r1cs-1");
        for count in [self.wires, self.public_inputs, self.constraints()] {
            hasher.update((count as u32).to_be_bytes());
        }
        let mut bytes = Vec::new();
        for constraint in 0..self.constraints() {
            bytes.clear();
            for matrix in &self.matrices {
                let row = matrix.row(constraint);
                bytes.extend_from_slice(&(row.len() as u32).to_be_bytes());
                for (wire, coefficient) in row {
                    bytes.extend_from_slice(&wire.to_be_bytes());
                    bytes.extend_from_slice(&field::to_bytes(&coefficient));
                }
            }
            hasher.update(&bytes);
        }
        let mut hash: [u8; 32] = hasher.finalize().into();
        hash[0] = 0;
        hash
    }

    pub(super) fn add_wire(&mut self) -> u32 {
        self.wires += 1;
        (self.wires - 1) as u32
    }

    pub(super) fn add_constraint(&mut self, rows: [&[(u32, Fr)]; 3], group: u32) {
        for (matrix, row) in self.matrices.iter_mut().zip(rows) {
            matrix.push_row(row);
        }
        self.group_of.push(group);
    }

    pub(super) fn group_id(&mut self, label: &str) -> u32 {
        if let Some(&id) = self.group_ids.get(label) {
            return id;
        }
        let id = self.groups.len() as u32;
        self.groups.push(label.to_owned());
        self.group_ids.insert(label.to_owned(), id);
        id
    }
}
